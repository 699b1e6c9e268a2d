// Package gorillasession lets sockets in by sessions of
// github.com/gorilla/sessions, which are also those of gin-contrib/sessions and
// of echo-contrib/session.
//
//	sessions := session.New(gorillasession.New(store, "session"), session.Config{…})
package gorillasession

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/gosio/gosio/session"
)

// Provider reads the sessions of a store. Its methods may be called
// concurrently.
//
// With a store on the server, sessions can also be changed; stores know no
// transactions: a value that an HTTP request writes between the load and the
// save of an Update, some milliseconds, is lost. Sessions in a
// sessions.CookieStore are all in the cookie: they cannot be changed by a
// socket, and not be revoked; whoever has copied the cookie can use it until it
// expires. Values whose keys are no strings are left out.
type Provider struct {
	store sessions.Store
	name  string
}

var (
	_ session.Provider  = (*Provider)(nil)
	_ session.Reloader  = (*Provider)(nil)
	_ session.Toucher   = (*Provider)(nil)
	_ session.Updater   = (*Provider)(nil)
	_ session.Destroyer = (*Provider)(nil)
)

// New returns a provider; name is that of the session, and of its cookie.
func New(s sessions.Store, name string) *Provider {
	if s == nil || name == "" {
		panic("session: gorillasession.New needs a Store and a name")
	}
	return &Provider{s, name}
}

// ID is the [session.Session] ID of a session: what to give to
// session.Sessions.Logout. For a cookie store use LogoutRequest.
func ID(s *sessions.Session) string { return s.ID }

// Load implements [session.Provider].
func (p *Provider) Load(_ context.Context, r *http.Request) (*session.Session, error) {
	c, err := r.Cookie(p.name)
	if err != nil || c.Value == "" {
		return nil, session.ErrMissing
	}
	s, err := p.find(c.Value)
	if err != nil {
		return nil, err
	}
	return snapshot(s, c.Value), nil
}

// Reload implements [session.Reloader].
func (p *Provider) Reload(_ context.Context, v *session.Session) (*session.Session, error) {
	s, err := p.find(v.Ref)
	if err != nil {
		return nil, err
	}
	return snapshot(s, v.Ref), nil
}

// Touch implements [session.Toucher]: it saves the session as it is.
func (p *Provider) Touch(ctx context.Context, v *session.Session) error {
	err := p.Update(ctx, v, func(map[string]any) error { return nil })
	if errors.Is(err, session.ErrReadOnly) {
		return nil
	}
	return err
}

// Update implements [session.Updater].
func (p *Provider) Update(_ context.Context, v *session.Session, change func(values map[string]any) error) error {
	s, err := p.find(v.Ref)
	switch {
	case err != nil:
		return err
	case s.ID == "":
		return session.ErrReadOnly
	}
	values := snapshot(s, v.Ref).Values
	if err := change(values); err != nil {
		return err
	}
	for key := range s.Values {
		if key, ok := key.(string); ok {
			delete(s.Values, key)
		}
	}
	for key, value := range values {
		s.Values[key] = value
	}
	return p.store.Save(p.request(v.Ref), discard{}, s)
}

// Destroy implements [session.Destroyer]: it saves the session with a negative
// MaxAge, as handlers do to delete it. A store that finds what to delete by the
// request's cookie, and not by the session's ID, deletes nothing: let the
// handler of the logout delete the session, too.
func (p *Provider) Destroy(_ context.Context, id string) error {
	s := sessions.NewSession(p.store, p.name)
	s.ID = id
	s.Options = &sessions.Options{MaxAge: -1}
	err := p.store.Save(p.request(""), discard{}, s)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// request is one that has the cookie. New, other than Get, does not write to it.
func (p *Provider) request(cookie string) *http.Request {
	r, _ := http.NewRequest(http.MethodGet, "/", http.NoBody) // a fixed URL: never fails
	r.Header.Set("Cookie", p.name+"="+cookie)
	return r
}

func (p *Provider) find(cookie string) (*sessions.Session, error) {
	s, err := p.store.New(p.request(cookie), p.name)
	decode := securecookie.Error(nil)
	switch {
	case errors.As(err, &decode) && !decode.IsInternal(): // the cookie, not the store
		return nil, session.ErrInvalid
	case errors.Is(err, fs.ErrNotExist):
		return nil, session.ErrMissing
	case err != nil:
		return nil, err
	case s == nil || s.IsNew:
		return nil, session.ErrMissing
	}
	return s, nil
}

func snapshot(s *sessions.Session, cookie string) *session.Session {
	v := &session.Session{ID: s.ID, Ref: cookie, Values: make(map[string]any, len(s.Values))}
	if v.ID == "" {
		sum := sha256.Sum256([]byte(cookie))
		v.ID = hex.EncodeToString(sum[:])
	}
	for key, value := range s.Values {
		if key, ok := key.(string); ok {
			v.Values[key] = value
		}
	}
	return v
}

// discard is a response that nobody gets: a socket has none to set a cookie in.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
