package sessiontest

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/session"
)

// overlap is a test in which a session ends between a load and its save.
type overlap struct {
	name          string
	update, renew bool // otherwise a check's touch, and a logout
}

var overlaps = []overlap{
	{"logged out during a touch", false, false},
	{"logged out during an update", true, false},
	{"renewed during a touch", false, true},
	{"renewed during an update", true, true},
}

// patience is for what happens at once, on machines that are busy.
const patience = 10 * time.Second

// provider is what the tests need to slow a provider down.
type provider interface {
	session.Provider
	session.Reloader
	session.Updater
	session.Destroyer
}

// slow is a provider that stops in its first write, after the load and before
// the save, until it is let go.
type slow struct {
	provider
	store Store
	taken atomic.Bool
	held  chan struct{} // closed when the write has loaded
	free  chan struct{} // closed when it may save
	idle  chan struct{} // closed when the first write has returned
	done  sync.Once
}

func (s *slow) hold() {
	if s.taken.CompareAndSwap(false, true) { // the others go through
		close(s.held)
		<-s.free
	}
}

func (s *slow) Touch(ctx context.Context, v *session.Session) error {
	defer s.done.Do(func() { close(s.idle) })
	if t, ok := s.provider.(session.Toucher); ok && s.store.BeforeWrite != nil {
		return t.Touch(ctx, v)
	}
	return s.provider.Update(ctx, v, func(map[string]any) error { s.hold(); return nil })
}

func (s *slow) Update(ctx context.Context, v *session.Session, change func(map[string]any) error) error {
	defer s.done.Do(func() { close(s.idle) })
	return s.provider.Update(ctx, v, func(values map[string]any) error {
		if err := change(values); err != nil {
			return err
		}
		if s.store.BeforeWrite == nil {
			s.hold()
		}
		return nil
	})
}

func (o overlap) run(t *testing.T, store Store) {
	p, ok := store.Provider.(provider)
	if !ok || o.renew && store.Renew == nil || store.Locks && !o.update {
		// Where a store locks, a check looks the session up again between the store's
		// part of a logout and that of session.Sessions: it may end the socket first.
		return
	}
	c := store.Create(t, map[string]string{"user": "alice"})
	v := mustLoad(t, store, c)
	s := &slow{provider: p, store: store, held: make(chan struct{}), free: make(chan struct{}), idle: make(chan struct{})}
	if store.BeforeWrite != nil {
		store.BeforeWrite(s.hold)
	}
	srv := socketio.NewServer(nil)
	defer srv.Close()
	bus := session.NewBus()
	x := session.New(s, session.Config{Check: time.Hour, Bus: bus, User: func(v *session.Session) string { return v.String("user") }})
	srv.Use(x)
	srv.On("ping", func() {})
	srv.On("update", func(ctx context.Context, s *socketio.Socket) error {
		return x.Update(ctx, s, func(values map[string]any) error { values["theme"] = "dark"; return nil })
	})
	client := siotest.Dial(t, srv, siotest.Options{Header: http.Header{"Cookie": {c.Name + "=" + c.Value}}, Timeout: patience})
	var answer <-chan *siotest.Message
	if o.update {
		answer = client.EmitWithAck("update")
	} else {
		client.Call("ping")                                                        // for the check to touch
		if err := bus.Publish(context.Background(), session.Event{}); err != nil { // which makes the one check
			t.Fatalf("Publish: %v", err)
		}
	}
	if !s.wait(t) {
		return // this provider's touches write nothing
	}
	o.end(t, store, x, c, v.ID, s, client)
	if o.update && o.renew {
		<-answer
	}
}

// wait waits until the write stands between load and save. It reports whether
// there is one.
func (s *slow) wait(t *testing.T) bool {
	t.Helper()
	select {
	case <-s.held:
		return true
	case <-s.idle:
		return false
	case <-time.After(patience):
		t.Fatal("nothing is written")
		return false
	}
}

// end ends the session during the write, and looks whether that lasts.
func (o overlap) end(t *testing.T, store Store, x *session.Sessions, c *http.Cookie, id string, s *slow, client *siotest.Client) {
	t.Helper()
	ended := make(chan *http.Cookie, 1)
	go func() { // it waits for the write if the store locks
		if !o.renew {
			store.Destroy(t, c)
			if err := x.Logout(context.Background(), id); err != nil {
				t.Errorf("Logout: %v", err)
			}
			ended <- nil
			return
		}
		renewed := store.Renew(t, c)
		now, err := store.Provider.Load(context.Background(), request(renewed))
		if err == nil {
			err = x.Renewed(context.Background(), id, now.ID)
		}
		if err != nil {
			t.Errorf("Renewed: %v", err)
		}
		ended <- renewed
	}()
	var renewed *http.Cookie
	if store.Locks {
		time.Sleep(100 * time.Millisecond) // so that it most likely waits already
		close(s.free)
		renewed = <-ended
	} else {
		select {
		case renewed = <-ended:
		case <-time.After(patience):
			t.Error("a logout waits for a write: set Locks")
			defer func() { <-ended }()
			close(s.free)
			return
		}
		close(s.free)
	}
	<-s.idle
	gone(t, store, c)
	if !o.renew {
		client.Expect("session:ended")
		return
	}
	client.Call("ping")
	now := mustLoad(t, store, renewed)
	want(t, now, map[string]string{"user": "alice"})
	if o.update {
		client.Call("update")
		want(t, mustLoad(t, store, renewed), map[string]string{"user": "alice", "theme": "dark"})
	}
	if err := x.Logout(context.Background(), now.ID); err != nil {
		t.Errorf("Logout: %v", err)
	}
	client.Expect("session:ended")
	gone(t, store, renewed)
}

// gone waits until a cookie is worth nothing: what was saved too late is deleted
// right after.
func gone(t *testing.T, s Store, c *http.Cookie) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err = s.Provider.Load(context.Background(), request(c)); errors.Is(err, session.ErrMissing) || errors.Is(err, session.ErrInvalid) {
			return
		}
	}
	t.Errorf("the session is back in its store: Load says %v", err)
}
