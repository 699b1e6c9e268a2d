package engine_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// TestGenerateID: the application's ids, and those that it must not give.
func TestGenerateID(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 257)
	tests := []struct {
		name, id string
		err      error
		ok       bool
		context  string
	}{
		{"any", "aZ09-._~", nil, true, ""},
		{"longest", long[1:], nil, true, ""},
		{"too long", long, nil, false, "GenerateID: not an id"},
		{"empty", "", nil, false, "GenerateID: not an id"},
		{"quote", `a"b`, nil, false, "GenerateID: not an id"},
		{"slash", "a/b", nil, false, "GenerateID: not an id"},
		{"letter", "aé", nil, false, "GenerateID: not an id"},
		{"semicolon", "a;b", nil, false, "GenerateID: not an id"},
		{"error", "a", errors.New("no more"), false, "GenerateID: no more"},
		{"long error", "a", errors.New(long), false, "GenerateID: " + long[1:]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				refusals := make(chan *engine.RequestError, 9)
				h := serve(t, setup{opts: engine.Options{
					GenerateID: func(r *http.Request) (string, error) { return tt.id, tt.err },
					OnRefused:  func(_ *http.Request, e *engine.RequestError) { refusals <- e },
				}})
				for range 2 {
					r := h.do(request{query: "&transport=polling"})
					if !tt.ok {
						r.refused(t, 400, badRequest)
						assert.Equal(t, "context", await(h, "OnRefused", refusals).Context, tt.context)
						res := h.dial().http(upgradeRequest("&transport=websocket", keyHeaders))
						assert.Equal(t, "status", res.StatusCode, 400)
						assert.Equal(t, "context", await(h, "OnRefused", refusals).Context, tt.context)
						continue
					}
					assert.Equal(t, "sid", sidOf(r.body), tt.id)
					id := h.session().ID()
					assert.Equal(t, "id", id, tt.id)
					assert.True(t, "a copy, as it may be a piece of a header", unsafe.StringData(id) != unsafe.StringData(tt.id))
					h.stillTakes(tt.id)
					h.posted(tt.id, "1") // the id is free again
					h.ended(engine.ReasonTransportClose)
					h.forgotten()
					c, sid := h.wsOpen("")
					assert.Equal(t, "sid", sid, tt.id)
					_ = c.conn.Close()
					h.session()
					h.ended(engine.ReasonTransportClose)
					h.forgotten()
				}
				assert.Equal(t, "sessions", h.srv.Count(), 0)
			})
		})
	}
}

// forgotten waits until the server has no session any more.
func (h *host) forgotten() {
	h.t.Helper()
	for end := time.Now().Add(h.patience); h.srv.Count() > 0; {
		if time.Now().After(end) {
			h.t.Fatal("a session is not forgotten")
		}
		<-time.After(time.Millisecond)
	}
}

// TestDuplicateID: a living session is not replaced, whatever the handshake
// that would do it is at.
func TestDuplicateID(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		a := newApp()
		refusals := make(chan *engine.RequestError, 9)
		meanwhile := make(chan reply, 1)
		var h *host
		var once atomic.Bool
		a.connect = func(*engine.Session, *http.Request) { // the id is given, and the session not entered
			if !once.Swap(true) {
				meanwhile <- h.try(request{query: "&transport=polling"})
			}
		}
		h = serve(t, setup{app: a, opts: engine.Options{
			GenerateID: func(*http.Request) (string, error) { return "same", nil },
			OnRefused:  func(_ *http.Request, e *engine.RequestError) { refusals <- e },
		}})
		refused := func(r reply) {
			t.Helper()
			assert.NoError(t, r.err)
			r.refused(t, 400, badRequest)
			assert.Equal(t, "context", await(h, "OnRefused", refusals).Context, "GenerateID: the id is in use")
		}
		sid := h.open()
		refused(await(h, "a handshake at the same time", meanwhile))
		s := h.session()
		refused(h.do(request{query: "&transport=polling"}))
		res := h.dial().http(upgradeRequest("&transport=websocket", keyHeaders))
		body, err := io.ReadAll(res.Body)
		assert.NoError(t, err)
		refused(reply{status: res.StatusCode, body: string(body)})
		assert.NoError(t, s.Send(text("still there")))
		assert.Equal(t, "poll", h.get(sid).body, "4still there")
		assert.Equal(t, "sessions", h.srv.Count(), 1)
	})
}

// TestFailedHandshakeKeepsNoID: an id that came to nothing can be given again.
func TestFailedHandshakeKeepsNoID(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{opts: engine.Options{GenerateID: func(*http.Request) (string, error) { return "same", nil }}})
		res := h.dial().http(upgradeRequest("&transport=websocket", "Sec-WebSocket-Version: 13\r\n")) // no key
		assert.Equal(t, "status", res.StatusCode, 400)
		assert.Equal(t, "sid", h.open(), "same")
	})
}

// TestPanicKeepsNoID: neither does one whose application panics.
func TestPanicKeepsNoID(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		a := newApp()
		var calm atomic.Bool
		a.connect = func(*engine.Session, *http.Request) {
			if !calm.Load() {
				panic(http.ErrAbortHandler)
			}
		}
		h := serve(t, setup{app: a, opts: engine.Options{GenerateID: func(*http.Request) (string, error) { return "same", nil }}})
		assert.True(t, "polling fails", h.try(request{query: "&transport=polling"}).err != nil)
		c := h.ws("")
		c.expectEnd()
		calm.Store(true)
		assert.Equal(t, "sid", h.open(), "same")
	})
}
