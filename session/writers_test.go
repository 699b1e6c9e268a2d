package session_test

import (
	"context"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
)

// slowStore knows no transactions, and takes its time: what somebody else
// saves between the load and the save of an update is lost.
type slowStore struct{ *session.Memory }

func (s slowStore) Update(ctx context.Context, v *session.Session, change func(map[string]any) error) error {
	now, err := s.Reload(ctx, v)
	if err != nil {
		return err
	}
	if err := change(now.Values); err != nil {
		return err
	}
	time.Sleep(time.Second)
	return s.Memory.Update(ctx, v, func(values map[string]any) error {
		clear(values)
		maps.Copy(values, now.Values)
		return nil
	})
}

func (s slowStore) Touch(ctx context.Context, v *session.Session) error {
	return s.Update(ctx, v, func(map[string]any) error { return nil })
}

// TestWritersTakeTurns: two tabs write to one session, while checks touch it,
// and nothing is lost; another session does not wait for them.
func TestWritersTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := session.NewMemory("sid", time.Hour)
		srv, _ := serve(t, slowStore{store}, session.Config{User: user, Check: 2 * time.Second})
		shared, own := store.Create(map[string]any{"user": "alice", "items": 0}), store.Create(map[string]any{"user": "bob", "items": 0})
		tabs := []*siotest.Client{siotest.Dial(t, srv, cookie(store.Cookie(shared))), siotest.Dial(t, srv, cookie(store.Cookie(shared)))}
		other := siotest.Dial(t, srv, cookie(store.Cookie(own)))
		var answers []<-chan *siotest.Message
		for range 10 {
			for _, tab := range tabs {
				answers = append(answers, tab.EmitWithAck("add"))
			}
		}
		start := time.Now()
		other.Call("add")
		assert.Equal(t, "waited", time.Since(start), time.Second)
		for _, answer := range answers {
			<-answer
		}
		now, err := store.Reload(t.Context(), &session.Session{ID: shared})
		assert.NoError(t, err)
		assert.Equal(t, "items", now.Values["items"], any(20))
		srv.Close()
		time.Sleep(2 * time.Second) // for a touch under way
	})
}

// TestWriterGivesUp: whoever waits for their turn waits no longer than ctx.
func TestWriterGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := session.NewMemory("sid", time.Hour)
		srv, x := serve(t, slowStore{store}, session.Config{User: user})
		id := store.Create(map[string]any{"user": "alice", "items": 0})
		tab := siotest.Dial(t, srv, cookie(store.Cookie(id)))
		tab.Call("who") // the server knows the socket by then
		s, _ := srv.Socket(tab.ID())
		answer := tab.EmitWithAck("add")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		err := x.Update(ctx, s, func(map[string]any) error { t.Error("it was not its turn"); return nil })
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		<-answer
		tab.Call("add")
		var items int
		tab.Call("items").Decode(&items)
		assert.Equal(t, "items", items, 2)
	})
}

// TestSomebodyElsesSession: a login as another user within the same session
// leaves no socket behind that acts as the first.
func TestSomebodyElsesSession(t *testing.T) {
	t.Parallel()
	login := func(v map[string]any) error { v["user"] = "bob"; return nil }
	for name, change := range map[string]func(store *session.Memory, x *session.Sessions, id string) (newID string, err error){
		"found by the check": func(store *session.Memory, _ *session.Sessions, id string) (string, error) {
			return id, store.Update(context.Background(), &session.Session{ID: id}, login)
		},
		"told by Renewed": func(store *session.Memory, x *session.Sessions, id string) (string, error) {
			newID, err := store.Rotate(id)
			if err == nil {
				err = store.Update(context.Background(), &session.Session{ID: newID}, login)
			}
			if err == nil {
				err = x.Renewed(context.Background(), id, newID)
			}
			return newID, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := session.NewMemory("sid", time.Hour)
				srv, x := serve(t, store, session.Config{User: user})
				id := store.Create(map[string]any{"user": "alice"})
				c := siotest.Dial(t, srv, cookie(store.Cookie(id)))
				c.Call("who")
				id, err := change(store, x, id)
				assert.NoError(t, err)
				c.ExpectDisconnect(siotest.TransportClose) // and the client comes back by itself
				var who string
				siotest.Dial(t, srv, cookie(store.Cookie(id))).Call("who").Decode(&who)
				assert.Equal(t, "who", who, "bob")
			})
		})
	}
}
