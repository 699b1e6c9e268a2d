package siofiber_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v3"
	fibers "github.com/gofiber/fiber/v3/middleware/session"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
	sessionfiber "github.com/gosio/gosio/session/fiber"
	"github.com/gosio/gosio/session/sessiontest"
)

// sessionStorage is a fiber.Storage whose writes a test can interrupt.
type sessionStorage struct {
	f    atomic.Pointer[func()] // called before each write
	mu   sync.Mutex
	m    map[string][]byte
	life map[string]time.Duration
}

func newSessionStorage() *sessionStorage {
	return &sessionStorage{m: map[string][]byte{}, life: map[string]time.Duration{}}
}

func (s *sessionStorage) before(f func()) { s.f.Store(&f) }

func (s *sessionStorage) Get(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[key], nil
}

func (s *sessionStorage) Set(key string, v []byte, life time.Duration) error {
	if f := s.f.Load(); f != nil {
		(*f)()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[key], s.life[key] = v, life
	return nil
}

func (s *sessionStorage) Delete(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, key)
	return nil
}

func (s *sessionStorage) GetWithContext(_ context.Context, key string) ([]byte, error) {
	return s.Get(key)
}

func (s *sessionStorage) SetWithContext(_ context.Context, key string, v []byte, life time.Duration) error {
	return s.Set(key, v, life)
}
func (s *sessionStorage) DeleteWithContext(_ context.Context, key string) error { return s.Delete(key) }
func (s *sessionStorage) ResetWithContext(context.Context) error                { return nil }
func (s *sessionStorage) Reset() error                                          { return nil }
func (s *sessionStorage) Close() error                                          { return nil }

const longLife = 30 * 24 * time.Hour

// sessionApp returns an application of the real middleware, as a function that
// makes requests to it.
func sessionApp(kept *sessionStorage, absolute time.Duration) func(t *testing.T, c *http.Cookie, path string, values map[string]string) *http.Cookie {
	store := fibers.NewStore(fibers.Config{Storage: kept, AbsoluteTimeout: absolute})
	app := fiber.New()
	handle := func(f func(c fiber.Ctx, s *fibers.Session) error) fiber.Handler {
		return func(c fiber.Ctx) error {
			s, err := store.Get(c)
			if err != nil {
				return err
			}
			defer s.Release()
			return f(c, s)
		}
	}
	app.Post("/set", handle(func(c fiber.Ctx, s *fibers.Session) error {
		for k, v := range c.Queries() {
			s.Set(strings.Clone(k), strings.Clone(v))
		}
		s.Set(7, "a key that is no string")
		if c.Query("remember") == "yes" {
			s.SetIdleTimeout(longLife)
		}
		return s.Save()
	}))
	app.Post("/seven", handle(func(_ fiber.Ctx, s *fibers.Session) error {
		if s.Get(7) == nil {
			return fiber.ErrNotFound
		}
		return nil
	}))
	app.Post("/renew", handle(func(_ fiber.Ctx, s *fibers.Session) error {
		if err := s.Regenerate(); err != nil {
			return err
		}
		return s.Save()
	}))
	app.Post("/logout", handle(func(_ fiber.Ctx, s *fibers.Session) error { return s.Destroy() }))
	return func(t *testing.T, c *http.Cookie, path string, values map[string]string) *http.Cookie {
		t.Helper()
		r := httptest.NewRequest("POST", path, nil)
		q := r.URL.Query()
		for k, v := range values {
			q.Set(k, v)
		}
		r.URL.RawQuery = q.Encode()
		r.RequestURI = r.URL.RequestURI()
		if c != nil {
			r.AddCookie(c)
		}
		w, err := app.Test(r, fiber.TestConfig{Timeout: 0})
		assert.NoError(t, err)
		defer w.Body.Close()
		assert.Equal(t, "status of "+path, w.StatusCode, 200)
		if set := w.Cookies(); len(set) > 0 {
			return set[0]
		}
		return c
	}
}

// TestSessions: session/fiber reads and writes what the middleware of Fiber v3
// does, with an absolute timeout and without.
func TestSessions(t *testing.T) {
	t.Parallel()
	for name, absolute := range map[string]time.Duration{"idle timeout": 0, "absolute timeout": 31 * 24 * time.Hour} {
		for lives, extends := range map[string]bool{"lives are not known": false, "lives are known": true} {
			t.Run(name+", "+lives, func(t *testing.T) {
				t.Parallel()
				sessiontest.Run(t, func(*testing.T) sessiontest.Store {
					kept := newSessionStorage()
					serve := sessionApp(kept, absolute)
					provider := sessionfiber.NewV3(kept, "", 0)
					if extends {
						provider = provider.WithLife(func(values map[string]any) time.Duration {
							if values["remember"] == "yes" {
								return longLife
							}
							return 0
						})
					}
					return sessiontest.Store{
						Provider: provider,
						Create: func(t *testing.T, values map[string]string) *http.Cookie {
							return serve(t, nil, "/set", values)
						},
						Change: func(t *testing.T, c *http.Cookie, key, value string) {
							serve(t, c, "/set", map[string]string{key: value})
						},
						Destroy: func(t *testing.T, c *http.Cookie) { serve(t, c, "/logout", nil) },
						Renew:   func(t *testing.T, c *http.Cookie) *http.Cookie { return serve(t, c, "/renew", nil) },
						Remember: func(t *testing.T) (*http.Cookie, func() time.Duration) {
							c := serve(t, nil, "/set", map[string]string{"user": "alice", "remember": "yes"})
							return c, func() time.Duration {
								kept.mu.Lock()
								defer kept.mu.Unlock()
								return kept.life[c.Value]
							}
						},
						BeforeWrite: kept.before,
					}
				})
			})
		}
	}
}

// TestSessionValues: an update leaves what only Fiber can read, and the absolute
// timeout is the session's end.
func TestSessionValues(t *testing.T) {
	t.Parallel()
	kept := newSessionStorage()
	serve := sessionApp(kept, time.Hour)
	before := time.Now()
	c := serve(t, nil, "/set", map[string]string{"user": "alice"})
	p := sessionfiber.NewV3(kept, "", 0)
	r, _ := http.NewRequest("GET", "/", nil)
	r.AddCookie(c)
	v, err := p.Load(t.Context(), r)
	assert.NoError(t, err)
	assert.Equal(t, "values", v.Values, map[string]any{"user": "alice"})
	assert.True(t, "ends in an hour, and not at "+v.ExpiresAt.String(), !v.ExpiresAt.Before(before.Add(time.Hour)) && !v.ExpiresAt.After(time.Now().Add(time.Hour)))
	assert.NoError(t, p.Update(t.Context(), v, func(values map[string]any) error { values["theme"] = "dark"; return nil }))
	assert.Equal(t, "life", kept.life[c.Value], 30*time.Minute)
	serve(t, c, "/seven", nil)
	serve(t, c, "/set", nil) // Fiber reads what was written
	now, err := p.Reload(t.Context(), v)
	assert.NoError(t, err)
	assert.Equal(t, "values", now.Values, map[string]any{"user": "alice", "theme": "dark"})
	assert.Equal(t, "end", now.ExpiresAt.Equal(v.ExpiresAt), true)

	_, err = sessionfiber.New(kept, "", 0).Reload(t.Context(), v) // of Fiber v2
	if err == nil || !strings.Contains(err.Error(), "NewV3 is for Fiber v3") {
		t.Errorf("got %v, want a hint at NewV3", err)
	}
	assert.ErrorIs(t, p.Touch(t.Context(), &session.Session{ID: "none"}), session.ErrMissing)
}
