package engine_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// handshakes begins n handshakes at once, one transport after the other, and returns when
// each was answered, and the answers.
func (h *host) handshakes(n int) (took []time.Duration, replies []reply) {
	h.t.Helper()
	start := time.Now()
	type answer struct {
		took time.Duration
		reply
	}
	answers := make(chan answer, n)
	for i := range n {
		go func() {
			r := h.try(request{query: "&transport=polling"})
			answers <- answer{time.Since(start), r}
		}()
		if i == 0 {
			synctest.Wait()
		}
	}
	for range n {
		a := <-answers
		assert.NoError(h.t, a.err)
		took, replies = append(took, a.took), append(replies, a.reply)
	}
	return took, replies
}

func count(replies []reply, status int) (n int) {
	for _, r := range replies {
		if r.status == status {
			n++
		}
	}
	return n
}

// busy checks the answer to a handshake that has to come again.
func busy(t *testing.T, r reply) {
	t.Helper()
	assert.Equal(t, "status", r.status, http.StatusServiceUnavailable)
	after := r.header.Get("Retry-After")
	assert.True(t, "Retry-After "+after, len(after) == 1 && after >= "1" && after <= "5")
	assert.Equal(t, "body", r.body, `{"code":4,"message":"Server is busy"}`)
}

// TestHandshakesPerSecond: handshakes over the rate wait for their turn, on all transports,
// and what belongs to an open session does not.
func TestHandshakesPerSecond(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{HandshakesPerSecond: 10}})
		took, replies := h.handshakes(5)
		assert.Equal(t, "opened", count(replies, http.StatusOK), 5)
		for i, d := range took {
			assert.Equal(t, "turn", d, time.Duration(i)*100*time.Millisecond)
		}
		start := time.Now()
		sid := h.open()
		assert.Equal(t, "the next one", time.Since(start), 100*time.Millisecond)
		h.wsOpen("")
		assert.Equal(t, "a WebSocket", time.Since(start), 200*time.Millisecond)
		h.probe(sid)
		assert.Equal(t, "an upgrade", time.Since(start), 200*time.Millisecond)
	})
}

// TestHandshakesBurst: 50 ms' worth of handshakes need not wait, and after a quiet time
// there are as many again, not more.
func TestHandshakesBurst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{HandshakesPerSecond: 100}})
		for range 2 {
			took, _ := h.handshakes(7)
			slices.Sort(took)
			const ms = time.Millisecond
			assert.Equal(t, "turns", took, []time.Duration{0, 0, 0, 0, 0, 10 * ms, 20 * ms})
			<-time.After(time.Hour)
		}
	})
}

// TestHandshakes: over the number at a time a client is told to come again, and gets in
// when it does.
func TestHandshakes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var refused []string
		h := serveIn(t, setup{opts: engine.Options{HandshakesPerSecond: 1, Handshakes: 3, OnRefused: func(_ *http.Request, e *engine.RequestError) {
			refused = append(refused, e.Context)
		}}})
		_, replies := h.handshakes(5) // one has its turn at once; three wait
		assert.Equal(t, "opened", count(replies, http.StatusOK), 4)
		busy(t, replies[slices.IndexFunc(replies, func(r reply) bool { return r.status != http.StatusOK })])
		assert.Equal(t, "refused", refused, []string{"over Limits.Handshakes"})
		_, replies = h.handshakes(3)
		assert.Equal(t, "opened later", count(replies, http.StatusOK), 3)
	})
}

// TestHandshakesWithoutLimit: negative options mean that nobody waits.
func TestHandshakesWithoutLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{HandshakesPerSecond: -1}})
		took, replies := h.handshakes(300)
		assert.Equal(t, "opened", count(replies, http.StatusOK), 300)
		assert.Equal(t, "longest", slices.Max(took), 0)
	})
}

// TestHandshakeGivenUp: a client that does not wait for its turn is counted no more.
func TestHandshakeGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{HandshakesPerSecond: 1, Handshakes: 1}})
		h.open()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		r := h.try(request{ctx: ctx, query: "&transport=polling"})
		assert.True(t, "gave up", r.err != nil)
		synctest.Wait()
		h.open() // has the next turn
		assert.Equal(t, "sessions", h.srv.Count(), 2)
	})
}

// TestHandshakesEnd: those who wait are refused when the server shuts down.
func TestHandshakesEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{HandshakesPerSecond: 1}})
		h.open()
		answered := make(chan reply)
		go func() { answered <- h.try(request{query: "&transport=polling"}) }()
		synctest.Wait()
		start := time.Now()
		h.srv.Close()
		r := <-answered
		assert.Equal(t, "status", r.status, http.StatusServiceUnavailable)
		assert.Equal(t, "body", r.body, `{"code":4,"message":"Server is shutting down"}`)
		assert.Equal(t, "at once", time.Since(start), 0)
	})
}

// TestMaxSessions: below, at and over the limit, and after a session has ended.
func TestMaxSessions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		asked := 0
		h := serveIn(t, setup{opts: engine.Options{MaxSessions: 2, HandshakesPerSecond: -1, AllowRequest: func(*http.Request) error {
			asked++
			return nil
		}}})
		first := h.openSession()
		h.wsOpen("")
		h.session()
		busy(t, h.do(request{query: "&transport=polling"}))
		assert.Equal(t, "by WebSocket", h.dial().http(upgradeRequest("&transport=websocket", keyHeaders)).StatusCode, http.StatusServiceUnavailable)
		assert.Equal(t, "asked", asked, 2)
		first.Close()
		h.ended(engine.ReasonForcedClose)
		<-time.After(time.Minute) // the client takes no notice, and is cut
		h.open()
	})
}

// openSession opens a session by polling and returns the server's side of it.
func (h *host) openSession() *engine.Session {
	h.t.Helper()
	h.open()
	return h.session()
}

// TestMemoryLimit: nobody gets in while the process uses more than its limit.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limit int64
		busy  bool
	}{
		"over":     {1 << 20, true},
		"under":    {1 << 40, false},
		"no limit": {-1, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{opts: engine.Options{MemoryLimit: tt.limit}})
				if !tt.busy {
					h.open()
					return
				}
				busy(t, h.do(request{query: "&transport=polling"}))
				assert.Equal(t, "by WebSocket", h.dial().http(upgradeRequest("&transport=websocket", keyHeaders)).StatusCode, http.StatusServiceUnavailable)
			})
		})
	}
}
