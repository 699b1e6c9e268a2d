package sessionexpress_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
	sessionexpress "github.com/gosio/gosio/session/express"
	"github.com/gosio/gosio/session/sessiontest"
)

// memory is a KV of one process. It drops nothing by itself.
type memory struct {
	mu    sync.Mutex
	m     map[string][]byte
	until map[string]time.Time // of those that have a time to live
}

func (k *memory) left(key string) time.Duration {
	if t, ok := k.until[key]; ok {
		return time.Until(t)
	}
	return 0
}

func (k *memory) Get(_ context.Context, key string) ([]byte, time.Duration, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.m[key], k.left(key), nil
}

func (k *memory) Replace(_ context.Context, key string, change func([]byte, time.Duration) ([]byte, time.Duration, error)) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.m[key] == nil {
		return false, nil
	}
	v, ttl, err := change(k.m[key], k.left(key))
	if err == nil {
		k.m[key] = v
		delete(k.until, key)
		if ttl > 0 {
			k.until[key] = time.Now().Add(ttl)
		}
	}
	return true, err
}

func (k *memory) Delete(_ context.Context, key string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.m, key)
	return nil
}

// cookieOf signs an id as express-session does.
func cookieOf(id, secret string) *http.Cookie {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(id))
	value := "s:" + id + "." + base64.RawStdEncoding.EncodeToString(m.Sum(nil))
	return &http.Cookie{Name: "connect.sid", Value: url.QueryEscape(value)}
}

func idOf(c *http.Cookie) string {
	value, _ := url.QueryUnescape(c.Value)
	id, _, _ := strings.Cut(strings.TrimPrefix(value, "s:"), ".")
	return id
}

func document(values map[string]string, life time.Duration) []byte {
	all := map[string]any{"cookie": map[string]any{
		"originalMaxAge": life.Milliseconds(), "expires": time.Now().Add(life).UTC().Format("2006-01-02T15:04:05.000Z"), "httpOnly": true, "path": "/",
	}}
	for k, v := range values {
		all[k] = v
	}
	b, _ := json.Marshal(all)
	return b
}

func TestProvider(t *testing.T) {
	t.Parallel()
	sessiontest.Run(t, func(t *testing.T) sessiontest.Store {
		kv := &memory{m: map[string][]byte{}, until: map[string]time.Time{}}
		return sessiontest.Store{
			Locks:    true, // of kv: session/redis, which does not, has the same tests
			Provider: sessionexpress.New(kv, sessionexpress.Options{Secrets: []string{"new", "old"}}),
			Create: func(t *testing.T, values map[string]string) *http.Cookie {
				id := rand.Text()
				kv.mu.Lock()
				defer kv.mu.Unlock()
				kv.m["sess:"+id] = document(values, time.Hour)
				return cookieOf(id, "old")
			},
			Change: func(t *testing.T, c *http.Cookie, key, value string) {
				var all map[string]any
				assert.NoError(t, json.Unmarshal(kv.m["sess:"+idOf(c)], &all))
				all[key] = value
				kv.m["sess:"+idOf(c)], _ = json.Marshal(all)
			},
			Destroy: func(t *testing.T, c *http.Cookie) { assert.NoError(t, kv.Delete(t.Context(), "sess:"+idOf(c))) },
			Renew: func(t *testing.T, c *http.Cookie) *http.Cookie {
				kv.mu.Lock()
				defer kv.mu.Unlock()
				id := rand.Text()
				kv.m["sess:"+id] = kv.m["sess:"+idOf(c)]
				delete(kv.m, "sess:"+idOf(c))
				return cookieOf(id, "new")
			},
			Remember: func(t *testing.T) (*http.Cookie, func() time.Duration) {
				id := rand.Text()
				kv.m["sess:"+id] = document(nil, 30*24*time.Hour)
				kv.until["sess:"+id] = time.Now().Add(30 * 24 * time.Hour)
				return cookieOf(id, "new"), func() time.Duration { return kv.left("sess:" + id) }
			},
		}
	})
}

// TestVector is a cookie that express-session itself has made.
func TestVector(t *testing.T) {
	t.Parallel()
	const cookie = "connect.sid=s%3Aabc-DEF_123.4namL52Nsv1VrYsQYVDufK9jJ%2BP4gf5BZ7bRg%2Bc2joc"
	kv := &memory{m: map[string][]byte{"sess:abc-DEF_123": []byte(`{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"user":"alice","views":3}`)}}
	tests := []struct {
		name, cookie string
		secrets      []string
		want         error
	}{
		{"the secret", cookie, []string{"keyboard cat"}, nil},
		{"an older secret", cookie, []string{"new", "keyboard cat"}, nil},
		{"another secret", cookie, []string{"keyboard dog"}, session.ErrInvalid},
		{"id changed", strings.Replace(cookie, "abc", "abd", 1), []string{"keyboard cat"}, session.ErrInvalid},
		{"not signed", "connect.sid=abc-DEF_123", []string{"keyboard cat"}, session.ErrInvalid},
		{"no signature", "connect.sid=s%3Aabc-DEF_123", []string{"keyboard cat"}, session.ErrInvalid},
		{"empty signature", "connect.sid=s%3Aabc-DEF_123.", []string{"keyboard cat"}, session.ErrInvalid},
		{"other cookie", "sid=s%3Aabc", []string{"keyboard cat"}, session.ErrMissing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Cookie", tt.cookie)
			v, err := sessionexpress.New(kv, sessionexpress.Options{Secrets: tt.secrets}).Load(context.Background(), r)
			if tt.want != nil {
				assert.ErrorIs(t, err, tt.want)
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, "values", v.Values, map[string]any{"user": "alice", "views": 3.0})
			assert.Equal(t, "expiry", v.ExpiresAt.IsZero(), true)
		})
	}
}

// TestLife: connect-redis extends a session by the key's time to live alone,
// and leaves the expiry in the document as it was. That counts where a key has
// no time to live, as with its option disableTTL.
func TestLife(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		document, life time.Duration // life zero: the key has none
		maxAge, want   time.Duration // want zero: it is over
		touched        time.Duration // the key's after a touch, zero: none
	}{
		{"saved", time.Hour, time.Hour, time.Hour, time.Hour, time.Hour},
		{"touched by Express", -time.Minute, 40 * time.Minute, time.Hour, 40 * time.Minute, time.Hour},
		{"a longer life by the option ttl", time.Hour, 3 * time.Hour, time.Hour, 3 * time.Hour, 3 * time.Hour},
		{"a cookie of the browser's session", 0, time.Hour, 0, time.Hour, 24 * time.Hour},
		{"disableTTL", time.Hour, 0, time.Hour, time.Hour, 0},
		{"disableTTL, over", -time.Second, 0, time.Hour, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				kv := &memory{m: map[string][]byte{"sess:a": aged(tt.document, tt.maxAge)}, until: map[string]time.Time{}}
				if tt.life > 0 {
					kv.until["sess:a"] = time.Now().Add(tt.life)
				}
				p := sessionexpress.New(kv, sessionexpress.Options{Secrets: []string{"s"}})
				ctx, v := t.Context(), &session.Session{ID: "a"}
				if tt.want == 0 {
					_, err := p.Reload(ctx, v)
					assert.ErrorIs(t, err, session.ErrMissing)
					assert.ErrorIs(t, p.Touch(ctx, v), session.ErrMissing)
					return
				}
				now, err := p.Reload(ctx, v)
				assert.NoError(t, err)
				assert.Equal(t, "left", time.Until(now.ExpiresAt), tt.want)
				assert.NoError(t, p.Touch(ctx, v))
				assert.Equal(t, "left to the key", kv.left("sess:a"), tt.touched)
				now, err = p.Reload(ctx, v)
				assert.NoError(t, err)
				assert.Equal(t, "left after a touch", time.Until(now.ExpiresAt), max(tt.touched, tt.maxAge))
			})
		})
	}
}

// TestEndlessLife: a maxAge of centuries, as of somebody who wants sessions without an end,
// does not end a session when it is touched.
func TestEndlessLife(t *testing.T) {
	t.Parallel()
	for _, maxAge := range []string{"1e13", "8.64e15", "1e300"} {
		t.Run(maxAge, func(t *testing.T) {
			t.Parallel()
			kv := &memory{m: map[string][]byte{"sess:a": fmt.Appendf(nil, `{"cookie":{"originalMaxAge":%s,"expires":null}}`, maxAge)}, until: map[string]time.Time{}}
			p := sessionexpress.New(kv, sessionexpress.Options{Secrets: []string{"s"}})
			ctx, v := t.Context(), &session.Session{ID: "a"}
			assert.NoError(t, p.Touch(ctx, v))
			now, err := p.Reload(ctx, v)
			assert.NoError(t, err)
			assert.True(t, "lives for a century", time.Until(now.ExpiresAt) > 100*365*24*time.Hour)
		})
	}
}

// aged is a document whose cookie ends after life; maxAge zero: with the
// browser's session.
func aged(life, maxAge time.Duration) []byte {
	if maxAge == 0 {
		return []byte(`{"cookie":{"originalMaxAge":null,"expires":null}}`)
	}
	return fmt.Appendf(nil, `{"cookie":{"originalMaxAge":%d,"expires":%q}}`, maxAge.Milliseconds(), time.Now().Add(life).UTC().Format("2006-01-02T15:04:05.000Z"))
}
