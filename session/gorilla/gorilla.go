// Package sessiongorilla authenticates sockets by sessions of
// github.com/gorilla/sessions, which gin-contrib/sessions and echo-contrib/session use,
// too.
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

// Provider reads the sessions of a store. The methods may be called concurrently.
//
// The provider can also change sessions in a store on the server. Stores have no
// transactions: Update loads a session and saves it some milliseconds later, and a
// value that an HTTP request writes between the two is lost. A session of a
// sessions.CookieStore is in the cookie only: sockets cannot change or revoke the
// session, a copy of the cookie is valid until it expires, and LogoutRequest does not
// know sockets that were opened with an earlier cookie, as each save makes another one.
// The provider leaves out values whose keys are not strings.
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

// New returns a provider. name is the name of the session and of its cookie.
//
// The provider finds a renewed session by its new ID, without a cookie. For that it
// needs the keys that sign the cookies of the store. They are in the field Codecs,
// which the stores of gorilla/sessions and most others have. Pass the codecs, from
// securecookie.CodecsFromPairs, for a store without that field; otherwise the sockets
// of a renewed session have to reconnect with the new cookie.
func New(s sessions.Store, name string, codecs ...securecookie.Codec) *Provider {
	if s == nil || name == "" {
		panic("session: sessiongorilla.New needs the Store and the name that the application gives to gorilla/sessions")
	}
	if len(codecs) == 0 {
		codecs = codecsOf(s)
	}
	return &Provider{store: s, name: name, codecs: slices.Clone(codecs)}
}

// codecsOf returns the field Codecs of a store, or of a store inside of it.
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

// WithLife returns a provider that calls f for the lifetime of a session after its last
// use. f gets the values of the session; zero or less means the MaxAge of the store's
// options. The provider needs f because stores do not return the lifetime, and
// applications give sessions different lifetimes ("remember me", by Options.MaxAge).
// Without f, Touch only checks that the session exists, so that open pages do not
// extend the session, and Update saves the session with the MaxAge of the store, which
// may shorten a longer lifetime. Let f return zero if all sessions have the MaxAge of
// the store.
func (p *Provider) WithLife(f func(values map[string]any) time.Duration) *Provider {
	if f == nil {
		panic("session: sessiongorilla.WithLife without a function: leave WithLife out if nobody knows how long sessions live")
	}
	with := *p
	with.lives = f
	return &with
}

// ID returns the [session.Session] ID of a session, for session.Sessions.Logout. For a
// cookie store use LogoutRequest.
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

// Touch implements [session.Toucher]. It saves the unchanged session if the provider
// knows its lifetime, see [Provider.WithLife].
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

// save saves a session with its lifetime. Stores delete a session that is saved without
// a MaxAge.
func (p *Provider) save(s *sessions.Session, cookie string) error {
	if p.lives != nil {
		if life := p.lives(snapshot(s, cookie).Values); life > 0 {
			options := sessions.Options{}
			if s.Options != nil {
				options = *s.Options
			}
			options.MaxAge = int(min((life-1)/time.Second+1, math.MaxInt32))
			s.Options = &options
		}
	}
	if s.Options != nil && s.Options.MaxAge <= 0 {
		return errors.New("session: the store's options have no MaxAge, and a session saved without is deleted; say how long sessions live by WithLife")
	}
	return withoutPath(p.store.Save(p.request(cookie), discard{}, s))
}

// Destroy implements [session.Destroyer]: it saves the session with a negative MaxAge,
// as HTTP handlers do to delete a session. A store that finds the session by the cookie
// of the request, and not by the ID, deletes nothing unless the codecs are known, see
// [New]: let the HTTP handler of the logout delete the session, too.
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

// withoutPath removes the name of a file from an error: errors are logged, and the file
// names of a sessions.FilesystemStore contain the session's ID.
func withoutPath(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return fmt.Errorf("session: the store's file: %s: %w", path.Op, path.Err)
	}
	return err
}

// cookie returns the value of the cookie of an ID.
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

// request returns a request with the cookie. New, unlike Get, does not write to the
// request.
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

// discard is a response that is not sent: a socket has no response that could set a
// cookie.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
