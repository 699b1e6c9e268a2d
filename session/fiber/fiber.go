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
	return &Provider{s, cookie, life}
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
	b, err := p.storage.Get(s.ID)
	switch {
	case err != nil:
		return nil, err
	case b == nil:
		return nil, session.ErrMissing
	}
	v := &session.Session{ID: s.ID}
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&v.Values); err != nil {
		return nil, err
	}
	return v, nil
}

// Touch implements [session.Toucher].
func (p *Provider) Touch(ctx context.Context, s *session.Session) error {
	return p.Update(ctx, s, func(map[string]any) error { return nil })
}

// Update implements [session.Updater].
func (p *Provider) Update(ctx context.Context, s *session.Session, change func(values map[string]any) error) error {
	v, err := p.Reload(ctx, s)
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
	return p.storage.Set(s.ID, b.Bytes(), p.life)
}

// Destroy implements [session.Destroyer].
func (p *Provider) Destroy(_ context.Context, id string) error { return p.storage.Delete(id) }
