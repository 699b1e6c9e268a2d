package engine_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// TestCloseWebSocket: what is queued goes out before the close frame, and
// nothing is taken or given afterwards.
func TestCloseWebSocket(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{opts: engine.Options{CloseTimeout: time.Minute}})
		c, sid := h.wsOpen("")
		s := h.session()
		assert.NoError(t, s.Send(text("a"), text(strings.Repeat("b", 100_000)), text("c")))
		s.Close()
		s.Close()
		assert.ErrorIs(t, s.Send(text("d")), engine.ErrClosed)
		assert.Equal(t, "volatile", s.SendVolatile(text("d")), false)
		h.ended(engine.ReasonForcedClose)
		c.expect("4a", "4"+strings.Repeat("b", 100_000), "4c")
		c.expectClose(1005)
		c.send("4late")
		res := h.dial().http(upgradeRequest("&transport=websocket&sid="+sid, keyHeaders))
		assert.Equal(t, "upgrade: accepted to be closed", res.StatusCode, 101)
		c.raw(frames(closeFrame(1000)))
		c.expectEnd()
	})
}

// TestCloseHandshake: a peer that never answers a close frame.
func TestCloseHandshake(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		end   func(h *host, c *client, s *engine.Session)
		code  int
		after time.Duration // until the connection is gone
	}{
		{"forced", func(_ *host, _ *client, s *engine.Session) { s.Close() }, 1005, 2 * time.Second},
		{"shutdown", func(h *host, _ *client, _ *engine.Session) { go func() { _ = h.srv.Shutdown(context.Background()) }() }, 1012, 2 * time.Second},
		{"parse error", func(_ *host, c *client, _ *engine.Session) { c.send("x") }, 1005, 2 * time.Second},
		{"broken frame", func(_ *host, c *client, _ *engine.Session) { c.raw([]byte{0xF1, 0x80}) }, 1002, 2 * time.Second},
		{"client's close", func(_ *host, c *client, _ *engine.Session) { c.raw(frames(closeFrame(4001))) }, 4001, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{})
				c, _ := h.wsOpen("")
				start := time.Now()
				tt.end(h, c, h.session())
				c.expectClose(tt.code)
				assert.Equal(t, "close frame", time.Since(start), 0)
				stop := make(chan struct{})
				go func() { // it even goes on sending
					defer close(stop)
					for {
						if _, err := c.conn.Write(frames(textFrame("4x"))); err != nil {
							return
						}
						<-time.After(100 * time.Millisecond)
					}
				}()
				c.expectEnd()
				assert.Equal(t, "gone after", time.Since(start), tt.after)
				<-stop
				synctest.Wait()
				assert.Equal(t, "sessions", h.srv.Count(), 0)
			})
		})
	}
}

// TestFailedConnection: a peer that broke a protocol gets a close frame and at once the
// end of the connection, on which it may still send; when it ends its side, the session
// is gone. So the server closes first, as RFC 6455 section 7.1.1 wants.
func TestFailedConnection(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]starter{"TCP": serve, "TLS": serveTLS} {
		for _, tt := range []struct {
			sent string // that is refused
			raw  []byte
			code int
		}{
			{"frame", []byte{0xF1, 0x80}, 1002},
			{"packet", frames(textFrame("x")), 1005},
		} {
			t.Run(name+" "+tt.sent, func(t *testing.T) {
				t.Parallel()
				h := serve(t, setup{opts: engine.Options{CloseTimeout: time.Hour}})
				c, _ := h.wsOpen("")
				assert.NoError(t, c.conn.SetDeadline(time.Now().Add(h.patience)))
				c.raw(tt.raw)
				c.expectClose(tt.code)
				c.expectEnd()
				for range 3 { // the second one would fail on a connection that is closed
					c.raw(frames(textFrame("4late"), closeFrame(tt.code)))
				}
				assert.Equal(t, "sessions", h.srv.Count(), 1)
				_ = c.conn.Close()
				assert.NoError(t, h.srv.Shutdown(t.Context()))
			})
		}
	}
}

// TestPeerGoes: the ways in which a WebSocket client goes.
func TestPeerGoes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		do     func(c *client)
		code   int // of our close frame; 0 for none
		reason engine.Reason
	}{
		"close":               {func(c *client) { c.raw(frames(closeFrame(1000))) }, 1000, engine.ReasonTransportClose},
		"close with a code":   {func(c *client) { c.raw(frames(closeFrame(4999))) }, 4999, engine.ReasonTransportClose},
		"close without code":  {func(c *client) { c.raw(frames(autobahn.Frame{Op: autobahn.Close})) }, 1005, engine.ReasonTransportClose},
		"close, then data":    {func(c *client) { c.raw(frames(closeFrame(1000), textFrame("4x"))) }, 1000, engine.ReasonTransportClose},
		"close of one byte":   {func(c *client) { c.raw(frames(autobahn.Frame{Op: autobahn.Close, Payload: []byte{3}})) }, 1002, engine.ReasonTransportError},
		"close with bad code": {func(c *client) { c.raw(frames(closeFrame(1005))) }, 1002, engine.ReasonTransportError},
		"FIN":                 {func(c *client) { _ = c.conn.Close() }, 0, engine.ReasonTransportClose},
		"RST":                 {(*client).reset, 0, engine.ReasonTransportClose},
		"FIN in a message":    {func(c *client) { c.raw(frames(textFrame("4xyz"))[:7]); _ = c.conn.Close() }, 0, engine.ReasonTransportClose},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{})
				c, _ := h.wsOpen("")
				tt.do(c)
				if tt.code != 0 {
					c.expectClose(tt.code)
					_ = c.conn.Close()
				}
				h.ended(tt.reason)
			})
		})
	}
}

// TestPeerGoesWhileWeWrite: whether the reader or the writer notices, it is
// the same end.
func TestPeerGoesWhileWeWrite(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{opts: engine.Options{SendBuffer: -1}})
		for range 8 {
			c, _ := h.wsOpen("")
			s := h.session()
			c.reset()
			for s.Send(text(strings.Repeat("x", 1000))) == nil { // until it notices
			}
			h.ended(engine.ReasonTransportClose)
		}
	})
}

// TestPeerDropsTLS: without TLS's own goodbye.
func TestPeerDropsTLS(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, setup{})
	c, _ := h.wsOpen("")
	c.send("4x")
	c.expect("4x")
	_ = c.conn.(interface{ NetConn() net.Conn }).NetConn().Close()
	h.ended(engine.ReasonTransportClose)
}

// TestClosePolling: a polling client is told by the poll that waits, or by the
// next one.
func TestClosePolling(t *testing.T) {
	t.Parallel()
	t.Run("a poll waits", func(t *testing.T) {
		both(t, func(t *testing.T, serve starter) {
			h := serve(t, setup{})
			sid := h.open()
			poll := h.poll(sid)
			h.session().Close()
			h.answered(poll, "1")
			h.ended(engine.ReasonForcedClose)
			h.get(sid).refused(t, 400, unknown)
			assert.Equal(t, "sessions", h.srv.Count(), 0)
		})
	})
	t.Run("between polls", func(t *testing.T) {
		both(t, func(t *testing.T, serve starter) {
			h := serve(t, setup{})
			sid := h.open()
			s := h.session()
			assert.NoError(t, s.Send(text("a")))
			s.Close()
			h.ended(engine.ReasonForcedClose)
			h.posted(sid, "4ignored")
			h.get(sid).refused(t, 200, "4a") // the stock client would handle a close packet before it
			h.get(sid).refused(t, 200, "1")
			h.get(sid).refused(t, 400, unknown)
			assert.Equal(t, "sessions", h.srv.Count(), 0)
		})
	})
	t.Run("no poll comes", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{})
			sid := h.open()
			h.session().Close()
			<-time.After(30*time.Second - 1)
			assert.Equal(t, "sessions", h.srv.Count(), 1)
			<-time.After(1)
			synctest.Wait()
			assert.Equal(t, "sessions", h.srv.Count(), 0)
			h.get(sid).refused(t, 400, unknown)
		})
	})
}

// TestShutdown: what is queued is sent, everybody is told, nobody new comes
// in, and it returns when all connections are gone.
func TestShutdown(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{opts: engine.Options{CloseTimeout: time.Minute}})
		c, _ := h.wsOpen("")
		s := h.session()
		polled := h.open()
		h.session()
		poll := h.poll(polled)
		between := h.open()
		b := h.session()
		assert.NoError(t, s.Send(text("a")))
		assert.NoError(t, b.Send(text("b")))
		done := make(chan error, 1)
		go func() { done <- h.srv.Shutdown(context.Background()) }()
		for range 3 {
			h.ended(engine.ReasonServerShuttingDown)
		}
		h.answered(poll, "1")
		c.expect("4a")
		c.expectClose(1012)

		refusal := `{"code":4,"message":"Server is shutting down"}`
		r := h.do(request{query: "&transport=polling"})
		r.refused(t, 503, refusal)
		res := h.dial().http(upgradeRequest("&transport=websocket", keyHeaders))
		assert.Equal(t, "status", res.StatusCode, 503)

		for _, want := range []struct {
			body   string
			closed bool // the HTTP connection: a client's next one may go elsewhere
		}{{"4b", false}, {"1", true}} {
			res := h.dial().http("GET /engine.io/?EIO=4&transport=polling&sid=" + between + " HTTP/1.1\r\nHost: example\r\n\r\n")
			body, err := io.ReadAll(res.Body)
			assert.NoError(t, err)
			assert.Equal(t, "body", string(body), want.body)
			assert.Equal(t, "closed after "+want.body, res.Close, want.closed)
		}
		assert.Equal(t, "it waits for the WebSocket", len(done), 0)
		c.raw(frames(closeFrame(1012)))
		c.expectEnd()
		assert.NoError(t, await(h, "Shutdown", done))
		assert.Equal(t, "sessions", h.srv.Count(), 0)
		assert.NoError(t, h.srv.Shutdown(t.Context())) // once more does no harm
	})
}

// TestShutdownCuts: with a context that ends, what is left is cut.
func TestShutdownCuts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{CloseTimeout: time.Minute}})
		c, _ := h.wsOpen("")
		h.open()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		start := time.Now()
		assert.ErrorIs(t, h.srv.Shutdown(ctx), context.DeadlineExceeded)
		assert.Equal(t, "after", time.Since(start), 5*time.Second)
		c.expectClose(1012)
		c.expectEnd()
		assert.Equal(t, "sessions", h.srv.Count(), 0)
	})
}

// TestShutdownHurries: a session that was closed before, and lingers for a
// poll, does not hold it up.
func TestShutdownHurries(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{})
		h.open()
		h.session().Close()
		start := time.Now()
		assert.NoError(t, h.srv.Shutdown(context.Background()))
		assert.Equal(t, "after", time.Since(start), 2*time.Second)
	})
}

// TestShutdownLimits: without one it ends anyway.
func TestShutdownLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{})
		c, _ := h.wsOpen("")
		assert.NoError(t, c.conn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(1000))
		h.open()
		assert.NoError(t, h.session().Send(text(strings.Repeat("x", 1<<20)))) // to a peer that does not read
		synctest.Wait()
		start := time.Now()
		assert.NoError(t, h.srv.Shutdown(context.Background()))
		assert.Equal(t, "after", time.Since(start), 10*time.Second)
	})
}

// TestShutdownWaitsForClosed: the application has heard of every end, if it
// does not take longer than there is time.
func TestShutdownWaitsForClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		a := &slowApp{app: newApp(), release: release}
		srv := engine.NewServer(a, nil)
		h := serveIn(t, setup{})
		h.srv.Close()
		h.srv = srv
		h.open()
		done := make(chan struct{})
		go func() {
			assert.NoError(t, srv.Shutdown(context.Background()))
			close(done)
		}()
		<-time.After(time.Minute)
		select {
		case <-done:
			t.Fatal("Shutdown returned before Closed has")
		default:
		}
		start := time.Now()
		srv.Close()
		assert.True(t, "Close returns", time.Since(start) < time.Second)
		close(release)
		<-done
		assert.Equal(t, "sessions", srv.Count(), 0)
	})
}

// slowApp takes its time to hear of an end.
type slowApp struct {
	*app
	release chan struct{}
}

func (a *slowApp) Connect(s *engine.Session, r *http.Request) engine.Receiver {
	return slowReceiver{a.app.Connect(s, r), a.release}
}

type slowReceiver struct {
	engine.Receiver
	release chan struct{}
}

func (r slowReceiver) Closed(engine.Reason, error) { <-r.release }

// TestShutdownDuringConnect: a session that is being introduced when the
// server shuts down.
func TestShutdownDuringConnect(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		a := newApp()
		var h *host
		a.connect = func(*engine.Session, *http.Request) { h.srv.Close() }
		h = serve(t, setup{app: a})
		r := h.do(request{query: "&transport=polling"})
		assert.Equal(t, "status", r.status, 503)
		h.ended(engine.ReasonServerShuttingDown)
		s := h.session()
		s.Close() // it has ended already
		assert.ErrorIs(t, s.Send(text("x")), engine.ErrClosed)

		h = serve(t, setup{app: a})
		h.ws("").expectEnd()
		h.ended(engine.ReasonServerShuttingDown)
		h.session().Close()
		assert.Equal(t, "sessions", h.srv.Count(), 0)
	})
}

// TestRunOnCaller: the session runs on the goroutine of ServeHTTP.
func TestRunOnCaller(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		returned := make(chan struct{}, 9)
		h := serve(t, setup{wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(engine.RunOnCaller(r.Context())))
				if r.Header.Get("Upgrade") != "" {
					returned <- struct{}{}
				}
			})
		}})
		c, _ := h.wsOpen("")
		c.send("4x")
		c.expect("4x")
		sid := h.open()
		d := h.probe(sid)
		d.send("5", "4y")
		d.expect("4y")
		assert.Equal(t, "returned", len(returned), 0)
		_ = c.conn.Close()
		_ = d.conn.Close()
		for range 2 {
			h.ended(engine.ReasonTransportClose)
			await(h, "ServeHTTP to return", returned)
		}
	})
}

// TestTooLate: who comes while the server shuts down learns when to come again,
// not all at the same moment.
func TestTooLate(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		a := newApp()
		var asked atomic.Int32
		var h *host
		h = serve(t, setup{app: a, opts: engine.Options{AllowRequest: func(*http.Request) error {
			if asked.Add(1) == 2 { // while it thinks about it
				h.srv.Close()
			}
			return nil
		}}})
		h.open()
		seen := make(map[string]bool)
		for i := range 60 {
			r := h.do(request{query: "&transport=polling"})
			assert.Equal(t, "status", r.status, 503)
			after := r.header.Get("Retry-After")
			assert.True(t, "Retry-After "+after, len(after) == 1 && after >= "1" && after <= "5")
			seen[after] = true
			if i < 3 {
				res := h.dial().http(upgradeRequest("&transport=websocket", keyHeaders))
				assert.True(t, "by WebSocket", res.StatusCode == 503 && res.Header.Get("Retry-After") != "")
			}
		}
		assert.True(t, "left to chance", len(seen) > 1)
		assert.Equal(t, "asked", asked.Load(), 2)
	})
}
