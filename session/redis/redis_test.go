//go:build e2e

package sessionredis_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/redistest"
	"github.com/gosio/gosio/session"
	sessionexpress "github.com/gosio/gosio/session/express"
	sessionredis "github.com/gosio/gosio/session/redis"
	"github.com/gosio/gosio/session/sessiontest"
)

func TestMain(m *testing.M) { leak.Main(m) }

const secret = "keyboard cat"

// patience bounds each wait for a real Redis.
const patience = time.Minute

// store is what connect-redis does.
type store struct {
	*redis.Client
}

func connect(t *testing.T, addr string) store {
	c := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = c.Close() })
	return store{c}
}

func (s store) create(t *testing.T, values map[string]string) *http.Cookie {
	t.Helper()
	all := map[string]any{"cookie": map[string]any{"originalMaxAge": 3600000, "expires": time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000Z")}}
	for k, v := range values {
		all[k] = v
	}
	b, _ := json.Marshal(all)
	id := rand.Text()
	assert.NoError(t, s.Set(context.Background(), "sess:"+id, b, time.Hour).Err())
	return cookieOf(id)
}

func cookieOf(id string) *http.Cookie {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(id))
	return &http.Cookie{Name: "connect.sid", Value: url.QueryEscape("s:" + id + "." + base64.RawStdEncoding.EncodeToString(m.Sum(nil)))}
}

func idOf(c *http.Cookie) string {
	value, _ := url.QueryUnescape(c.Value)
	id, _, _ := strings.Cut(strings.TrimPrefix(value, "s:"), ".")
	return id
}

func (s store) provider() *sessionexpress.Provider {
	return sessionexpress.New(sessionredis.NewKV(s), sessionexpress.Options{Secrets: []string{secret}})
}

func TestProvider(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	sessiontest.Run(t, func(t *testing.T) sessiontest.Store {
		s, ctx := connect(t, r.Addr), context.Background()
		return sessiontest.Store{
			Provider: s.provider(),
			Create:   s.create,
			Change: func(t *testing.T, c *http.Cookie, key, value string) {
				b, err := s.Get(ctx, "sess:"+idOf(c)).Bytes()
				assert.NoError(t, err)
				var all map[string]any
				assert.NoError(t, json.Unmarshal(b, &all))
				all[key] = value
				b, _ = json.Marshal(all)
				assert.NoError(t, s.Set(ctx, "sess:"+idOf(c), b, time.Hour).Err())
			},
			Destroy: func(t *testing.T, c *http.Cookie) { assert.NoError(t, s.Del(ctx, "sess:"+idOf(c)).Err()) },
			Renew: func(t *testing.T, c *http.Cookie) *http.Cookie {
				id := rand.Text()
				assert.NoError(t, s.Rename(ctx, "sess:"+idOf(c), "sess:"+id).Err())
				return cookieOf(id)
			},
			Remember: func(t *testing.T) (*http.Cookie, func() time.Duration) {
				c := s.create(t, nil)
				assert.NoError(t, s.Expire(ctx, "sess:"+idOf(c), 30*24*time.Hour).Err())
				return c, func() time.Duration { return s.TTL(ctx, "sess:"+idOf(c)).Val() }
			},
		}
	})
}

// TestUpdatesAreAtomic: nothing is lost, whoever else writes.
func TestUpdatesAreAtomic(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := connect(t, r.Addr)
	id := idOf(s.create(t, map[string]string{"user": "alice"}))
	p := s.provider()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 5 {
				err := p.Update(context.Background(), &session.Session{ID: id}, func(v map[string]any) error {
					n, _ := v["n"].(float64)
					v["n"] = n + 1
					return nil
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	group.Wait()
	v, err := p.Reload(context.Background(), &session.Session{ID: id})
	assert.NoError(t, err)
	assert.Equal(t, "n", v.Values["n"], any(20.0))
}

func node(t *testing.T, addr string) (*socketio.Server, *session.Sessions) {
	t.Helper()
	s := connect(t, addr)
	ctx, cancel := context.WithCancel(context.Background())
	bus := sessionredis.NewBus(ctx, s, sessionredis.BusOptions{})
	ready := make(chan struct{}, 100)
	bus.Watch(func(e session.Event) {
		if e == (session.Event{}) {
			ready <- struct{}{}
		}
	})
	srv := socketio.NewServer(nil)
	sessions := session.New(s.provider(), session.Config{Bus: bus, Check: time.Hour, User: func(v *session.Session) string { return v.String("user") }})
	srv.Use(sessions)
	srv.On("ping", func() {})
	t.Cleanup(func() {
		srv.Close()
		cancel()
		<-bus.Done()
	})
	<-ready
	return srv, sessions
}

// TestLogoutReachesEveryNode through a real Redis, and long before the next check.
func TestLogoutReachesEveryNode(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := connect(t, r.Addr)
	one, sessions := node(t, r.Addr)
	two, _ := node(t, r.Addr)
	c := s.create(t, map[string]string{"user": "alice"})
	o := siotest.Options{Header: http.Header{"Cookie": {c.Name + "=" + c.Value}}, Timeout: patience}
	a, b := siotest.Dial(t, one, o), siotest.Dial(t, two, o)
	assert.NoError(t, sessions.Logout(context.Background(), idOf(c)))
	for _, c := range []*siotest.Client{a, b} {
		c.Expect("session:ended")
		c.ExpectDisconnect(siotest.TransportClose)
	}
	siotest.Refused(t, two, o)
}

// TestRedisIsGone: an outage ends nobody; a logout that nobody heard of is
// found when Redis is back.
func TestRedisIsGone(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	s := connect(t, r.Addr)
	srv, _ := node(t, r.Addr)
	c := s.create(t, map[string]string{"user": "alice"})
	o := siotest.Options{Header: http.Header{"Cookie": {c.Name + "=" + c.Value}}, Timeout: patience}
	client := siotest.Dial(t, srv, o)
	r.Kill()
	e := siotest.Refused(t, srv, o)
	assert.Equal(t, "code", e.Data.(map[string]any)["code"], any("session_unavailable"))
	client.Call("ping")
	r.Run() // and is empty: the session is gone
	client.ExpectDisconnect(siotest.TransportClose)
}

// TestKeysLife: a key may live for a while, or until it is deleted, and an
// update leaves that as change says.
func TestKeysLife(t *testing.T) {
	t.Parallel()
	s, ctx := connect(t, redistest.Start(t).Addr), t.Context()
	kv := sessionredis.NewKV(s)
	assert.NoError(t, s.Set(ctx, "mortal", "1", time.Hour).Err())
	assert.NoError(t, s.Set(ctx, "immortal", "1", 0).Err())
	for key, want := range map[string]struct {
		value    string
		mortal   bool
		replaced time.Duration
	}{"mortal": {"1", true, 2 * time.Hour}, "immortal": {"1", false, 0}, "missing": {"", false, 0}} {
		check := func(what, value string, mortal bool) {
			b, left, err := kv.Get(ctx, key)
			assert.NoError(t, err)
			assert.Equal(t, what+key, string(b), value)
			assert.Equal(t, what+"life of "+key, left > time.Minute, mortal)
		}
		check("", want.value, want.mortal)
		found, err := kv.Replace(ctx, key, func(old []byte, left time.Duration) ([]byte, time.Duration, error) {
			assert.Equal(t, "changed", string(old), want.value)
			assert.Equal(t, "left", left > time.Minute, want.mortal)
			return []byte("2"), want.replaced, nil
		})
		assert.NoError(t, err)
		assert.Equal(t, key, found, want.value != "")
		if found {
			check("replaced ", "2", want.mortal)
		}
	}
}
