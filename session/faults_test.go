package session_test

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
)

// faulty is a store that calls functions first, if they are there.
type faulty struct {
	*session.Memory
	destroy, reload atomic.Pointer[func()]
	reloads         atomic.Int32
}

func (f *faulty) Destroy(ctx context.Context, id string) error {
	if f := f.destroy.Load(); f != nil {
		(*f)()
	}
	return f.Memory.Destroy(ctx, id)
}

func (f *faulty) Reload(ctx context.Context, v *session.Session) (*session.Session, error) {
	f.reloads.Add(1)
	if f := f.reload.Load(); f != nil {
		(*f)()
	}
	return f.Memory.Reload(ctx, v)
}

// TestDestroyThatDoesNotReturn: a store that panics, or ends the goroutine, when a
// session is deleted once more takes nothing with it.
func TestDestroyThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(){"panic": func() { panic("a nil map, perhaps") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, bus := &faulty{Memory: session.NewMemory("sid", time.Hour)}, session.NewBus()
				srv, _ := serve(t, store, session.Config{User: user, Bus: bus, Check: -1})
				elsewhere := session.New(store.Memory, session.Config{Bus: bus})
				store.destroy.Store(&fault)
				for range 20 { // more than run at a time
					id := store.Create(map[string]any{"user": "alice", "items": 0})
					c := siotest.Dial(t, srv, cookie(store.Cookie(id)))
					c.Call("add")
					assert.NoError(t, elsewhere.Logout(t.Context(), id))
					c.Expect("session:ended")
				}
				synctest.Wait()
				id := store.Create(map[string]any{"user": "alice"})
				c := siotest.Dial(t, srv, cookie(store.Cookie(id)))
				assert.NoError(t, store.Memory.Destroy(t.Context(), id))
				assert.NoError(t, bus.Publish(t.Context(), session.Event{}))
				c.ExpectDisconnect(siotest.TransportClose) // it was looked up
			})
		})
	}
}

// TestCheckThatDoesNotReturn: the next one comes.
func TestCheckThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: session.NewMemory("sid", time.Hour)}
		srv, _ := serve(t, store, session.Config{User: user})
		id := store.Create(map[string]any{"user": "alice"})
		c := siotest.Dial(t, srv, cookie(store.Cookie(id)))
		fault := runtime.Goexit
		store.reload.Store(&fault)
		time.Sleep(2 * time.Minute)
		c.Call("who")
		store.reload.Store(nil)
		assert.NoError(t, store.Memory.Destroy(t.Context(), id))
		c.ExpectDisconnect(siotest.TransportClose)
	})
}

// TestHandshakeThatDoesNotReturn leaves nothing behind that is looked up.
func TestHandshakeThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	slow := func() { time.Sleep(10 * time.Minute) } // the handshake is refused, and goes on
	for name, fault := range map[string]func(){"panic": func() { panic("a nil map, perhaps") }, "slow": slow} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &faulty{Memory: session.NewMemory("sid", time.Hour)}
				srv, _ := serve(t, store, session.Config{User: user})
				store.reload.Store(&fault)
				o := cookie(store.Cookie(store.Create(map[string]any{"user": "alice"})))
				siotest.Refused(t, srv, o)
				time.Sleep(11 * time.Minute)
				store.reload.Store(nil)
				store.reloads.Store(0)
				time.Sleep(11 * time.Minute)
				assert.Equal(t, "looks", store.reloads.Load(), 0)
			})
		})
	}
}

// TestRenewedDuringTheHandshake: the socket goes on under the new id.
func TestRenewedDuringTheHandshake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &faulty{Memory: session.NewMemory("sid", time.Hour)}
		srv, x := serve(t, &late{store}, session.Config{User: user})
		srv.On("id", func(s *socketio.Socket) string { v, _ := session.From(s); return v.ID })
		old, id := store.Create(map[string]any{"user": "alice"}), ""
		renew := func() {
			store.reload.Store(nil)
			var err error
			id, err = store.Rotate(old)
			assert.NoError(t, err)
			assert.NoError(t, x.Renewed(context.Background(), old, id))
		}
		store.reload.Store(&renew)
		c := siotest.Dial(t, srv, cookie(store.Cookie(old)))
		var got string
		c.Call("id").Decode(&got)
		assert.Equal(t, "id", got, id)
		time.Sleep(5 * time.Minute) // checks
		c.Call("add")
		assert.NoError(t, x.Logout(context.Background(), id))
		c.Expect("session:ended")
	})
}

// late is a store whose answers are older than what was done meanwhile.
type late struct{ *faulty }

func (l *late) Reload(ctx context.Context, v *session.Session) (*session.Session, error) {
	now, err := l.Memory.Reload(ctx, v)
	_, _ = l.faulty.Reload(ctx, v)
	return now, err
}

// TestExpiryWhoseCheckDoesNotReturn: what the application has wrong does not keep
// a socket beyond the expiry that its session had when it was last seen.
func TestExpiryWhoseCheckDoesNotReturn(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(){"panic": func() { panic("a nil map, perhaps") }, "Goexit": runtime.Goexit} {
		for _, where := range []string{"Touch", "Reload", "Require", "User"} {
			t.Run(where+" "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var broken atomic.Bool
					fail := func(in string) {
						if in == where && broken.Load() {
							fault()
						}
					}
					store := failing{session.NewMemory("sid", time.Minute), fail}
					srv, _ := serve(t, store, session.Config{
						User:    func(v *session.Session) string { fail("User"); return user(v) },
						Require: func(*session.Session) error { fail("Require"); return nil },
					})
					start := time.Now()
					c := siotest.Dial(t, srv, cookie(store.Cookie(store.Create(map[string]any{"user": "alice"}))))
					c.Call("who") // a check touches
					broken.Store(true)
					c.ExpectDisconnect(siotest.TransportClose)
					if after := time.Since(start); after < time.Minute || after > time.Minute+8*time.Second {
						t.Errorf("ended after %s, want at the expiry, or at the check that is made up for", after)
					}
				})
			})
		}
	}
}

// failing is a store whose methods call a function with their name first.
type failing struct {
	*session.Memory
	call func(name string)
}

func (f failing) Touch(ctx context.Context, v *session.Session) error {
	f.call("Touch")
	return f.Memory.Touch(ctx, v)
}

func (f failing) Reload(ctx context.Context, v *session.Session) (*session.Session, error) {
	f.call("Reload")
	return f.Memory.Reload(ctx, v)
}

// TestTouchThatDoesNotReturn is made up for: who is active keeps the session.
func TestTouchThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var touched atomic.Int32
		store := failing{session.NewMemory("sid", 3*time.Minute), func(name string) {
			if name == "Touch" && touched.Add(1) == 1 {
				panic("a nil map, perhaps")
			}
		}}
		srv, _ := serve(t, store, session.Config{User: user})
		c := siotest.Dial(t, srv, cookie(store.Cookie(store.Create(map[string]any{"user": "alice"}))))
		c.Call("who")
		time.Sleep(3*time.Minute + 30*time.Second)
		c.Call("who")
		assert.Equal(t, "touched", touched.Load(), 2)
	})
}

// TestStoreThatHangs: calls of the store that never return keep neither a logout
// from deleting what was saved meanwhile, nor sockets beyond their expiry, and are
// logged.
func TestStoreThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder // read when nothing runs
		store, bus := &faulty{Memory: session.NewMemory("sid", time.Hour)}, session.NewBus()
		srv, _ := serve(t, store, session.Config{User: user, Bus: bus, Check: -1, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		elsewhere := session.New(store.Memory, session.Config{Bus: bus})
		dial := func(user string) (*siotest.Client, string) {
			id := store.Create(map[string]any{"user": user, "items": 0})
			return siotest.Dial(t, srv, cookie(store.Cookie(id))), id
		}
		var clients []*siotest.Client
		for range 16 {
			c, _ := dial("alice")
			clients = append(clients, c)
		}
		free, deleted := make(chan struct{}), make(chan struct{}, 1)
		hang, note := func() { <-free }, func() { deleted <- struct{}{} }
		store.reload.Store(&hang)
		assert.NoError(t, bus.Publish(t.Context(), session.Event{})) // check all
		synctest.Wait()
		store.reload.Store(nil)
		bob, id := dial("bob")
		bob.Call("add")
		store.destroy.Store(&note)
		begun := time.Now()
		assert.NoError(t, elsewhere.Logout(t.Context(), id))
		bob.Expect("session:ended")
		<-deleted
		assert.True(t, "deleted", time.Since(begun) <= 11*time.Second)
		time.Sleep(time.Hour + 11*time.Second - time.Since(begun))
		synctest.Wait()
		for _, c := range clients {
			c.ExpectDisconnect(siotest.TransportClose)
		}
		assert.True(t, "logged", strings.Contains(logged.String(), "a check does not return"))
		close(free)
	})
}
