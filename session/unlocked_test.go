package session_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
)

// TestUserHoldsNoLock: while any of the handshake's calls of Config.User waits, a
// renewal of the session waits for nothing.
func TestUserHoldsNoLock(t *testing.T) {
	t.Parallel()
	const inHandshake = 5
	for call := range int32(inHandshake) {
		t.Run(fmt.Sprint("call ", call+1), func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			begun, free := make(chan struct{}), make(chan struct{})
			store := session.NewMemory("sid", time.Hour)
			srv, x := serve(t, store, session.Config{Check: -1, User: func(v *session.Session) string {
				if calls.Add(1) == call+1 {
					close(begun)
					<-free
				}
				return user(v)
			}})
			id := store.Create(map[string]any{"user": "alice"})
			c := siotest.Open(t, srv, cookie(store.Cookie(id)))
			assert.NoError(t, c.Send("40"))
			select {
			case <-begun:
			case <-time.After(10 * time.Second):
				t.Fatalf("the handshake called User %d times only", calls.Load())
			}
			renewed := make(chan error, 1)
			go func() { renewed <- x.Renewed(context.Background(), id, "another") }() // ends with the test at the latest
			select {
			case err := <-renewed:
				assert.NoError(t, err)
			case <-time.After(10 * time.Second):
				t.Error("the renewal waits for Config.User")
			}
			close(free)
		})
	}
}

// TestMemoryUpdate: change may use the store, and of two changes at once none is
// lost.
func TestMemoryUpdate(t *testing.T) {
	t.Parallel()
	store, ctx := session.NewMemory("sid", time.Hour), context.Background()
	self := &session.Session{ID: store.Create(nil)}
	add := func(values map[string]any) error { n, _ := values["n"].(int); values["n"] = n + 1; return nil }
	calls := 0
	err := store.Update(ctx, self, func(values map[string]any) error {
		if calls++; calls == 1 {
			assert.NoError(t, store.Update(ctx, self, add)) // of another goroutine, perhaps
		}
		return add(values)
	})
	assert.NoError(t, err)
	assert.Equal(t, "calls", calls, 2)
	now, err := store.Reload(ctx, self)
	assert.NoError(t, err)
	assert.Equal(t, "n", now.Values["n"], any(2))
	err = store.Update(ctx, self, func(map[string]any) error { return store.Destroy(ctx, self.ID) })
	assert.ErrorIs(t, err, session.ErrMissing)
}

// TestRoom: an empty name is no room.
func TestRoom(t *testing.T) {
	t.Parallel()
	store := session.NewMemory("sid", time.Hour)
	srv, _ := serve(t, store, session.Config{Room: func(v *session.Session) string { return v.String("room") }})
	srv.On("rooms", func(s *socketio.Socket) []string {
		return slices.DeleteFunc(s.Rooms(), func(r string) bool { return r == s.ID() })
	})
	for _, want := range [][]string{{}, {"staff"}} {
		values := map[string]any{}
		for _, room := range want {
			values["room"] = room
		}
		var got []string
		siotest.Dial(t, srv, cookie(store.Cookie(store.Create(values)))).Call("rooms").Decode(&got)
		assert.Equal(t, "rooms", got, want)
	}
}
