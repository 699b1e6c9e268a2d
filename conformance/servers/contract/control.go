package contract

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// Control is the contract's plain HTTP endpoints, below /control/.
func (c *Contract) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /control/reason", func(w http.ResponseWriter, r *http.Request) {
		reason, ok := c.reasons.wait(r.FormValue("id"), 5*time.Second)
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, reason) // or the test is gone
	})
	mux.HandleFunc("GET /control/exists", c.exists)
	mux.HandleFunc("POST /control/say", func(w http.ResponseWriter, r *http.Request) {
		to := c.IO.To(r.FormValue("room"))
		if r.FormValue("volatile") != "" {
			to = to.Volatile()
		}
		if err := to.Emit("said", r.FormValue("text")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /control/shutdown", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		c.once.Do(func() { close(c.shutdown) })
	})
	return mux
}

// reasons remembers why each socket was disconnected.
type reasons struct {
	mu      sync.Mutex
	byID    map[string]string
	waiters map[string]chan struct{} // closed when the reason is known
}

func newReasons() *reasons {
	return &reasons{byID: map[string]string{}, waiters: map[string]chan struct{}{}}
}

func (r *reasons) set(id, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byID[id] = reason
	if known, ok := r.waiters[id]; ok {
		close(known)
		delete(r.waiters, id)
	}
}

func (r *reasons) wait(id string, most time.Duration) (string, bool) {
	r.mu.Lock()
	if reason, ok := r.byID[id]; ok {
		r.mu.Unlock()
		return reason, true
	}
	known, ok := r.waiters[id]
	if !ok {
		known = make(chan struct{})
		r.waiters[id] = known
	}
	r.mu.Unlock()

	select {
	case <-known:
	case <-time.After(most):
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	reason, ok := r.byID[id]
	return reason, ok
}
