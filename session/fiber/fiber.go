// Package sessionfiber authenticates sockets by sessions of Fiber's session middleware,
// in any storage of github.com/gofiber/storage. The package does not import Fiber.
//
//	sessions := session.New(sessionfiber.New(storage, "session_id", 24*time.Hour), session.Config{…})     // Fiber v2
//	sessions := session.New(sessionfiber.NewV3(storage, "session_id", 30*time.Minute), session.Config{…}) // Fiber v3
package sessionfiber

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/gosio/gosio/session"
)

// Storage has the methods of fiber.Storage that a Provider calls.
type Storage interface {
	// Get returns nil, nil if there is no value.
	Get(key string) ([]byte, error)
	// Set stores a value for exp.
	Set(key string, value []byte, exp time.Duration) error
	// Delete does nothing if there is no value.
	Delete(key string) error
}

// Provider reads and writes the sessions in a storage as the session middleware of
// Fiber does, a map encoded by encoding/gob. Register your own types of values with
// Store.RegisterType, as for Fiber. The methods may be called concurrently.
//
// Storages have no transactions. Update loads a session and saves it some milliseconds
// later: a value that an HTTP request writes between the two is lost.
type Provider struct {
	storage Storage
	cookie  string
	life    time.Duration
	lives   func(values map[string]any) time.Duration // nil: nobody knows
	v3      bool
}

var (
	_ session.Provider  = (*Provider)(nil)
	_ session.Reloader  = (*Provider)(nil)
	_ session.Toucher   = (*Provider)(nil)
	_ session.Updater   = (*Provider)(nil)
	_ session.Destroyer = (*Provider)(nil)
)

// New returns a provider for Fiber v2. cookie and life are the name and the
// Expiration of the middleware's configuration; empty and zero mean its defaults,
// "session_id" and 24 hours.
func New(s Storage, cookie string, life time.Duration) *Provider {
	return newProvider("New", s, cookie, life, 24*time.Hour)
}

// NewV3 returns a provider for Fiber v3. cookie is the name of the cookie in the
// middleware's Extractor, idle the middleware's IdleTimeout; empty and zero mean the
// defaults, "session_id" and 30 minutes. The Extractor must read a cookie. The provider
// has the values whose keys are strings; Update does not change the others. A session
// also ends at the middleware's AbsoluteTimeout.
//
// With AbsoluteTimeout the middleware must run in the same process: it stores a value
// of a type that only the middleware can register for encoding/gob.
func NewV3(s Storage, cookie string, idle time.Duration) *Provider {
	p := newProvider("NewV3", s, cookie, idle, 30*time.Minute)
	p.v3 = true
	return p
}

func newProvider(name string, s Storage, cookie string, life, defaultLife time.Duration) *Provider {
	if s == nil {
		panic("session: sessionfiber." + name + " without a Storage: give it the one of the middleware")
	}
	if cookie == "" {
		cookie = "session_id"
	}
	if life == 0 {
		life = defaultLife
	}
	return &Provider{storage: s, cookie: cookie, life: life}
}

// WithLife returns a provider that calls f for the lifetime of a session after its last
// use. f gets the values of the session; zero or less means the lifetime that was given
// to [New]. The provider needs f because storages do not return the lifetime, and
// applications give sessions different lifetimes ("remember me", by Session.SetExpiry).
// Without f, Touch only checks that the session exists, so that open pages do not
// extend the session, and Update saves the session with the lifetime that was given to
// New, which may shorten a longer lifetime. Let f return zero if all sessions have that
// lifetime.
func (p *Provider) WithLife(f func(values map[string]any) time.Duration) *Provider {
	if f == nil {
		panic("session: sessionfiber.WithLife without a function: leave WithLife out if nobody knows how long sessions live")
	}
	with := *p
	with.lives = f
	return &with
}

// Load implements [session.Provider].
func (p *Provider) Load(ctx context.Context, r *http.Request) (*session.Session, error) {
	c, err := r.Cookie(p.cookie)
	if err != nil || c.Value == "" {
		return nil, session.ErrMissing
	}
	return p.Reload(ctx, &session.Session{ID: c.Value})
}

// Reload implements [session.Reloader].
func (p *Provider) Reload(_ context.Context, s *session.Session) (*session.Session, error) {
	_, v, _, err := p.get(s.ID)
	return v, err
}

// get returns a session, and its values as the application gets them. others are the
// values of Fiber v3 whose keys are not strings.
func (p *Provider) get(id string) (stored []byte, v *session.Session, others map[any]any, err error) {
	b, err := p.storage.Get(id)
	switch {
	case err != nil:
		return nil, nil, nil, err
	case b == nil:
		return nil, nil, nil, session.ErrMissing
	}
	v = &session.Session{ID: id}
	if !p.v3 {
		err = gob.NewDecoder(bytes.NewReader(b)).Decode(&v.Values)
		return b, v, nil, p.hint(err)
	}
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&others); err != nil {
		return nil, nil, nil, p.hint(err)
	}
	v.Values = make(map[string]any, len(others))
	for key, value := range others {
		if name, ok := key.(string); ok {
			v.Values[name] = value
			delete(others, key)
		} else if isAbsoluteTimeout(key) {
			v.ExpiresAt, _ = value.(time.Time)
		}
	}
	return b, v, others, nil
}

// hint adds the probable cause to the error of a session that does not decode.
func (p *Provider) hint(err error) error {
	if err == nil {
		return nil
	}
	other := "sessionfiber.NewV3 is for Fiber v3"
	if p.v3 {
		other = "sessionfiber.New is for Fiber v2"
	}
	return fmt.Errorf("session: the stored session does not decode: %w (%s; types of your own need Store.RegisterType)", err, other)
}

// isAbsoluteTimeout reports whether a key is the one under which Fiber v3 stores
// the end that AbsoluteTimeout gives a session.
func isAbsoluteTimeout(key any) bool {
	t := reflect.TypeOf(key)
	return t.Name() == "absExpirationKeyType" && strings.HasPrefix(t.PkgPath(), "github.com/gofiber/fiber/v3/")
}

// Touch implements [session.Toucher]. It extends the session if the provider knows the
// lifetime, see [Provider.WithLife].
func (p *Provider) Touch(ctx context.Context, s *session.Session) error {
	if p.lives == nil {
		_, err := p.Reload(ctx, s)
		return err
	}
	b, v, _, err := p.get(s.ID)
	if err != nil {
		return err
	}
	return p.storage.Set(s.ID, b, p.lifeOf(v.Values))
}

// Update implements [session.Updater].
func (p *Provider) Update(_ context.Context, s *session.Session, change func(values map[string]any) error) error {
	_, v, others, err := p.get(s.ID)
	if err != nil {
		return err
	}
	if v.Values == nil {
		v.Values = make(map[string]any)
	}
	if err := change(v.Values); err != nil {
		return err
	}
	var all any = v.Values
	if p.v3 {
		if others == nil {
			others = make(map[any]any)
		}
		for name, value := range v.Values {
			others[name] = value
		}
		all = others
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(all); err != nil {
		return err
	}
	return p.storage.Set(s.ID, b.Bytes(), p.lifeOf(v.Values))
}

func (p *Provider) lifeOf(values map[string]any) time.Duration {
	if p.lives != nil {
		if life := p.lives(values); life > 0 {
			return life
		}
	}
	return p.life
}

// Destroy implements [session.Destroyer].
func (p *Provider) Destroy(_ context.Context, id string) error { return p.storage.Delete(id) }
