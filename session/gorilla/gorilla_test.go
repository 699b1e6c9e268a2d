package sessiongorilla_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/sessions"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
	sessiongorilla "github.com/gosio/gosio/session/gorilla"
	"github.com/gosio/gosio/session/sessiontest"
)

var key = []byte("0123456789abcdef0123456789abcdef")

// serve runs one HTTP request within a session, as applications do.
func serve(t *testing.T, store sessions.Store, c *http.Cookie, f func(s *sessions.Session)) *http.Cookie {
	t.Helper()
	r, w := httptest.NewRequest("POST", "/", nil), httptest.NewRecorder()
	if c != nil {
		r.AddCookie(c)
	}
	s, err := store.Get(r, "app")
	assert.NoError(t, err)
	f(s)
	assert.NoError(t, s.Save(r, w))
	return w.Result().Cookies()[0]
}

func create(t *testing.T, store sessions.Store, values map[string]string) *http.Cookie {
	return serve(t, store, nil, func(s *sessions.Session) {
		for k, v := range values {
			s.Values[k] = v
		}
	})
}

const long = 60 * 24 * time.Hour

// lives is what an application with "remember me" says.
func lives(values map[string]any) time.Duration {
	if values["remember"] == "yes" {
		return long
	}
	return 0
}

func TestProvider(t *testing.T) {
	t.Parallel()
	for name, extends := range map[string]bool{"lives are not known": false, "lives are known": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sessiontest.Run(t, func(t *testing.T) sessiontest.Store { return files(t, extends) })
		})
	}
}

func files(t *testing.T, extends bool) sessiontest.Store {
	store := &slowStore{FilesystemStore: sessions.NewFilesystemStore(t.TempDir(), key), maxAge: map[string]int{}}
	provider := sessiongorilla.New(store, "app")
	if extends {
		provider = provider.WithLife(lives)
	}
	return sessiontest.Store{
		Provider: provider,
		Create: func(t *testing.T, values map[string]string) *http.Cookie {
			return create(t, store, values)
		},
		Change: func(t *testing.T, c *http.Cookie, key, value string) {
			serve(t, store, c, func(s *sessions.Session) { s.Values[key] = value })
		},
		Destroy: func(t *testing.T, c *http.Cookie) {
			serve(t, store, c, func(s *sessions.Session) { s.Options.MaxAge = -1 })
		},
		Renew: func(t *testing.T, c *http.Cookie) *http.Cookie {
			return serve(t, store, c, func(s *sessions.Session) { s.ID = "" })
		},
		Remember: func(t *testing.T) (*http.Cookie, func() time.Duration) {
			id := ""
			c := serve(t, store, nil, func(s *sessions.Session) {
				s.Values["user"], s.Values["remember"] = "alice", "yes"
				s.ID = "REMEMBER"
				s.Options.MaxAge = int(long.Seconds())
				id = s.ID
			})
			return c, func() time.Duration { return store.life(id) }
		},
		BeforeWrite: store.before,
	}
}

// slowStore calls a function before each write, and notes the life that each
// session is given.
type slowStore struct {
	*sessions.FilesystemStore
	f      atomic.Pointer[func()]
	mu     sync.Mutex
	maxAge map[string]int
}

func (s *slowStore) before(f func()) { s.f.Store(&f) }

func (s *slowStore) Save(r *http.Request, w http.ResponseWriter, v *sessions.Session) error {
	if f := s.f.Load(); f != nil {
		(*f)()
	}
	err := s.FilesystemStore.Save(r, w, v)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxAge[v.ID] = v.Options.MaxAge
	return err
}

func (s *slowStore) life(id string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(s.maxAge[id]) * time.Second
}

// TestCookieStore: a session that is all in the cookie can be read only.
func TestCookieStore(t *testing.T) {
	t.Parallel()
	store := sessions.NewCookieStore(key)
	p := sessiongorilla.New(store, "app")
	ctx := context.Background()
	load := func(value string) (*session.Session, error) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "app="+value)
		return p.Load(ctx, r)
	}
	c := create(t, store, map[string]string{"user": "alice"})
	v, err := load(c.Value)
	assert.NoError(t, err)
	assert.Equal(t, "user", v.String("user"), "alice")
	_, err = load(c.Value[:len(c.Value)-2] + "AA")
	assert.ErrorIs(t, err, session.ErrInvalid)
	other := create(t, sessions.NewCookieStore([]byte("another key, of 32 bytes length.")), map[string]string{"user": "root"})
	_, err = load(other.Value)
	assert.ErrorIs(t, err, session.ErrInvalid)
	assert.ErrorIs(t, p.Update(ctx, v, func(map[string]any) error { return nil }), session.ErrReadOnly)
	assert.NoError(t, p.Touch(ctx, v))
	now, err := p.Reload(ctx, v)
	assert.NoError(t, err)
	assert.Equal(t, "id", now.ID, v.ID)

	// A save makes another cookie: a logout with that one does not know the sockets of this.
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(c)
	s, err := store.Get(r, "app")
	assert.NoError(t, err)
	s.Values["cart"] = "full"
	w := httptest.NewRecorder()
	assert.NoError(t, s.Save(r, w))
	saved, err := load(w.Result().Cookies()[0].Value)
	assert.NoError(t, err)
	assert.True(t, "another id", saved.ID != v.ID)
}

// TestExpired: the time in the cookie's signature is over, wherever the values
// are.
func TestExpired(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) sessions.Store{
		"cookie": func(*testing.T) sessions.Store { s := sessions.NewCookieStore(key); s.MaxAge(60); return s },
		"files": func(t *testing.T) sessions.Store {
			s := sessions.NewFilesystemStore(t.TempDir(), key)
			s.MaxAge(60)
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			synctest.Test(t, func(t *testing.T) {
				p := sessiongorilla.New(store, "app")
				r := httptest.NewRequest("GET", "/", nil)
				r.AddCookie(create(t, store, map[string]string{"user": "alice"}))
				time.Sleep(time.Minute)
				v, err := p.Load(t.Context(), r)
				assert.NoError(t, err)
				time.Sleep(time.Second)
				_, err = p.Load(t.Context(), r)
				assert.ErrorIs(t, err, session.ErrInvalid)
				_, err = p.Reload(t.Context(), v)
				assert.ErrorIs(t, err, session.ErrInvalid)
			})
		})
	}
}

// TestLife: an update gives a session the life that it has, and is refused
// rather than deleting a session that the store's options give none.
func TestLife(t *testing.T) {
	t.Parallel()
	store := &slowStore{FilesystemStore: sessions.NewFilesystemStore(t.TempDir(), key), maxAge: map[string]int{}}
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(create(t, store, map[string]string{"user": "alice", "remember": "yes"}))
	store.Options.MaxAge = 0
	p := sessiongorilla.New(store, "app")
	v, err := p.Load(t.Context(), r)
	assert.NoError(t, err)
	change := func(values map[string]any) error { values["theme"] = "dark"; return nil }
	assert.True(t, "refused", p.Update(t.Context(), v, change) != nil)
	assert.NoError(t, p.Touch(t.Context(), v))
	assert.NoError(t, p.WithLife(lives).Update(t.Context(), v, change))
	assert.Equal(t, "life", store.life(v.ID), long)
	now, err := p.Reload(t.Context(), v)
	assert.NoError(t, err)
	assert.Equal(t, "theme", now.String("theme"), "dark")
	endless := func(map[string]any) time.Duration { return math.MaxInt64 }
	assert.NoError(t, p.WithLife(endless).Touch(t.Context(), now))
	assert.True(t, "lives for decades", store.life(v.ID) > 20*365*24*time.Hour)
	blink := func(map[string]any) time.Duration { return 1 }
	assert.NoError(t, p.WithLife(blink).Touch(t.Context(), now))
	assert.Equal(t, "at least a second", store.life(v.ID), time.Second)
}

// TestRenewedWithoutCodecs: a store that keeps its keys to itself cannot be
// asked for a session by its ID, and the sockets reconnect; with the codecs they
// go on.
func TestRenewedWithoutCodecs(t *testing.T) {
	t.Parallel()
	store := sessions.NewFilesystemStore(t.TempDir(), key)
	hidden := struct{ sessions.Store }{store}
	c := create(t, store, map[string]string{"user": "alice"})
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(c)
	v, err := sessiongorilla.New(hidden, "app").Load(t.Context(), r)
	assert.NoError(t, err)
	v.Ref = ""
	_, err = sessiongorilla.New(hidden, "app").Reload(t.Context(), v)
	assert.ErrorIs(t, err, session.ErrMissing)
	now, err := sessiongorilla.New(hidden, "app", store.Codecs...).Reload(t.Context(), v)
	assert.NoError(t, err)
	assert.Equal(t, "user", now.String("user"), "alice")
}

// TestErrorsHaveNoPath: the name of a file has the session's ID.
func TestErrorsHaveNoPath(t *testing.T) {
	t.Parallel()
	folder, ctx := t.TempDir(), context.Background()
	store := sessions.NewFilesystemStore(folder, key)
	p := sessiongorilla.New(store, "app").WithLife(lives)
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(create(t, store, map[string]string{"user": "alice"}))
	v, err := p.Load(ctx, r)
	assert.NoError(t, err)
	spoil := func(map[string]any) error { // a folder, with something in it, in the place of the file
		name := filepath.Join(folder, "session_"+v.ID)
		_ = os.Remove(name)
		return os.MkdirAll(filepath.Join(name, "x"), 0o700)
	}
	failures := []error{p.Update(ctx, v, spoil), p.Update(ctx, v, spoil), p.Touch(ctx, v), p.Destroy(ctx, v.ID)}
	_, err = p.Load(ctx, r)
	failures = append(failures, err)
	_, err = p.Reload(ctx, v)
	for i, err := range append(failures, err) {
		if err == nil || strings.Contains(err.Error(), v.ID) || strings.Contains(err.Error(), folder) {
			t.Errorf("error %d: %v", i, err)
		}
		assert.True(t, "why it failed is kept", errors.As(err, new(syscall.Errno)))
	}
}
