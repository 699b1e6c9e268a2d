// Package sessionscs authenticates sockets by sessions of github.com/alexedwards/scs.
//
//	sessions := session.New(sessionscs.New(manager), session.Config{…})
package sessionscs

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/gosio/gosio/session"
)

// Provider reads and writes the sessions of a SessionManager, with the store and the
// codec of the manager. The methods may be called concurrently.
//
// The stores of scs have no transactions. Update and, with an IdleTimeout, Touch load a
// session and save it some milliseconds later: a value that an HTTP request writes
// between the two is lost. scs.LoadAndSave must not be around the Socket.IO route: it
// holds back the responses, and overwrites the session with the values that it has
// loaded.
type Provider struct{ manager *scs.SessionManager }

var (
	_ session.Provider  = (*Provider)(nil)
	_ session.Reloader  = (*Provider)(nil)
	_ session.Toucher   = (*Provider)(nil)
	_ session.Updater   = (*Provider)(nil)
	_ session.Destroyer = (*Provider)(nil)
)

// New returns a provider. The provider uses these settings of the manager: Cookie.Name,
// Store, Codec, IdleTimeout, HashTokenInStore.
func New(m *scs.SessionManager) *Provider {
	if m == nil {
		panic("session: sessionscs.New without a SessionManager: give it the one of the application")
	}
	return &Provider{m}
}

// Load implements [session.Provider]. The session's ID is the token.
func (p *Provider) Load(ctx context.Context, r *http.Request) (*session.Session, error) {
	c, err := r.Cookie(p.manager.Cookie.Name)
	if err != nil || c.Value == "" {
		return nil, session.ErrMissing
	}
	return p.Reload(ctx, &session.Session{ID: c.Value})
}

// Reload implements [session.Reloader].
func (p *Provider) Reload(ctx context.Context, s *session.Session) (*session.Session, error) {
	_, deadline, values, err := p.find(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	v := &session.Session{ID: s.ID, Values: values}
	if p.manager.IdleTimeout == 0 {
		v.ExpiresAt = deadline // otherwise the store does not tell
	}
	return v, nil
}

// Touch implements [session.Toucher]: it extends a session that has an
// IdleTimeout, and saves the session's bytes as they are.
func (p *Provider) Touch(ctx context.Context, s *session.Session) error {
	b, deadline, _, err := p.find(ctx, s.ID)
	if err != nil || p.manager.IdleTimeout == 0 {
		return err
	}
	return p.commit(ctx, s.ID, b, deadline)
}

// Update implements [session.Updater].
func (p *Provider) Update(ctx context.Context, s *session.Session, change func(values map[string]any) error) error {
	_, deadline, values, err := p.find(ctx, s.ID)
	if err != nil {
		return err
	}
	if values == nil {
		values = make(map[string]any)
	}
	if err := change(values); err != nil {
		return err
	}
	b, err := p.manager.Codec.Encode(deadline, values)
	if err != nil {
		return err
	}
	return p.commit(ctx, s.ID, b, deadline)
}

// commit saves a session. The deadline is that of the session, which the login has set.
func (p *Provider) commit(ctx context.Context, token string, b []byte, deadline time.Time) error {
	expiry := deadline
	if idle := p.manager.IdleTimeout; idle > 0 && time.Now().Add(idle).Before(deadline) {
		expiry = time.Now().Add(idle)
	}
	if store, ok := p.manager.Store.(scs.CtxStore); ok {
		return store.CommitCtx(ctx, p.key(token), b, expiry)
	}
	return p.manager.Store.Commit(p.key(token), b, expiry)
}

// Destroy implements [session.Destroyer].
func (p *Provider) Destroy(ctx context.Context, id string) error {
	if store, ok := p.manager.Store.(scs.CtxStore); ok {
		return store.DeleteCtx(ctx, p.key(id))
	}
	return p.manager.Store.Delete(p.key(id))
}

func (p *Provider) find(ctx context.Context, token string) (b []byte, deadline time.Time, values map[string]any, err error) {
	var found bool
	if store, ok := p.manager.Store.(scs.CtxStore); ok {
		b, found, err = store.FindCtx(ctx, p.key(token))
	} else {
		b, found, err = p.manager.Store.Find(p.key(token))
	}
	switch {
	case err != nil:
		return nil, deadline, nil, err
	case !found:
		return nil, deadline, nil, session.ErrMissing
	}
	deadline, values, err = p.manager.Codec.Decode(b)
	if err == nil && !time.Now().Before(deadline) {
		err = session.ErrMissing
	}
	return b, deadline, values, err
}

// key returns the key of a token in the store.
func (p *Provider) key(token string) string {
	if !p.manager.HashTokenInStore {
		return token
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
