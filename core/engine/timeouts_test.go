package engine_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// TestServerTimeouts: the settings of http.Server that end requests and
// connections concern neither a poll that waits longer nor a WebSocket, before
// and after an upgrade, in both directions.
func TestServerTimeouts(t *testing.T) {
	t.Parallel()
	const short = 100 * time.Millisecond
	tests := []struct {
		name string
		tune func(*http.Server)
	}{
		{"ReadTimeout", func(s *http.Server) { s.ReadTimeout = short }},
		{"ReadHeaderTimeout", func(s *http.Server) { s.ReadHeaderTimeout = short }},
		{"WriteTimeout", func(s *http.Server) { s.WriteTimeout = short }},
		{"all", func(s *http.Server) {
			s.ReadTimeout, s.ReadHeaderTimeout, s.WriteTimeout = short, short, short
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{tune: tt.tune, opts: engine.Options{PingInterval: 3 * short, PingTimeout: time.Minute}})
				lives(h)
			})
		})
	}
}

// TestIdleTimeout: in virtual time only, where no request can meet the end of
// the connection it goes by.
func TestIdleTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		lives(serveIn(t, setup{
			tune: func(s *http.Server) { s.IdleTimeout = time.Second },
			opts: engine.Options{PingInterval: 3 * time.Second},
		}))
	})
}

// lives uses a session, and another one, in every way and for longer than any
// timeout.
func lives(h *host) {
	h.t.Helper()
	sid := h.open()
	s := h.session()
	h.answered(h.poll(sid), "2")
	h.posted(sid, "3\x1e4x") // on a connection that may have to be a new one
	h.answered(h.poll(sid), "4x")
	h.answered(h.poll(sid), "2") // meanwhile the other connection is idle
	h.posted(sid, "3\x1e4y")
	h.answered(h.poll(sid), "4y")
	h.upgraded(sid).outlives(s)
	c, _ := h.wsOpen("")
	c.outlives(h.session())
	h.alive()
}

// upgraded moves a session to a WebSocket.
func (h *host) upgraded(sid string) *client {
	h.t.Helper()
	c := h.ws("&sid=" + sid)
	c.send("2probe")
	c.expect("3probe")
	c.send("5")
	return c
}

// outlives waits for a ping, which comes later than any deadline that has been
// set, and uses the connection in both directions; twice.
func (c *client) outlives(s *engine.Session) {
	c.t.Helper()
	for range 2 {
		c.expect("2")
		c.send("3", "4a")
		c.expect("4a")
		assert.NoError(c.t, s.Send(text("b")))
		c.expect("4b")
	}
}

// TestMiddlewareDeadlines: those that a middleware sets through
// http.ResponseController end with the upgrade, too.
func TestMiddlewareDeadlines(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		const short = 50 * time.Millisecond
		h := serve(t, setup{opts: engine.Options{PingInterval: 2 * short}, wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Upgrade") != "" {
					rc := http.NewResponseController(w)
					_ = rc.SetReadDeadline(time.Now().Add(short))
					_ = rc.SetWriteDeadline(time.Now().Add(short))
				}
				next.ServeHTTP(w, r)
			})
		}})
		c, _ := h.wsOpen("")
		c.outlives(h.session())
		sid := h.open()
		s := h.session()
		h.upgraded(sid).outlives(s)
		h.alive()
	})
}
