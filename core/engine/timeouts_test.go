package engine_test

import (
	"net/http"
	"slices"
	"strings"
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
	const short = 600 * time.Millisecond // a busy machine needs some of it: 300 ms were too few for a POST once in 20 runs at a load of 20
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
	for _, message := range []string{"4x", "4y"} {
		h.until(sid, "2")
		h.posted(sid, "3\x1e"+message) // on a connection that was idle, or a new one
		h.until(sid, message)
	}
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

// until polls until the packet has come; nothing but pings may come before.
func (h *host) until(sid, want string) {
	h.t.Helper()
	for {
		packets := strings.Split(h.get(sid).body, "\x1e")
		if want != "2" && slices.Contains(packets, "2") {
			h.posted(sid, "3")
		}
		if slices.Contains(packets, want) {
			return
		}
		assert.Equal(h.t, "packets before "+want, packets, []string{"2"})
	}
}

// until reads until the packet has come; nothing but pings may come before.
func (c *client) until(want string) {
	c.t.Helper()
	for {
		_, got := c.next()
		if got == want {
			return
		}
		assert.Equal(c.t, "packet before "+want, got, "2")
		c.send("3")
	}
}

// outlives waits for a ping, which comes later than any deadline that has been
// set, and uses the connection in both directions; twice.
func (c *client) outlives(s *engine.Session) {
	c.t.Helper()
	for range 2 {
		c.until("2")
		c.send("3", "4a")
		c.until("4a")
		assert.NoError(c.t, s.Send(text("b")))
		c.until("4b")
	}
}

// TestMiddlewareDeadlines: those that a middleware sets through
// http.ResponseController end with the upgrade, too.
func TestMiddlewareDeadlines(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		const short = 600 * time.Millisecond // a busy machine needs some of it: 300 ms were too few for a POST once in 20 runs at a load of 20
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
