// Package sessionexpress authenticates sockets by sessions of express-session, in the
// format of connect-redis and similar stores, for teams that move from Node or run Node
// and Go together.
//
//	sessions := session.New(sessionexpress.New(kv, sessionexpress.Options{Secrets: []string{secret}}), session.Config{…})
package sessionexpress

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gosio/gosio/session"
)

// KV is the store of the sessions. Package session/redis has a KV for Redis.
type KV interface {
	// Get returns the value of a key, nil if there is none, and the remaining time to
	// live, zero if the value does not expire.
	Get(ctx context.Context, key string) (value []byte, left time.Duration, err error)
	// Replace changes the value of a key and sets its time to live, zero for none, in
	// one transaction: if the value changes meanwhile, Replace calls change again with
	// the new value. Replace does nothing and returns false if there is no value. It
	// returns the error of change.
	Replace(ctx context.Context, key string, change func(old []byte, left time.Duration) (value []byte, ttl time.Duration, err error)) (bool, error)
	// Delete does nothing if there is no value.
	Delete(ctx context.Context, key string) error
}

// Options are settings of express-session and of its store. Give them the same values
// as in Node.
type Options struct {
	// Secrets are the option "secret". express-session signs with the first secret; the
	// provider accepts all. Required.
	Secrets []string
	// Cookie is the option "name", the name of the cookie. Default "connect.sid".
	Cookie string
	// Prefix is the prefix of the store's keys. Default "sess:", as in connect-redis.
	Prefix string
	// TTL is the time to live of a session whose cookie has no maxAge. Default
	// 24 hours, as in connect-redis.
	TTL time.Duration
}

// Provider reads and writes sessions in the JSON format of express-session. The key
// "cookie", which describes the cookie, is not among the values. Numbers are float64,
// as encoding/json decodes them. The methods may be called concurrently.
type Provider struct {
	kv   KV
	opts Options
}

var (
	_ session.Provider  = (*Provider)(nil)
	_ session.Reloader  = (*Provider)(nil)
	_ session.Toucher   = (*Provider)(nil)
	_ session.Updater   = (*Provider)(nil)
	_ session.Destroyer = (*Provider)(nil)
)

// New returns a provider.
func New(kv KV, o Options) *Provider {
	if kv == nil || len(o.Secrets) == 0 {
		panic("session: sessionexpress.New needs a KV, such as sessionredis.NewKV, and the Secrets of express-session")
	}
	for _, s := range o.Secrets {
		if s == "" {
			panic("session: an empty secret of express-session signs nothing")
		}
	}
	o.Secrets = slices.Clone(o.Secrets)
	if o.Cookie == "" {
		o.Cookie = "connect.sid"
	}
	if o.Prefix == "" {
		o.Prefix = "sess:"
	}
	if o.TTL == 0 {
		o.TTL = 24 * time.Hour
	}
	return &Provider{kv, o}
}

// Load implements [session.Provider]. The session's ID is req.sessionID.
func (p *Provider) Load(ctx context.Context, r *http.Request) (*session.Session, error) {
	c, err := r.Cookie(p.opts.Cookie)
	if err != nil || c.Value == "" {
		return nil, session.ErrMissing
	}
	id, ok := p.unsign(c.Value)
	if !ok {
		return nil, session.ErrInvalid
	}
	return p.Reload(ctx, &session.Session{ID: id})
}

// unsign verifies a cookie, "s:" + id + "." + signature, and returns the id.
func (p *Provider) unsign(value string) (id string, ok bool) {
	value, err := url.PathUnescape(value) // "+" is a plus
	if err != nil {
		return "", false
	}
	value, signed := strings.CutPrefix(value, "s:")
	dot := strings.LastIndexByte(value, '.')
	if !signed || dot <= 0 {
		return "", false
	}
	id, signature := value[:dot], []byte(value[dot+1:])
	for _, secret := range p.opts.Secrets {
		if hmac.Equal(signature, sign(id, secret)) {
			return id, true
		}
	}
	return "", false
}

func sign(id, secret string) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(id))
	return base64.RawStdEncoding.AppendEncode(nil, m.Sum(nil))
}

// stored is the JSON of a session: its values and the key "cookie".
type stored map[string]any

func parse(b []byte) (stored, error) {
	var s stored
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	if s == nil {
		return nil, session.ErrMissing
	}
	return s, nil
}

// expires returns when a session ends whose key has this time to live. The time to live
// counts, because requests that change nothing extend only that; without one the
// cookie's expiry counts. Zero: not known.
func (s stored) expires(left time.Duration) time.Time {
	if left > 0 {
		return time.Now().Add(left)
	}
	cookie, _ := s["cookie"].(map[string]any)
	text, _ := cookie["expires"].(string)
	t, _ := time.Parse(time.RFC3339, text) // what is no time says nothing
	return t
}

// longestAge bounds a maxAge, in ms: 200 years are a time.Duration, and end in a year of
// four digits.
const longestAge = 200 * 365 * 24 * 60 * 60 * 1000

// extend extends the expiry by the cookie's maxAge, as a request does. It never
// shortens a time to live, and sets none for a key that does not expire.
func (s stored) extend(left, def time.Duration) (ttl time.Duration) {
	ttl = def
	cookie, _ := s["cookie"].(map[string]any)
	if age, ok := cookie["originalMaxAge"].(float64); ok && age > 0 {
		ttl = time.Duration(min(age, longestAge)) * time.Millisecond
		cookie["expires"] = time.Now().Add(ttl).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if left == 0 {
		return 0
	}
	return max(ttl, left)
}

// Reload implements [session.Reloader].
func (p *Provider) Reload(ctx context.Context, s *session.Session) (*session.Session, error) {
	b, left, err := p.kv.Get(ctx, p.opts.Prefix+s.ID)
	switch {
	case err != nil:
		return nil, err
	case b == nil:
		return nil, session.ErrMissing
	}
	data, err := parse(b)
	if err != nil {
		return nil, err
	}
	v := &session.Session{ID: s.ID, ExpiresAt: data.expires(left), Values: data}
	if !v.ExpiresAt.IsZero() && !time.Now().Before(v.ExpiresAt) {
		return nil, session.ErrMissing
	}
	delete(v.Values, "cookie")
	return v, nil
}

// Touch implements [session.Toucher].
func (p *Provider) Touch(ctx context.Context, s *session.Session) error {
	return p.Update(ctx, s, func(map[string]any) error { return nil })
}

// Update implements [session.Updater]. The update is atomic, and may call change more
// than once.
func (p *Provider) Update(ctx context.Context, s *session.Session, change func(values map[string]any) error) error {
	found, err := p.kv.Replace(ctx, p.opts.Prefix+s.ID, func(old []byte, left time.Duration) ([]byte, time.Duration, error) {
		data, err := parse(old)
		if err != nil {
			return nil, 0, err
		}
		if e := data.expires(left); !e.IsZero() && !time.Now().Before(e) {
			return nil, 0, session.ErrMissing
		}
		ttl := data.extend(left, p.opts.TTL)
		cookie := data["cookie"]
		delete(data, "cookie")
		if err := change(data); err != nil {
			return nil, 0, err
		}
		data["cookie"] = cookie
		value, err := json.Marshal(data)
		return value, ttl, err
	})
	if err == nil && !found {
		return session.ErrMissing
	}
	return err
}

// Destroy implements [session.Destroyer].
func (p *Provider) Destroy(ctx context.Context, id string) error {
	return p.kv.Delete(ctx, p.opts.Prefix+id)
}
