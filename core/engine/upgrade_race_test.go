package engine_test

import (
	"context"
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

// alone is a Receiver that is worked on by one goroutine at a time, or fails
// its test. Its messages wait for release.
type alone struct {
	t       *testing.T
	app     *app
	users   atomic.Int32
	taken   chan string
	release chan struct{}
}

func (a *alone) use(f func()) {
	if a.users.Add(1) > 1 {
		a.t.Error("two goroutines work on one connection's state")
	}
	f()
	a.users.Add(-1)
}

func (a *alone) Connect(s *engine.Session, _ *http.Request) engine.Receiver {
	a.app.sessions <- s
	return a
}

func (a *alone) Message(data []byte, _ bool) (engine.Worker, error) {
	a.use(func() {
		a.taken <- string(data)
		<-a.release
	})
	return nil, nil
}

func (a *alone) Backlog() <-chan struct{} { return nil }

func (a *alone) Closed(reason engine.Reason, err error) { a.app.closed <- ending{reason, err} }

// TestEndDuringPostAndUpgrade: a client completes its upgrade while packets of
// its POST are being taken, and the session ends. The POST goes on alone, and
// the WebSocket gets what it is owed when that is over.
func TestEndDuringPostAndUpgrade(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(h *host){
		"closed":   func(h *host) { h.session().Close() },
		"shutdown": func(h *host) { go func() { _ = h.srv.Shutdown(context.Background()) }() },
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				a := newApp()
				r := &alone{t: t, app: a, taken: make(chan string, 9), release: make(chan struct{})}
				h := serve(t, setup{app: a})
				h.srv.Close()
				h.srv = engine.NewServer(r, &engine.Options{CloseTimeout: time.Minute})
				sid := h.open()
				posted := make(chan reply, 1)
				go func() { posted <- h.post(sid, "4first\x1e4second") }()
				assert.Equal(t, "taken", await(h, "a message", r.taken), "first")
				c := h.probe(sid)
				c.send("5")
				if h.patience > time.Minute {
					synctest.Wait() // the upgrade has begun
				}
				end(h)
				h.ended(map[string]engine.Reason{"closed": engine.ReasonForcedClose, "shutdown": engine.ReasonServerShuttingDown}[name])
				c.send("4late") // to be ignored
				opcode := make(chan byte, 1)
				go func() {
					op, _ := c.next()
					opcode <- op
				}()
				if h.patience > time.Minute {
					synctest.Wait()
					assert.Equal(t, "the upgrade waits, frames", len(opcode), 0)
				}
				close(r.release)
				await(h, "the answer to the POST", posted)
				assert.Equal(t, "opcode", await(h, "a frame", opcode), autobahn.Close)
				assert.Equal(t, "taken", len(r.taken), 0)
				c.raw(frames(closeFrame(1000)))
				c.expectEnd()
				h.forgotten()
			})
		})
	}
}

// TestPanicsWhileUpgrading: an upgrade that Options.Headers has prevented does
// not take the place of the next one.
func TestPanicsWhileUpgrading(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		var panics atomic.Bool
		h := serve(t, setup{opts: engine.Options{Headers: func(_ http.Header, r *http.Request, _ bool) {
			if panics.Load() && strings.Contains(r.URL.RawQuery, "websocket") {
				panic(http.ErrAbortHandler)
			}
		}}})
		sid := h.open()
		panics.Store(true)
		c := h.dial()
		c.raw([]byte(upgradeRequest("&transport=websocket&sid="+sid, keyHeaders)))
		c.expectEnd()
		panics.Store(false)
		d := h.probe(sid)
		d.send("5", "4x")
		d.expect("4x")
	})
}
