// Package sessiontest holds the contract of session.Provider as tests.
package sessiontest

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gosio/gosio/session"
)

// Store is what the tests need of a store beside its provider: what the
// application does to sessions in its HTTP handlers, with the library that the
// provider is for.
type Store struct {
	Provider session.Provider
	// Create begins a session and returns its cookie.
	Create func(t *testing.T, values map[string]string) *http.Cookie
	// Change sets a value in the session of that cookie.
	Change func(t *testing.T, cookie *http.Cookie, key, value string)
	// Destroy logs the session of that cookie out.
	Destroy func(t *testing.T, cookie *http.Cookie)
	// Renew gives the session of that cookie a new id, as a login does, and
	// returns the new cookie. Nil: the tests of renewed sessions are left out.
	Renew func(t *testing.T, cookie *http.Cookie) *http.Cookie
	// Remember begins a session that lives longer than the provider's default,
	// as "remember me" does; left says how long it has left. Nil: left out.
	Remember func(t *testing.T) (cookie *http.Cookie, left func() time.Duration)
	// BeforeWrite has the store call f before each write from now on, with no
	// lock held, so that the tests can put a logout between a load and its save.
	// Nil for stores whose updates are transactions: then the tests pause in the
	// function that changes the values.
	BeforeWrite func(f func())
	// Locks says that a write locks the session from its load to its save: a logout
	// waits for it.
	Locks bool
}

// Run runs the tests on new stores. What a provider does not implement beyond
// session.Provider is left out.
func Run(t *testing.T, newStore func(t *testing.T) Store) {
	t.Helper()
	run := func(name string, f func(t *testing.T, s Store)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, newStore(t))
		})
	}
	run("load", load)
	run("cookies that are none", foreign)
	run("reload sees HTTP requests", reload)
	run("logged out", loggedOut)
	run("update keeps what others wrote", update)
	run("touch", touch)
	run("a touch keeps the session's own life", remember)
	run("destroy", destroy)
	for _, o := range overlaps {
		run(o.name, o.run)
	}
}

func request(cookies ...*http.Cookie) *http.Request {
	r, _ := http.NewRequest(http.MethodGet, "http://server.test/socket.io/?EIO=4&transport=websocket", nil)
	for _, c := range cookies {
		r.Header.Add("Cookie", c.Name+"="+c.Value)
	}
	return r
}

func mustLoad(t *testing.T, s Store, c *http.Cookie) *session.Session {
	t.Helper()
	v, err := s.Provider.Load(context.Background(), request(c))
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return v
}

func want(t *testing.T, v *session.Session, values map[string]string) {
	t.Helper()
	for key, value := range values {
		if v.String(key) != value {
			t.Errorf("value %q is %q, want %q", key, v.String(key), value)
		}
	}
}

func load(t *testing.T, s Store) {
	a := s.Create(t, map[string]string{"user": "alice", "theme": "dark"})
	b := s.Create(t, map[string]string{"user": "bob"})
	v := mustLoad(t, s, a)
	want(t, v, map[string]string{"user": "alice", "theme": "dark"})
	if v.ID == "" || v.ID == mustLoad(t, s, b).ID {
		t.Errorf("ids are empty or equal")
	}
	if again := mustLoad(t, s, a); again.ID != v.ID {
		t.Errorf("the id changes from load to load")
	}
}

func foreign(t *testing.T, s Store) {
	good := s.Create(t, map[string]string{"user": "alice"})
	values := []string{"", "x", "../../etc/passwd", good.Value + "x", good.Value[:len(good.Value)-1], good.Value[1:], "%zz", "s%3A.", string(slices.Repeat([]byte("x"), 9000))}
	for _, value := range values {
		c := &http.Cookie{Name: good.Name, Value: value}
		v, err := s.Provider.Load(context.Background(), request(c))
		if !errors.Is(err, session.ErrMissing) && !errors.Is(err, session.ErrInvalid) {
			t.Errorf("cookie %.40q: session %v, error %v", value, v, err)
		}
	}
	if _, err := s.Provider.Load(context.Background(), request()); !errors.Is(err, session.ErrMissing) {
		t.Errorf("no cookie: %v", err)
	}
}

func reload(t *testing.T, s Store) {
	r, ok := s.Provider.(session.Reloader)
	if !ok {
		return
	}
	c := s.Create(t, map[string]string{"user": "alice"})
	v := mustLoad(t, s, c)
	s.Change(t, c, "theme", "dark")
	now, err := r.Reload(context.Background(), v)
	if err != nil {
		t.Fatalf("Reload: %v", err)
	}
	want(t, now, map[string]string{"user": "alice", "theme": "dark"})
	if now.ID != v.ID || v.String("theme") != "" {
		t.Error("Reload changes the id, or the session it was given")
	}
}

// loggedOut: nothing that a socket does brings a session back.
func loggedOut(t *testing.T, s Store) {
	c := s.Create(t, map[string]string{"user": "alice"})
	v := mustLoad(t, s, c)
	s.Destroy(t, c)
	ctx := context.Background()
	if tt, ok := s.Provider.(session.Toucher); ok {
		if err := tt.Touch(ctx, v); !errors.Is(err, session.ErrMissing) {
			t.Errorf("Touch: %v", err)
		}
	}
	if u, ok := s.Provider.(session.Updater); ok {
		err := u.Update(ctx, v, func(values map[string]any) error { values["x"] = "y"; return nil })
		if !errors.Is(err, session.ErrMissing) {
			t.Errorf("Update: %v", err)
		}
	}
	if r, ok := s.Provider.(session.Reloader); ok {
		if _, err := r.Reload(ctx, v); !errors.Is(err, session.ErrMissing) {
			t.Errorf("Reload: %v", err)
		}
	}
	if _, err := s.Provider.Load(ctx, request(c)); !errors.Is(err, session.ErrMissing) {
		t.Errorf("Load: %v", err)
	}
}

func update(t *testing.T, s Store) {
	u, ok := s.Provider.(session.Updater)
	if !ok {
		return
	}
	ctx := context.Background()
	c := s.Create(t, map[string]string{"user": "alice", "theme": "light"})
	v := mustLoad(t, s, c)
	s.Change(t, c, "theme", "dark")
	no := errors.New("no")
	if err := u.Update(ctx, v, func(values map[string]any) error { values["user"] = "mallory"; return no }); !errors.Is(err, no) {
		t.Errorf("Update returns %v, want what change returns", err)
	}
	err := u.Update(ctx, v, func(values map[string]any) error {
		if values["theme"] != "dark" {
			t.Errorf("change sees %v", values)
		}
		values["cart"] = "full"
		return nil
	})
	if err != nil {
		t.Fatalf("Update: %v", err)
	}
	want(t, mustLoad(t, s, c), map[string]string{"user": "alice", "theme": "dark", "cart": "full"})
	s.Change(t, c, "theme", "blue") // the library can read what was written
	want(t, mustLoad(t, s, c), map[string]string{"theme": "blue", "cart": "full"})
}

func touch(t *testing.T, s Store) {
	tt, ok := s.Provider.(session.Toucher)
	if !ok {
		return
	}
	values := map[string]string{"user": "alice"}
	c := s.Create(t, maps.Clone(values))
	v := mustLoad(t, s, c)
	if err := tt.Touch(context.Background(), v); err != nil {
		t.Fatalf("Touch: %v", err)
	}
	now := mustLoad(t, s, c)
	want(t, now, values)
	if now.ExpiresAt.Before(v.ExpiresAt.Add(-time.Second)) { // stores count in coarse units
		t.Errorf("expiry went from %s to %s", v.ExpiresAt, now.ExpiresAt)
	}
}

func remember(t *testing.T, s Store) {
	tt, ok := s.Provider.(session.Toucher)
	if !ok || s.Remember == nil {
		return
	}
	c, left := s.Remember(t)
	before := left()
	if err := tt.Touch(context.Background(), mustLoad(t, s, c)); err != nil {
		t.Fatalf("Touch: %v", err)
	}
	if after := left(); after < before-time.Minute { // stores count in coarse units
		t.Errorf("a touch shortens the session's life from %s to %s", before, after)
	}
	mustLoad(t, s, c)
}

func destroy(t *testing.T, s Store) {
	d, ok := s.Provider.(session.Destroyer)
	if !ok {
		return
	}
	ctx := context.Background()
	c, other := s.Create(t, map[string]string{"user": "alice"}), s.Create(t, map[string]string{"user": "bob"})
	id := mustLoad(t, s, c).ID
	for range 2 { // the second time there is nothing
		if err := d.Destroy(ctx, id); err != nil {
			t.Fatalf("Destroy: %v", err)
		}
	}
	if _, err := s.Provider.Load(ctx, request(c)); !errors.Is(err, session.ErrMissing) {
		t.Errorf("Load: %v", err)
	}
	mustLoad(t, s, other)
}
