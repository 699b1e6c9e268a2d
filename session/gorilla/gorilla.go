// Package sessiongorilla lets sockets in by sessions of
// github.com/gorilla/sessions, which are also those of gin-contrib/sessions and
// of echo-contrib/session.
//
//	sessions := session.New(sessiongorilla.New(store, "session"), session.Config{…})
package sessiongorilla

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/http"
	"reflect"
	"slices"
	"time"

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
	store  sessions.Store
	name   string
	codecs []securecookie.Codec                      // nil: not known
	lives  func(values map[string]any) time.Duration // nil: nobody knows
}

var (
	_ session.Provider  = (*Provider)(nil)
	_ session.Reloader  = (*Provider)(nil)
	_ session.Toucher   = (*Provider)(nil)
	_ session.Updater   = (*Provider)(nil)
	_ session.Destroyer = (*Provider)(nil)
)

// New returns a provider; name is that of the session, and of its cookie.
//
// A session that was renewed is found by its new ID alone. That takes the keys
// which sign the store's cookies: they are in the field Codecs that the stores of
// gorilla/sessions have, and those made after them. For a store without that field
// pass the codecs, as securecookie.CodecsFromPairs makes them; otherwise the
// sockets of a renewed session reconnect with the new cookie.
func New(s sessions.Store, name string, codecs ...securecookie.Codec) *Provider {
	if s == nil || name == "" {
		panic("session: sessiongorilla.New needs the Store and the name that the application gives to gorilla/sessions")
	}
	if len(codecs) == 0 {
		codecs = codecsOf(s)
	}
	return &Provider{store: s, name: name, codecs: slices.Clone(codecs)}
}

// codecsOf looks for the field Codecs, also of a store within a store.
func codecsOf(s sessions.Store) []securecookie.Codec {
	v := reflect.ValueOf(s)
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil
	}
	found, ok := v.Type().FieldByName("Codecs")
	if !ok {
		return nil
	}
	field, err := v.FieldByIndexErr(found.Index)
	if err != nil || !field.CanInterface() {
		return nil
	}
	codecs, _ := field.Interface().([]securecookie.Codec)
	return codecs
}

// WithLife returns a provider that knows how long each session lives after its
// last use, from its values; zero or less means the MaxAge of the store's options.
// Stores do not tell it, and applications give sessions different lives ("remember
// me", by Options.MaxAge). So without f a touch only looks whether the session is
// there: pages that are open do not extend it. And an Update, which saves with some MaxAge,
// saves with the store's, which shortens a longer life in stores that count it.
// Where all sessions have the store's MaxAge, f returns zero.
func (p *Provider) WithLife(f func(values map[string]any) time.Duration) *Provider {
	if f == nil {
		panic("session: sessiongorilla.WithLife without a function: leave WithLife out if nobody knows how long sessions live")
	}
	with := *p
	with.lives = f
	return &with
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
	s, cookie, err := p.stored(v)
	if err != nil {
		return nil, err
	}
	return snapshot(s, cookie), nil
}

// Touch implements [session.Toucher]. It saves the session as it is if the
// provider knows how long it lives, see [Provider.WithLife].
func (p *Provider) Touch(_ context.Context, v *session.Session) error {
	s, cookie, err := p.stored(v)
	if err != nil || s.ID == "" || p.lives == nil {
		return err
	}
	return p.save(s, cookie)
}

// Update implements [session.Updater].
func (p *Provider) Update(_ context.Context, v *session.Session, change func(values map[string]any) error) error {
	s, cookie, err := p.stored(v)
	switch {
	case err != nil:
		return err
	case s.ID == "":
		return session.ErrReadOnly
	}
	values := snapshot(s, cookie).Values
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
	return p.save(s, cookie)
}

// save writes a session with the life that it has. Stores delete what they save
// with no MaxAge.
func (p *Provider) save(s *sessions.Session, cookie string) error {
	if p.lives != nil {
		if life := p.lives(snapshot(s, cookie).Values); life > 0 {
			options := sessions.Options{}
			if s.Options != nil {
				options = *s.Options
			}
			options.MaxAge = int(min((life+time.Second-1)/time.Second, math.MaxInt32))
			s.Options = &options
		}
	}
	if s.Options != nil && s.Options.MaxAge <= 0 {
		return errors.New("session: the store's options have no MaxAge, and a session saved without is deleted; say how long sessions live by WithLife")
	}
	return withoutPath(p.store.Save(p.request(cookie), discard{}, s))
}

// Destroy implements [session.Destroyer]: it saves the session with a negative
// MaxAge, as handlers do to delete it. A store that finds what to delete by the
// request's cookie, and not by the session's ID, deletes nothing unless the codecs
// are known, see [New]: let the handler of the logout delete the session, too.
func (p *Provider) Destroy(_ context.Context, id string) error {
	s := sessions.NewSession(p.store, p.name)
	s.ID = id
	s.Options = &sessions.Options{MaxAge: -1}
	cookie, _ := p.cookie(id)
	err := p.store.Save(p.request(cookie), discard{}, s)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return withoutPath(err)
}

// withoutPath takes the name of a file out of an error: that of a
// sessions.FilesystemStore has the session's ID, and errors are logged.
func withoutPath(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return fmt.Errorf("session: the store's file: %s: %w", path.Op, path.Err)
	}
	return err
}

// cookie is what the browser has for that ID.
func (p *Provider) cookie(id string) (value string, ok bool) {
	if len(p.codecs) == 0 || id == "" {
		return "", false
	}
	value, err := securecookie.EncodeMulti(p.name, id, p.codecs...)
	return value, err == nil
}

// stored loads a session by its cookie, or by its ID alone after a renewal.
func (p *Provider) stored(v *session.Session) (s *sessions.Session, cookie string, err error) {
	cookie, ok := v.Ref, v.Ref != ""
	if !ok {
		cookie, ok = p.cookie(v.ID)
	}
	if !ok {
		return nil, "", session.ErrMissing
	}
	s, err = p.find(cookie)
	if err == nil && v.ID != "" && snapshot(s, cookie).ID != v.ID {
		err = session.ErrMissing
	}
	return s, cookie, err
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
		return nil, withoutPath(err)
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
