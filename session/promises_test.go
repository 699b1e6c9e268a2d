package session_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/integrations/mount"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
)

// TestLoadedBeforeTheJoin: whatever runs for a socket has its session, and
// nothing runs for one without.
func TestLoadedBeforeTheJoin(t *testing.T) {
	t.Parallel()
	store := session.NewMemory("sid", time.Hour)
	srv, _ := serve(t, store, session.Config{User: user, Room: func(v *session.Session) string { return "team:" + v.String("team") }})
	var mu sync.Mutex
	var seen []string
	see := func(where string, s *socketio.Socket) {
		v, _ := session.From(s)
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, where+" "+s.Identity()+" "+v.String("theme"))
	}
	srv.UseFunc(func(_ context.Context, s *socketio.Socket) error { see("middleware", s); return nil })
	srv.OnConnect(func(s *socketio.Socket) { see("hook", s) })
	srv.On("event", func(s *socketio.Socket) bool { see("handler", s); return s.InRoom("team:red") })

	refusedWith(t, srv, cookie(store.Cookie("none")), session.CodeMissing)
	assert.Equal(t, "rooms", len(srv.Rooms()), 0)
	var inRoom bool
	id := store.Create(map[string]any{"user": "alice", "theme": "dark", "team": "red"})
	siotest.Dial(t, srv, cookie(store.Cookie(id))).Call("event").Decode(&inRoom)
	assert.Equal(t, "in the room", inRoom, true)
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, "seen", seen, []string{"middleware alice dark", "hook alice dark", "handler alice dark"})
}

// TestNoSetCookie: no response sets a cookie, neither the upgrade's nor those
// of polls, whatever events and checks write.
func TestNoSetCookie(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &outage{Memory: session.NewMemory("sid", time.Hour)}
				srv, _ := serve(t, store, session.Config{User: user})
				var mu sync.Mutex
				responses := 0
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					srv.ServeHTTP(w, r)
					mu.Lock()
					defer mu.Unlock()
					responses++
					assert.Equal(t, r.Method+" sets cookies", len(w.Header().Values("Set-Cookie")), 0)
				})
				o := cookie(store.Cookie(store.Create(map[string]any{"user": "alice", "items": 0})))
				o.Transport = transport
				c := siotest.Dial(t, h, o)
				c.Call("add")
				time.Sleep(2 * time.Minute)
				c.Call("add")
				assert.True(t, "touched", store.touched.Load() > 0)
				c.Disconnect()
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				assert.True(t, "there were responses", responses > 0)
			})
		})
	}
}

// diary is a store that notes what is written to it.
type diary struct {
	*session.Memory
	mu      sync.Mutex
	writes  []string
	deleted atomic.Int32
}

func (d *diary) Destroy(ctx context.Context, id string) error {
	d.deleted.Add(1)
	return d.Memory.Destroy(ctx, id)
}

func (d *diary) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes = append(d.writes, what)
}

func (d *diary) Touch(ctx context.Context, s *session.Session) error {
	d.note("touch")
	return d.Memory.Touch(ctx, s)
}

func (d *diary) Update(ctx context.Context, s *session.Session, change func(map[string]any) error) error {
	d.note("update")
	return d.Memory.Update(ctx, s, change)
}

// TestClosingSocketWritesNothing: a logout that sockets do not hear of stays
// one when they close.
func TestClosingSocketWritesNothing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(srv *socketio.Server, c *siotest.Client){
		"left":             func(_ *socketio.Server, c *siotest.Client) { c.Disconnect() },
		"connection lost":  func(_ *socketio.Server, c *siotest.Client) { c.Conn().Close() },
		"server goes away": func(srv *socketio.Server, _ *siotest.Client) { srv.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &diary{Memory: session.NewMemory("sid", time.Hour)}
				srv, _ := serve(t, store, session.Config{User: user})
				gone := make(chan struct{})
				srv.OnDisconnect(func(*socketio.Socket, socketio.Reason) { close(gone) })
				id := store.Create(map[string]any{"user": "alice", "items": 0})
				c := siotest.Dial(t, srv, cookie(store.Cookie(id)))
				c.Call("add")
				c.Call("who") // there is something to touch
				assert.NoError(t, store.Destroy(t.Context(), id))
				end(srv, c)
				<-gone
				time.Sleep(5 * time.Minute) // nor does a check that was under way
				store.mu.Lock()
				defer store.mu.Unlock()
				assert.Equal(t, "writes", store.writes, []string{"update"})
				_, err := store.Reload(t.Context(), &session.Session{ID: id})
				assert.ErrorIs(t, err, session.ErrMissing)
			})
		})
	}
}

// TestExpiredCookie: the cookie is right, and its session's time is over.
func TestExpiredCookie(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := session.NewMemory("sid", 10*time.Minute)
		srv, _ := serve(t, store, session.Config{User: user})
		o := cookie(store.Cookie(store.Create(map[string]any{"user": "alice"})))
		time.Sleep(10*time.Minute - time.Nanosecond)
		siotest.Dial(t, srv, o).Disconnect()
		time.Sleep(time.Nanosecond)
		refusedWith(t, srv, o, session.CodeMissing)
	})
}

// TestEventOfAnotherProgram: what programs in other languages publish on the
// channel of the bus.
func TestEventOfAnotherProgram(t *testing.T) {
	t.Parallel()
	store, bus := session.NewMemory("sid", time.Hour), session.NewBus()
	srv, _ := serve(t, store, session.Config{Bus: bus})
	old := store.Create(map[string]any{"items": 1})
	c := siotest.Dial(t, srv, cookie(store.Cookie(old)))
	id, err := store.Rotate(old)
	assert.NoError(t, err)
	publish := func(format string, args ...any) {
		var e session.Event
		assert.NoError(t, json.Unmarshal(fmt.Appendf(nil, format, args...), &e))
		assert.NoError(t, bus.Publish(t.Context(), e))
	}
	hash := func(id string) []byte {
		sum := sha256.Sum256([]byte(id))
		return sum[:16]
	}
	publish(`{"session": "%x", "renewedAs": %q}`, hash(old), id)
	c.Call("add")
	publish(`{"session": "%x"}`, hash(old)) // is nobody's now
	var items int
	c.Call("items").Decode(&items)
	assert.Equal(t, "items", items, 2)
	publish(`{"session": "%x"}`, hash(id))
	c.Expect("session:ended")
	c.ExpectDisconnect(siotest.TransportClose)
}

// TestLongAddress: an integration may take any text of a client's for an address.
func TestLongAddress(t *testing.T) {
	t.Parallel()
	var logged strings.Builder
	srv, _ := serve(t, session.NewMemory("sid", time.Hour), session.Config{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	refusedWith(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		srv.ServeHTTP(w, mount.WithUpstream(r, mount.Upstream{Address: strings.Repeat("x", 3000)}))
	}), siotest.Options{}, session.CodeMissing)
	text := logged.String() // written before the client has heard
	assert.True(t, "the address is logged: "+text, strings.Contains(text, strings.Repeat("x", 256)))
	assert.True(t, "and of it 256 bytes", !strings.Contains(text, strings.Repeat("x", 257)))
}
