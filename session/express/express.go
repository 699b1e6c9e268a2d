// Package sessionexpress lets sockets in by sessions of express-session, as
// connect-redis and its kin store them, for teams that move from Node, or run
// both.
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

// KV is where the sessions are. Package session/redis has one.
type KV interface {
	// Get returns what is under the key, nil if there is nothing, and how long
	// it has left to live, zero if it lives until it is deleted.
	Get(ctx context.Context, key string) (value []byte, left time.Duration, err error)
	// Replace changes what is under the key and sets its time to live, zero for
	// none, in one transaction: if somebody else changes or deletes it
	// meanwhile, change is called again with what there is then. It does
	// nothing, and returns false, if there is nothing; an error of change it
	// returns.
	Replace(ctx context.Context, key string, change func(old []byte, left time.Duration) (value []byte, ttl time.Duration, err error)) (bool, error)
	// Delete does nothing if there is nothing.
	Delete(ctx context.Context, key string) error
}

// Options are the settings of express-session and of its store that matter.
type Options struct {
	// Secrets are the option "secret": the first signs, all are accepted.
	// Required.
	Secrets []string
	// Cookie is the option "name". Default "connect.sid".
	Cookie string
	// Prefix is that of the store's keys. Default "sess:", as in connect-redis.
	Prefix string
	// TTL is the time to live of a session whose cookie has no maxAge. Default
	// 24 hours, as in connect-redis.
	TTL time.Duration
}

// Provider reads and writes sessions in the JSON that express-session uses.
// The key "cookie", which describes the cookie, is none of the values. Numbers
// are float64, as encoding/json has them. Its methods may be called
// concurrently.
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

// unsign checks a cookie, "s:" + id + "." + signature, and returns the id.
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

// stored is the JSON of a session: its values, and "cookie" among them.
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

// expires is when a session ends of which the store keeps the key that long.
// Requests that change nothing only extend the life of the key, so the cookie's
// expiry counts where there is none. Zero: not known.
func (s stored) expires(left time.Duration) time.Time {
	if left > 0 {
		return time.Now().Add(left)
	}
	cookie, _ := s["cookie"].(map[string]any)
	text, _ := cookie["expires"].(string)
	t, _ := time.Parse(time.RFC3339, text) // what is no time says nothing
	return t
}

// extend moves the expiry as a request does with the cookie's maxAge. It
// shortens no life, and gives none to a key that had none.
func (s stored) extend(left, def time.Duration) (ttl time.Duration) {
	ttl = def
	cookie, _ := s["cookie"].(map[string]any)
	if age, ok := cookie["originalMaxAge"].(float64); ok && age > 0 {
		ttl = time.Duration(age) * time.Millisecond
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

// Update implements [session.Updater]. It is atomic, so change may be called
// more than once.
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
