package sessionscs_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
	sessionscs "github.com/gosio/gosio/session/scs"
	"github.com/gosio/gosio/session/sessiontest"
)

// serve runs one HTTP request within a session, as applications do.
func serve(t *testing.T, m *scs.SessionManager, c *http.Cookie, f func(r *http.Request)) *http.Cookie {
	t.Helper()
	r := httptest.NewRequest("POST", "/", nil)
	if c != nil {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { f(r) })).ServeHTTP(w, r)
	if set := w.Result().Cookies(); len(set) > 0 {
		return set[0]
	}
	return c
}

func TestProvider(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(m *scs.SessionManager){
		"default": func(*scs.SessionManager) {},
		"hashed":  func(m *scs.SessionManager) { m.HashTokenInStore = true },
		"idle":    func(m *scs.SessionManager) { m.IdleTimeout = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sessiontest.Run(t, func(t *testing.T) sessiontest.Store {
				m := scs.New()
				slow := &slowStore{MemStore: memstore.NewWithCleanupInterval(0)}
				m.Store = slow
				change(m)
				return sessiontest.Store{
					Provider: sessionscs.New(m),
					Create: func(t *testing.T, values map[string]string) *http.Cookie {
						return serve(t, m, nil, func(r *http.Request) {
							for k, v := range values {
								m.Put(r.Context(), k, v)
							}
						})
					},
					Change: func(t *testing.T, c *http.Cookie, key, value string) {
						serve(t, m, c, func(r *http.Request) { m.Put(r.Context(), key, value) })
					},
					Destroy: func(t *testing.T, c *http.Cookie) {
						serve(t, m, c, func(r *http.Request) { assert.NoError(t, m.Destroy(r.Context())) })
					},
					Renew: func(t *testing.T, c *http.Cookie) *http.Cookie {
						return serve(t, m, c, func(r *http.Request) { assert.NoError(t, m.RenewToken(r.Context())) })
					},
					BeforeWrite: slow.before,
				}
			})
		})
	}
}

// TestExpired: the store still has the session, and its time is over.
func TestExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &scs.SessionManager{Codec: scs.GobCodec{}, Store: forever{}, Lifetime: time.Hour, Cookie: scs.SessionCookie{Name: "session"}}
		c := serve(t, m, nil, func(r *http.Request) { m.Put(r.Context(), "user", "alice") })
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(c)
		p := sessionscs.New(m)
		v, err := p.Load(t.Context(), r)
		assert.NoError(t, err)
		assert.Equal(t, "left", time.Until(v.ExpiresAt), time.Hour)
		time.Sleep(time.Hour)
		_, err = p.Load(t.Context(), r)
		assert.ErrorIs(t, err, session.ErrMissing)
		assert.ErrorIs(t, p.Touch(t.Context(), v), session.ErrMissing)
	})
}

// slowStore calls a function before each write.
type slowStore struct {
	*memstore.MemStore
	f atomic.Pointer[func()]
}

func (s *slowStore) before(f func()) { s.f.Store(&f) }

func (s *slowStore) Commit(token string, b []byte, expiry time.Time) error {
	if f := s.f.Load(); f != nil {
		(*f)()
	}
	return s.MemStore.Commit(token, b, expiry)
}

// forever is a store that drops nothing by itself.
type forever map[string][]byte

func (f forever) Find(token string) ([]byte, bool, error)          { b, ok := f[token]; return b, ok, nil }
func (f forever) Commit(token string, b []byte, _ time.Time) error { f[token] = b; return nil }
func (f forever) Delete(token string) error                        { delete(f, token); return nil }
