package session_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
	"github.com/gosio/gosio/session/sessiontest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	sessiontest.Run(t, func(t *testing.T) sessiontest.Store {
		store := session.NewMemory("sid", time.Hour)
		ctx := context.Background()
		return sessiontest.Store{
			Provider: store,
			Create: func(_ *testing.T, values map[string]string) *http.Cookie {
				all := map[string]any{}
				for k, v := range values {
					all[k] = v
				}
				return store.Cookie(store.Create(all))
			},
			Change: func(t *testing.T, c *http.Cookie, key, value string) {
				assert.NoError(t, store.Update(ctx, &session.Session{ID: c.Value}, func(v map[string]any) error { v[key] = value; return nil }))
			},
			Destroy: func(t *testing.T, c *http.Cookie) { assert.NoError(t, store.Destroy(ctx, c.Value)) },
			Renew: func(t *testing.T, c *http.Cookie) *http.Cookie {
				id, err := store.Rotate(c.Value)
				assert.NoError(t, err)
				return store.Cookie(id)
			},
		}
	})
}

// sluggish is a store that takes a second for each look, and counts those at
// the same time.
type sluggish struct {
	*session.Memory
	slow    atomic.Bool
	looking atomic.Int32
	most    atomic.Int32
	looks   atomic.Int32
}

func (s *sluggish) Reload(ctx context.Context, v *session.Session) (*session.Session, error) {
	if s.slow.Load() {
		n := s.looking.Add(1)
		defer s.looking.Add(-1)
		s.looks.Add(1)
		for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
		}
		time.Sleep(time.Second)
	}
	return s.Memory.Reload(ctx, v)
}

// TestChecksAfterAnOutage: when events may have been missed every socket is
// looked up, a few at a time, and a logout is heard meanwhile.
func TestChecksAfterAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, bus := &sluggish{Memory: session.NewMemory("sid", time.Hour)}, session.NewBus()
		srv, x := serve(t, store, session.Config{User: user, Bus: bus, Check: -1})
		var clients []*siotest.Client
		var ids []string
		for range 100 {
			id := store.Create(map[string]any{"user": "alice"})
			clients, ids = append(clients, siotest.Dial(t, srv, cookie(store.Cookie(id)))), append(ids, id)
		}
		store.slow.Store(true)
		start := time.Now()
		assert.NoError(t, bus.Publish(t.Context(), session.Event{}))
		assert.NoError(t, bus.Publish(t.Context(), session.Event{})) // of those that wait anyway
		assert.NoError(t, x.Logout(t.Context(), ids[0]))
		assert.Equal(t, "heard after", time.Since(start), 0)
		clients[0].Expect("session:ended")
		assert.NoError(t, store.Destroy(t.Context(), ids[1])) // and nobody tells
		time.Sleep(time.Minute)
		clients[1].ExpectDisconnect(siotest.TransportClose)
		clients[2].Call("who")
		assert.True(t, "a few at a time", store.most.Load() > 1 && store.most.Load() <= 16)
		if n := store.looks.Load(); n < 98 || n > 99+16+1 {
			t.Errorf("%d looks, want one for each of 99 sockets, another for those that were under way, and a second one for the session that has gone", n)
		}
	})
}

// TestStoreHearsLate: libraries save a renewed session at the end of the
// request, after the sockets were told.
func TestStoreHearsLate(t *testing.T) {
	t.Parallel()
	for name, saved := range map[string]bool{"saved in the end": true, "never saved": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := session.NewMemory("sid", time.Hour)
				late := &tardy{Memory: store}
				srv, x := serve(t, late, session.Config{User: user})
				old := store.Create(map[string]any{"user": "alice", "items": 1})
				c := siotest.Dial(t, srv, cookie(store.Cookie(old)))
				c.Call("who")
				id, err := store.Rotate(old)
				assert.NoError(t, err)
				late.unknown.Store(&id)
				assert.NoError(t, x.Renewed(t.Context(), old, id))
				synctest.Wait()
				if !saved {
					c.ExpectDisconnect(siotest.TransportClose)
					return
				}
				c.ExpectNone(300 * time.Millisecond)
				late.unknown.Store(nil)
				time.Sleep(time.Minute)
				c.Call("add")
				assert.NoError(t, x.Logout(t.Context(), id))
				c.Expect("session:ended")
			})
		})
	}
}

// tardy is a store that does not know one of its sessions yet.
type tardy struct {
	*session.Memory
	unknown atomic.Pointer[string]
}

func (s *tardy) Reload(ctx context.Context, v *session.Session) (*session.Session, error) {
	if id := s.unknown.Load(); id != nil && *id == v.ID {
		return nil, session.ErrMissing
	}
	return s.Memory.Reload(ctx, v)
}

// TestLastWriteIsLate: a write that has failed, because nobody waits so long,
// may still arrive after the logout; the store is asked once more.
func TestLastWriteIsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &diary{Memory: session.NewMemory("sid", time.Hour)}
		srv, x := serve(t, store, session.Config{User: user})
		id := store.Create(map[string]any{"user": "alice", "items": 0})
		c := siotest.Dial(t, srv, cookie(store.Cookie(id)))
		for _, away := range []time.Duration{time.Second, time.Minute} {
			c.Call("add")
			time.Sleep(away)
		}
		before := store.deleted.Load()
		c.Call("add")
		time.Sleep(time.Second)
		assert.NoError(t, x.Logout(t.Context(), id))
		synctest.Wait()
		assert.Equal(t, "deleted", store.deleted.Load()-before, 2)
		c.Expect("session:ended")
	})
}

// TestPanicInACheck costs neither the process nor the socket.
func TestPanicInACheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := session.NewMemory("sid", time.Hour)
		var wrong atomic.Bool
		srv, _ := serve(t, store, session.Config{User: user, Require: func(*session.Session) error {
			if wrong.Load() {
				panic("a nil map, perhaps")
			}
			return nil
		}})
		c := siotest.Dial(t, srv, cookie(store.Cookie(store.Create(map[string]any{"user": "alice"}))))
		wrong.Store(true)
		time.Sleep(2 * time.Minute)
		c.Call("who")
	})
}

// TestUpdateOfSomebodyElses: an update that ends when its socket has ended,
// because the session is another user's now, does not delete that session.
func TestUpdateOfSomebodyElses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &diary{Memory: session.NewMemory("sid", time.Hour)}
		srv, x := serve(t, slowStore{store.Memory}, session.Config{User: user, Check: 500 * time.Millisecond})
		id := store.Create(map[string]any{"user": "alice", "items": 0})
		c := siotest.Dial(t, srv, cookie(store.Cookie(id)))
		c.Call("who")
		time.Sleep(5 * time.Second) // nothing is left to be touched
		s, _ := srv.Socket(c.ID())
		failed := make(chan error)
		go func() {
			failed <- x.Update(t.Context(), s, func(v map[string]any) error { v["user"] = "bob"; return nil })
		}()
		synctest.Wait()
		self := &session.Session{ID: id}
		assert.NoError(t, store.Update(t.Context(), self, func(v map[string]any) error { v["user"] = "bob"; return nil }))
		if err := <-failed; err != nil && !errors.Is(err, session.ErrEnded) {
			t.Errorf("Update: %v", err)
		}
		c.ExpectDisconnect(siotest.TransportClose)
		now, err := store.Reload(t.Context(), self)
		assert.NoError(t, err)
		assert.Equal(t, "user", now.String("user"), "bob")
	})
}

// byName is a store whose sessions have their user's name for an id.
type byName struct {
	mu   sync.Mutex
	in   map[string]bool
	seen int
}

func (b *byName) Load(_ context.Context, r *http.Request) (*session.Session, error) {
	c, err := r.Cookie("sid")
	if err != nil {
		return nil, session.ErrMissing
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.in[c.Value] {
		return nil, session.ErrMissing
	}
	return &session.Session{ID: c.Value}, nil
}

func (b *byName) Update(_ context.Context, s *session.Session, change func(map[string]any) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.in[s.ID] {
		return session.ErrMissing
	}
	b.seen++
	return change(map[string]any{})
}

func (b *byName) Destroy(_ context.Context, id string) error { return b.put(id, false) }

func (b *byName) put(id string, in bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.in[id] = in
	return nil
}

// TestSameIDAgain: where the next login has the id of the session before,
// what was logged out is not in its way.
func TestSameIDAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &byName{in: map[string]bool{"alice": true}}
		srv, x := serve(t, store, session.Config{})
		o := cookie(&http.Cookie{Name: "sid", Value: "alice"})
		c := siotest.Dial(t, srv, o)
		c.Call("add")
		assert.NoError(t, x.Logout(t.Context(), "alice"))
		c.Expect("session:ended")
		synctest.Wait()
		refusedWith(t, srv, o, session.CodeMissing)
		assert.NoError(t, store.put("alice", true))
		m := siotest.Dial(t, srv, o).Call("add")
		assert.True(t, "updated: "+m.String(), m.Failure() == nil)
		assert.Equal(t, "updates", store.seen, 2)
	})
}
