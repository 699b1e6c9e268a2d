package expresssession_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
	expresssession "github.com/gosio/gosio/session/express"
	"github.com/gosio/gosio/session/sessiontest"
)

// memory is a KV of one process.
type memory struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (k *memory) Get(_ context.Context, key string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.m[key], nil
}

func (k *memory) Replace(_ context.Context, key string, change func([]byte) ([]byte, time.Duration, error)) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.m[key] == nil {
		return false, nil
	}
	v, _, err := change(k.m[key])
	if err == nil {
		k.m[key] = v
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
		kv := &memory{m: map[string][]byte{}}
		return sessiontest.Store{
			Provider: expresssession.New(kv, expresssession.Options{Secrets: []string{"new", "old"}}),
			Create: func(t *testing.T, values map[string]string) *http.Cookie {
				id := rand.Text()
				kv.m["sess:"+id] = document(values, time.Hour)
				return cookieOf(id, "old")
			},
			Change: func(t *testing.T, c *http.Cookie, key, value string) {
				var all map[string]any
				assert.NoError(t, json.Unmarshal(kv.m["sess:"+idOf(c)], &all))
				all[key] = value
				kv.m["sess:"+idOf(c)], _ = json.Marshal(all)
			},
			Destroy: func(t *testing.T, c *http.Cookie) { delete(kv.m, "sess:"+idOf(c)) },
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
			v, err := expresssession.New(kv, expresssession.Options{Secrets: tt.secrets}).Load(context.Background(), r)
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

// TestExpired: a document that the store has not dropped yet.
func TestExpired(t *testing.T) {
	t.Parallel()
	kv := &memory{m: map[string][]byte{"sess:a": document(nil, -time.Second)}}
	p := expresssession.New(kv, expresssession.Options{Secrets: []string{"s"}})
	_, err := p.Reload(context.Background(), &session.Session{ID: "a"})
	assert.ErrorIs(t, err, session.ErrMissing)
	assert.ErrorIs(t, p.Touch(context.Background(), &session.Session{ID: "a"}), session.ErrMissing)
}
