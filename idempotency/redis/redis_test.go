//go:build e2e

package idempotencyredis_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/idempotency"
	"github.com/gosio/gosio/idempotency/idempotencytest"
	idempotencyredis "github.com/gosio/gosio/idempotency/redis"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/redistest"
)

func TestMain(m *testing.M) { leak.Main(m) }

func connect(t *testing.T, addr string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestStore(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	store := func() *idempotencyredis.Store {
		return idempotencyredis.New(connect(t, r.Addr), idempotencyredis.Options{})
	}
	idempotencytest.Run(t, store(), store())
}

func TestStoreOfCluster(t *testing.T) {
	t.Parallel()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: redistest.Cluster(t, 3)})
	t.Cleanup(func() { _ = client.Close() })
	store := idempotencyredis.New(client, idempotencyredis.Options{})
	idempotencytest.Run(t, store, store)
}

// node is one server of a cluster, whose handler is slow.
func node(t *testing.T, addr string, handled *atomic.Int64, release <-chan struct{}) *socketio.Server {
	t.Helper()
	srv := socketio.NewServer(nil)
	t.Cleanup(srv.Close)
	srv.UseEvent(idempotency.New(idempotency.Config{
		Key:    idempotency.Arg(0),
		Store:  idempotencyredis.New(connect(t, addr), idempotencyredis.Options{Prefix: "app:"}),
		Logger: slog.New(slog.DiscardHandler),
	}))
	srv.On("no key", func() {})
	srv.On("order", func(string) (int64, []byte) {
		n := handled.Add(1)
		<-release
		return n, []byte{1, 2, 3}
	})
	return srv
}

// TestTwoServers: an event that comes to one server while another one handles it is handled
// once, and both clients get the same answer, binary values included. Keys expire.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	var handled atomic.Int64
	release := make(chan struct{})
	one := siotest.Dial(t, node(t, r.Addr, &handled, release), siotest.Options{Timeout: time.Minute})
	two := siotest.Dial(t, node(t, r.Addr, &handled, release), siotest.Options{Timeout: time.Minute})
	first, second := one.EmitWithAck("order", "a"), two.EmitWithAck("order", "a")
	until(t, "one of them handles it", func() bool { return handled.Load() > 0 })
	close(release)
	for _, m := range []*siotest.Message{one.ExpectAck(first), two.ExpectAck(second), two.Call("order", "a")} {
		var n int
		var b []byte
		m.Decode(&n, &b)
		assert.Equal(t, "answer", n, 1)
		assert.Equal(t, "binary", b, []byte{1, 2, 3})
	}
	assert.Equal(t, "handled", handled.Load(), 1)
	client := connect(t, r.Addr)
	keys, err := client.Keys(t.Context(), "app:*").Result()
	assert.NoError(t, err)
	assert.Equal(t, "keys", len(keys), 1)
	ttl, err := client.PTTL(t.Context(), keys[0]).Result()
	assert.NoError(t, err)
	assert.True(t, "expires", ttl > 50*time.Minute && ttl <= time.Hour)
}

// TestOutage: while Redis is away nothing is handled twice, nor answered, and the client
// that sends it again is answered when Redis is back.
func TestOutage(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	var handled atomic.Int64
	release := make(chan struct{})
	close(release)
	c := siotest.Dial(t, node(t, r.Addr, &handled, release), siotest.Options{Timeout: time.Minute})
	c.Call("order", "a")
	r.Kill()
	answer := c.EmitWithAck("order", "b")
	c.Call("no key") // which waits behind it
	assert.Equal(t, "handled", handled.Load(), 1)
	assert.Equal(t, "answers", len(answer), 0)
	r.Run()
	client := connect(t, r.Addr)
	until(t, "Redis is back", func() bool { return client.Ping(context.Background()).Err() == nil })
	answers := []<-chan *siotest.Message{}
	until(t, "it is handled", func() bool {
		answers = append(answers, c.EmitWithAck("order", "b"))
		return handled.Load() == 2
	})
	c.Call("no key")
	assert.Equal(t, "handled", handled.Load(), 2)
	assert.True(t, "answered", len(answers[len(answers)-1]) == 1)
}

// until waits for what comes by itself.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for tick := time.NewTicker(20 * time.Millisecond); !f(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
