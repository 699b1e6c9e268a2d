package graceful

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// checkTimeout is a little less than the second that Kubernetes gives a probe.
const checkTimeout = 800 * time.Millisecond

// Healthz answers 200 as long as the process answers, also while it shuts down. Use
// it for liveness probes, which kill a process that fails them. It asks none of
// Options.Checks.
// It is an http.HandlerFunc.
func (s *Service) Healthz(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, health{Status: "ok"})
}

// Readyz answers 200 if the server is to get new clients, and 503 from the beginning of
// the shutdown on, or while one of Options.Checks fails: it is for readiness probes
// and load balancers. Established connections go on either way. It is an
// http.HandlerFunc.
func (s *Service) Readyz(w http.ResponseWriter, r *http.Request) {
	switch failed := s.failed(r.Context()); {
	case s.ending.Load():
		answer(w, http.StatusServiceUnavailable, health{Status: "shutting down"})
	case failed != nil:
		answer(w, http.StatusServiceUnavailable, health{Status: "not ready", Failed: failed})
	default:
		answer(w, http.StatusOK, health{Status: "ok"})
	}
}

// health is what the handlers answer.
type health struct {
	Status string   `json:"status"`
	Failed []string `json:"failed,omitempty"` // names of checks
}

func answer(w http.ResponseWriter, status int, h health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(h) // fails only if nobody reads it any more
}

// failed asks all checks at once and returns the names of those that fail, in order.
func (s *Service) failed(ctx context.Context) []string {
	if len(s.checks) == 0 || s.ending.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	for _, c := range s.checks { // all run before the first is waited for
		c.start()
	}
	var failed []string
	for _, c := range s.checks {
		if !c.passed(ctx) {
			failed = append(failed, c.name)
		}
	}
	return failed
}

// A check is one of Options.Checks. However many probes come, it runs once at a time:
// they share its answer.
type check struct {
	name string
	ask  func(context.Context) error
	log  *slog.Logger

	mu      sync.Mutex
	running chan struct{} // closed when it has returned; nil: it does not run
	err     error         // what it has returned last
	failing bool          // what was logged last
}

func newChecks(o Options) []*check {
	var all []*check
	for _, name := range slices.Sorted(maps.Keys(o.Checks)) {
		if o.Checks[name] == nil {
			panic(fmt.Sprintf("socketio: graceful.Options.Checks[%q] is nil", name))
		}
		all = append(all, &check{name: name, ask: o.Checks[name], log: o.Logger})
	}
	return all
}

// start runs the check, unless it runs.
func (c *check) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running != nil {
		return
	}
	done := make(chan struct{})
	c.running = done
	go func() { // until the application's function returns
		err := errQuit
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.running, c.err = nil, err
			close(done)
		}()
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		defer cancel()
		if err = c.ask(ctx); err == nil {
			err = ctx.Err() // who does not heed the context is not let off for that
		}
	}()
}

// errQuit fails a check that has ended its goroutine.
var errQuit = errors.New("the check has called runtime.Goexit")

// passed waits for the answer of a check that was started, at most until ctx ends.
func (c *check) passed(ctx context.Context) bool {
	c.mu.Lock()
	running := c.running
	c.mu.Unlock()
	var late error
	if running != nil {
		select {
		case <-running:
		case <-ctx.Done():
			late = ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(late, context.Canceled) {
		return false // the prober has gone: this says nothing of the check
	}
	err := c.err
	if late != nil {
		err = late
	}
	c.noteLocked(err)
	return err == nil
}

// noteLocked logs a change.
func (c *check) noteLocked(err error) {
	if failing := err != nil; failing != c.failing {
		c.failing = failing
		if failing {
			c.log.Warn("graceful: not ready", "check", c.name, "err", err)
		} else {
			c.log.Info("graceful: ready again", "check", c.name)
		}
	}
}
