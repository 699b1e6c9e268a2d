package gorillasession_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/sessions"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
	gorillasession "github.com/gosio/gosio/session/gorilla"
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

func TestProvider(t *testing.T) {
	t.Parallel()
	sessiontest.Run(t, func(t *testing.T) sessiontest.Store {
		store := sessions.NewFilesystemStore(t.TempDir(), key)
		return sessiontest.Store{
			Provider: gorillasession.New(store, "app"),
			Create: func(t *testing.T, values map[string]string) *http.Cookie {
				return create(t, store, values)
			},
			Change: func(t *testing.T, c *http.Cookie, key, value string) {
				serve(t, store, c, func(s *sessions.Session) { s.Values[key] = value })
			},
			Destroy: func(t *testing.T, c *http.Cookie) {
				serve(t, store, c, func(s *sessions.Session) { s.Options.MaxAge = -1 })
			},
		}
	})
}

// TestCookieStore: a session that is all in the cookie can be read only.
func TestCookieStore(t *testing.T) {
	t.Parallel()
	store := sessions.NewCookieStore(key)
	p := gorillasession.New(store, "app")
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
				p := gorillasession.New(store, "app")
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
