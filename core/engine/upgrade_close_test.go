package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// TestCloseDuringUpgrade: the session ends while a WebSocket is being tried.
func TestCloseDuringUpgrade(t *testing.T) {
	t.Parallel()
	ends := map[string]struct {
		do     func(h *host, sid string, s *engine.Session)
		reason engine.Reason
	}{
		"client":       {func(h *host, sid string, _ *engine.Session) { h.posted(sid, "1") }, engine.ReasonTransportClose},
		"parse error":  {func(h *host, sid string, _ *engine.Session) { h.post(sid, "x") }, engine.ReasonParseError},
		"Server.Close": {func(h *host, _ string, _ *engine.Session) { h.srv.Close() }, engine.ReasonServerShuttingDown},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{CloseTimeout: 50 * time.Millisecond}})
				sid := h.open()
				c := h.probe(sid)
				end.do(h, sid, h.session())
				h.ended(end.reason)
				c.expectEnd()
				assert.NoError(t, h.srv.Shutdown(t.Context()))
			})
		})
	}
}

// TestCloseDuringProbe: a server closes a session whose client may have stopped
// polling for the upgrade. What it is owed reaches it by the transport that it
// goes on with. The stock client, for one, would hang until its ping timeout.
func TestCloseDuringProbe(t *testing.T) {
	t.Parallel()
	type step func(h *host, sid string, c *client)
	upgrade := func(code int, want ...string) step {
		return func(h *host, sid string, c *client) {
			c.send("5")
			c.expect(want...)
			c.expectClose(code)
			h.get(sid).refused(h.t, 400, badRequest)
			c.raw(frames(autobahn.Frame{Op: autobahn.Close}))
			c.expectEnd()
		}
	}
	closeIt := func(_ *host, s *engine.Session) { s.Close() }
	shutdown := func(h *host, _ *engine.Session) { go func() { _ = h.srv.Shutdown(h.t.Context()) }() }
	tests := map[string]struct {
		owed   []string
		end    func(h *host, s *engine.Session)
		reason engine.Reason
		then   step
	}{
		"it upgrades":              {[]string{"4a", "4b"}, closeIt, engine.ReasonForcedClose, upgrade(1005, "4a", "4b")},
		"it upgrades, owed a word": {nil, closeIt, engine.ReasonForcedClose, upgrade(1005)},
		"it upgrades, shutdown":    {[]string{"4a"}, shutdown, engine.ReasonServerShuttingDown, upgrade(1012, "4a")},
		"it polls": {[]string{"4a"}, closeIt, engine.ReasonForcedClose, func(h *host, sid string, c *client) {
			h.get(sid).refused(h.t, 200, "4a")
			h.get(sid).refused(h.t, 200, "1")
			c.expectEnd()
		}},
		"it polls, then upgrades": {[]string{"4a"}, closeIt, engine.ReasonForcedClose, func(h *host, sid string, c *client) {
			h.get(sid).refused(h.t, 200, "4a")
			upgrade(1005)(h, sid, c)
		}},
		"it gives the upgrade up": {[]string{"4a"}, closeIt, engine.ReasonForcedClose, func(h *host, sid string, c *client) {
			_ = c.conn.Close()
			h.get(sid).refused(h.t, 200, "4a")
			h.get(sid).refused(h.t, 200, "1")
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{CloseTimeout: 5 * time.Second}})
				sid := h.open()
				s := h.session()
				poll := h.poll(sid)
				c := h.probe(sid)
				h.answered(poll, "6")
				for _, m := range test.owed {
					assert.NoError(t, s.Send(text(m[1:])))
				}
				test.end(h, s)
				h.ended(test.reason)
				test.then(h, sid, c)
				assert.NoError(t, h.srv.Shutdown(t.Context()))
			})
		})
	}
	t.Run("it does nothing", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{})
			sid := h.open()
			c := h.probe(sid)
			h.session().Close()
			<-time.After(30 * time.Second) // the linger of a polling session
			synctest.Wait()
			c.expectEnd()
			assert.Equal(t, "sessions", h.srv.Count(), 0)
		})
	})
}
