// Package fibersession lets sockets in by sessions of Fiber's session
// middleware, in any storage of github.com/gofiber/storage. It does not import
// Fiber.
//
//	sessions := session.New(fibersession.New(storage, "session_id", 24*time.Hour), session.Config{…})
package fibersession

import (
	"bytes"
	"context"
	"encoding/gob"
	"net/http"
	"time"

	"github.com/gosio/gosio/session"
)

// Storage is the part of fiber.Storage that is needed.
type Storage interface {
	// Get returns nil, nil if there is nothing.
	Get(key string) ([]byte, error)
	// Set stores a value for exp.
	Set(key string, value []byte, exp time.Duration) error
	// Delete does nothing if there is nothing.
	Delete(key string) error
}

// Provider reads and writes the sessions in a storage, as the session
// middleware of Fiber v2 does: gob of a map. Types of values of your own have
// to be registered as for Fiber, with Store.RegisterType. Its methods may be
// called concurrently.
//
// Storages know no transactions: a value that an HTTP request writes between
// the load and the save of an Update, some milliseconds, is lost.
type Provider struct {
	storage Storage
	cookie  string
	life    time.Duration
	lives   func(values map[string]any) time.Duration // nil: nobody knows
}

var (
	_ session.Provider  = (*Provider)(nil)
	_ session.Reloader  = (*Provider)(nil)
	_ session.Toucher   = (*Provider)(nil)
	_ session.Updater   = (*Provider)(nil)
	_ session.Destroyer = (*Provider)(nil)
)

// New returns a provider. cookie and life are the name and the Expiration of
// the middleware's configuration; empty and zero mean its defaults,
// "session_id" and 24 hours.
func New(s Storage, cookie string, life time.Duration) *Provider {
	if s == nil {
		panic("session: fibersession.New without a Storage")
	}
	if cookie == "" {
		cookie = "session_id"
	}
	if life == 0 {
		life = 24 * time.Hour
	}
	return &Provider{storage: s, cookie: cookie, life: life}
}

// WithLife returns a provider that knows how long each session lives after its
// last use, from its values; zero or less means the life given to [New]. Storages
// do not tell it, and applications give sessions different lives ("remember me",
// by Session.SetExpiry). So without f a touch only looks whether the session is
// there: pages that are open do not extend it. And an Update, which has to name
// a life to save at all, names that given to New, which shortens a longer one. Where all
// sessions have that life, f returns zero.
func (p *Provider) WithLife(f func(values map[string]any) time.Duration) *Provider {
	if f == nil {
		panic("session: fibersession.WithLife without a function")
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
	_, v, err := p.get(s.ID)
	return v, err
}

func (p *Provider) get(id string) ([]byte, *session.Session, error) {
	b, err := p.storage.Get(id)
	switch {
	case err != nil:
		return nil, nil, err
	case b == nil:
		return nil, nil, session.ErrMissing
	}
	v := &session.Session{ID: id}
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&v.Values); err != nil {
		return nil, nil, err
	}
	return b, v, nil
}

// Touch implements [session.Toucher]. It extends the session if the provider
// knows how long it lives, see [Provider.WithLife].
func (p *Provider) Touch(ctx context.Context, s *session.Session) error {
	if p.lives == nil {
		_, err := p.Reload(ctx, s)
		return err
	}
	b, v, err := p.get(s.ID)
	if err != nil {
		return err
	}
	return p.storage.Set(s.ID, b, p.lifeOf(v.Values))
}

// Update implements [session.Updater].
func (p *Provider) Update(_ context.Context, s *session.Session, change func(values map[string]any) error) error {
	_, v, err := p.get(s.ID)
	if err != nil {
		return err
	}
	if v.Values == nil {
		v.Values = make(map[string]any)
	}
	if err := change(v.Values); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v.Values); err != nil {
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
