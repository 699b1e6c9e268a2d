package sessionfiber_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	fibers "github.com/gofiber/fiber/v2/middleware/session"

	"github.com/gosio/gosio/internal/assert"
	sessionfiber "github.com/gosio/gosio/session/fiber"
	"github.com/gosio/gosio/session/sessiontest"
)

// storage is a fiber.Storage without the goroutine of Fiber's own, which
// nothing ends.
type storage struct {
	f    atomic.Pointer[func()] // called before each write
	mu   sync.Mutex
	m    map[string][]byte
	life map[string]time.Duration
}

func (s *storage) before(f func()) { s.f.Store(&f) }

const long = 30 * 24 * time.Hour

// lives is what an application with "remember me" says.
func lives(values map[string]any) time.Duration {
	if values["remember"] == "yes" {
		return long
	}
	return 0
}

func (s *storage) Get(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[key], nil
}

func (s *storage) Set(key string, v []byte, life time.Duration) error {
	if f := s.f.Load(); f != nil {
		(*f)()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[key], s.life[key] = v, life
	return nil
}

func (s *storage) Delete(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, key)
	return nil
}

func (s *storage) Reset() error { return nil }
func (s *storage) Close() error { return nil }

func TestProvider(t *testing.T) {
	t.Parallel()
	for name, extends := range map[string]bool{"lives are not known": false, "lives are known": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sessiontest.Run(t, func(t *testing.T) sessiontest.Store { return open(extends) })
		})
	}
}

func open(extends bool) sessiontest.Store {
	kept := &storage{m: map[string][]byte{}, life: map[string]time.Duration{}}
	store := fibers.New(fibers.Config{Storage: kept})
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post("/set", func(c *fiber.Ctx) error {
		s, err := store.Get(c)
		if err != nil {
			return err
		}
		for k, v := range c.Queries() {
			s.Set(string([]byte(k)), string([]byte(v)))
		}
		if c.Query("remember") == "yes" {
			s.SetExpiry(long)
		}
		return s.Save()
	})
	app.Post("/renew", func(c *fiber.Ctx) error {
		s, err := store.Get(c)
		if err != nil {
			return err
		}
		if err := s.Regenerate(); err != nil {
			return err
		}
		return s.Save()
	})
	app.Post("/logout", func(c *fiber.Ctx) error {
		s, err := store.Get(c)
		if err != nil {
			return err
		}
		return s.Destroy()
	})
	serve := func(t *testing.T, c *http.Cookie, path string, values map[string]string) *http.Cookie {
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
		w, err := app.Test(r, -1)
		assert.NoError(t, err)
		defer w.Body.Close()
		assert.Equal(t, "status", w.StatusCode, 200)
		if set := w.Cookies(); len(set) > 0 {
			return set[0]
		}
		return c
	}
	provider := sessionfiber.New(kept, "", 0)
	if extends {
		provider = provider.WithLife(lives)
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
}
