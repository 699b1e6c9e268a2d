//go:build e2e

package authredis_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/auth"
	authredis "github.com/gosio/gosio/auth/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/redistest"
)

func TestMain(m *testing.M) { leak.Main(m) }

var secret = []byte("0123456789abcdef0123456789abcdef")

func token(id, subject string) map[string]string {
	text, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		ID: id, Subject: subject, IssuedAt: jwt.NewNumericDate(time.Now().Add(-time.Second)), ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}).SignedString(secret)
	return map[string]string{"token": text}
}

// node is one server of a cluster, with connections of its own. It is ready
// when it has subscribed, which the first check of all tells.
func node(t *testing.T, addr string, hooks ...redis.Hook) (*socketio.Server, *authredis.Revocations) {
	t.Helper()
	srv, v, _ := listening(t, addr, hooks...)
	return srv, v
}

// listening is node, and tells of each time that it has subscribed.
func listening(t *testing.T, addr string, hooks ...redis.Hook) (*socketio.Server, *authredis.Revocations, <-chan struct{}) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr})
	for _, h := range hooks {
		client.AddHook(h)
	}
	ctx, cancel := context.WithCancel(context.Background())
	v := authredis.New(ctx, client, authredis.Options{MaxAge: time.Hour})
	ready := make(chan struct{}, 100)
	v.Watch(func(r auth.Revocation) {
		if r == (auth.Revocation{}) {
			ready <- struct{}{}
		}
	})
	srv := socketio.NewServer(nil)
	srv.Use(auth.JWT(auth.Config[jwt.RegisteredClaims]{Keys: auth.Secret(secret), Algorithms: []string{"HS256"}, Watch: v}))
	srv.On("ping", func() {})
	t.Cleanup(func() {
		srv.Close()
		cancel()
		<-v.Done()
		_ = client.Close()
	})
	<-ready
	return srv, v, ready
}

// patience is for what is told: nothing else ends these sockets, which are not
// checked again.
const patience = time.Minute

// lag makes each question whether a token of the two hundred is revoked wait for
// over, once it is on.
type lag struct {
	on   atomic.Bool
	over chan struct{}
}

func (*lag) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*lag) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (l *lag) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, commands []redis.Cmder) error {
		if l.on.Load() && strings.Contains(fmt.Sprint(commands), "token:t") {
			select {
			case <-l.over:
			case <-ctx.Done():
			}
		}
		return next(ctx, commands)
	}
}

// TestRevocationAfterAnOutage is heard at once, while the sockets that were there
// before are still being checked.
func TestRevocationAfterAnOutage(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	l := lag{over: make(chan struct{})}
	srv, revocations, again := listening(t, r.Addr, &l)
	for i := range 200 {
		siotest.Dial(t, srv, siotest.Options{Auth: token(fmt.Sprint("t", i), "alice"), Timeout: patience})
	}
	last := siotest.Dial(t, srv, siotest.Options{Auth: token("last", "bob"), Timeout: patience})
	l.on.Store(true)
	client := redis.NewClient(&redis.Options{Addr: r.Addr})
	defer client.Close()
	ctx := context.Background()
	assert.NoError(t, client.ClientKillByFilter(ctx, "TYPE", "pubsub").Err())
	<-again
	assert.NoError(t, revocations.Revoke(ctx, auth.Revocation{TokenID: "last"}))
	last.ExpectDisconnect(siotest.TransportClose)
	close(l.over)
}

// TestRevokeWithoutATime withdraws what there is, on every node.
func TestRevokeWithoutATime(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	one, revocations := node(t, r.Addr)
	two, _ := node(t, r.Addr)
	o := siotest.Options{Auth: token("t1", "alice"), Timeout: patience}
	a, b := siotest.Dial(t, one, o), siotest.Dial(t, two, o)
	assert.NoError(t, revocations.Revoke(context.Background(), auth.Revocation{Subject: "alice"}))
	a.ExpectDisconnect(siotest.TransportClose)
	b.ExpectDisconnect(siotest.TransportClose)
	e := siotest.Refused(t, two, o)
	assert.Equal(t, "code", e.Data.(map[string]any)["code"], any("token_revoked"))
}

func TestRevocationReachesEveryNode(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	one, revocations := node(t, r.Addr)
	two, _ := node(t, r.Addr)
	ctx := context.Background()
	for _, tt := range []struct {
		name   string
		token  map[string]string
		revoke auth.Revocation
	}{
		{"token", token("t1", "alice"), auth.Revocation{TokenID: "t1"}},
		{"subject", token("t2", "bob"), auth.Revocation{Subject: "bob", IssuedBefore: time.Now()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, other := siotest.Options{Auth: tt.token, Timeout: patience}, siotest.Options{Auth: token("t9", "carol"), Timeout: patience}
			a, b, c := siotest.Dial(t, one, o), siotest.Dial(t, two, o), siotest.Dial(t, two, other)
			assert.NoError(t, revocations.Revoke(ctx, tt.revoke))
			a.ExpectDisconnect(siotest.TransportClose)
			b.ExpectDisconnect(siotest.TransportClose)
			c.Call("ping")
			for _, srv := range []*socketio.Server{one, two} {
				e := siotest.Refused(t, srv, o)
				assert.Equal(t, "code", e.Data.(map[string]any)["code"], any("token_revoked"))
			}
		})
	}
}

// TestWhatIsStored: revocations end with the tokens, and a later one of a
// subject is not taken back by an earlier.
func TestWhatIsStored(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	_, v := node(t, r.Addr)
	client := redis.NewClient(&redis.Options{Addr: r.Addr})
	defer client.Close()
	ctx, now := context.Background(), time.Now()
	assert.ErrorIs(t, v.Revoke(ctx, auth.Revocation{}), auth.ErrNothingRevoked)
	assert.NoError(t, v.Revoke(ctx, auth.Revocation{TokenID: "t1"}))
	assert.NoError(t, v.Revoke(ctx, auth.Revocation{Subject: "alice", IssuedBefore: now}))
	assert.NoError(t, v.Revoke(ctx, auth.Revocation{Subject: "alice", IssuedBefore: now.Add(-time.Hour)}))
	keys, err := client.Keys(ctx, "*").Result()
	assert.NoError(t, err)
	assert.Equal(t, "keys", len(keys), 2)
	for _, key := range keys {
		ttl, err := client.PTTL(ctx, key).Result()
		assert.NoError(t, err)
		if ttl <= 59*time.Minute || ttl > time.Hour {
			t.Errorf("%s lives for %s", key, ttl)
		}
	}
	for _, tt := range []struct {
		token auth.Token
		want  bool
	}{
		{auth.Token{ID: "t1", Subject: "bob"}, true},
		{auth.Token{ID: "t2", Subject: "bob"}, false},
		{auth.Token{Subject: "bob"}, false},
		{auth.Token{ID: "t2", Subject: "alice", IssuedAt: now.Add(-time.Second)}, true},
		{auth.Token{ID: "t2", Subject: "alice", IssuedAt: now.Add(time.Second)}, false},
		{auth.Token{ID: "t2", Subject: "alice"}, true},
	} {
		got, err := v.Revoked(ctx, tt.token)
		assert.NoError(t, err)
		assert.Equal(t, fmt.Sprint(tt.token), got, tt.want)
	}
}

// TestRedisIsGone: an outage ends nobody, refuses newcomers with a code that
// says so, and what was revoked meanwhile is found when Redis is back.
func TestRedisIsGone(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	srv, _ := node(t, r.Addr)
	o := siotest.Options{Auth: token("t1", "alice"), Timeout: patience}
	c := siotest.Dial(t, srv, o)
	r.Kill()
	e := siotest.Refused(t, srv, o)
	assert.Equal(t, "code", e.Data.(map[string]any)["code"], any("auth_unavailable"))
	c.Call("ping")
	r.Run()
	client := redis.NewClient(&redis.Options{Addr: r.Addr})
	defer client.Close()
	// Without a message: as if it had been sent while nobody listened.
	assert.NoError(t, client.Set(context.Background(), "gosio:auth:token:t1", 1, time.Hour).Err())
	// The node may have come back before the key: have it come back once more.
	assert.NoError(t, client.ClientKillByFilter(context.Background(), "TYPE", "pubsub").Err())
	c.ExpectDisconnect(siotest.TransportClose)
}
