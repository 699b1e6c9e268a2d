//go:build e2e

package idempotencyredis_test

import (
	"context"
	"fmt"
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
	assert.Equal(t, "keys", len(keys), 3) // the event, and the list of its scope with its size
	for _, key := range keys {
		ttl, err := client.PTTL(t.Context(), key).Result()
		assert.NoError(t, err)
		assert.True(t, key+" expires", ttl > 50*time.Minute && ttl <= time.Hour)
	}
}

// TestScopeIsBounded: a client that has much kept pushes out its own records, oldest first,
// and nobody else's; what has expired does not count, and a claim is never pushed out.
func TestScopeIsBounded(t *testing.T) {
	t.Parallel()
	const size = 10_000
	ctx, record := t.Context(), make([]byte, size)
	client := connect(t, redistest.Start(t).Addr)
	store := idempotencyredis.New(client, idempotencyredis.Options{MaxScopeBytes: 10 * (size + 1000)})
	id := func(scope string, i int) idempotency.ID {
		return idempotency.ID{Key: fmt.Sprint(scope, i), Scope: scope}
	}
	begin := func(id idempotency.ID) idempotency.State {
		state, _, err := store.Begin(ctx, id, "me", time.Hour)
		assert.NoError(t, err)
		return state
	}
	handle := func(id idempotency.ID, keep time.Duration) {
		begin(id)
		assert.NoError(t, store.End(ctx, id, "me", record, keep))
	}
	begin(id("greedy", 1000)) // a claim
	handle(id("quiet", 0), time.Hour)
	for i := range 100 {
		handle(id("greedy", i), time.Hour)
	}
	assert.Equal(t, "somebody else's", begin(id("quiet", 0)), idempotency.StateDone)
	assert.Equal(t, "the newest", begin(id("greedy", 99)), idempotency.StateDone)
	assert.Equal(t, "one of the newest", begin(id("greedy", 91)), idempotency.StateDone)
	assert.Equal(t, "one that is too old", begin(id("greedy", 80)), idempotency.StateClaimed)
	state, _, err := store.Begin(ctx, id("greedy", 1000), "somebody", time.Hour)
	assert.NoError(t, err)
	assert.Equal(t, "a claim", state, idempotency.StateBusy)

	for i := range 10 { // they expire before the next ones come
		handle(id("brief", i), time.Millisecond)
	}
	until(t, "they have expired", func() bool {
		n, err := client.Exists(ctx, "gosio:idempotency:{brief}:brief9").Result()
		return err == nil && n == 0
	})
	for i := range 10 {
		handle(id("brief", 100+i), time.Hour)
	}
	n, err := client.LLen(ctx, "gosio:idempotency:{brief}").Result()
	assert.NoError(t, err)
	assert.Equal(t, "records", n, 10)
}

// TestScopeOfCluster: what a scope has kept is in one slot of Redis Cluster.
func TestScopeOfCluster(t *testing.T) {
	t.Parallel()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: redistest.Cluster(t, 3)})
	t.Cleanup(func() { _ = client.Close() })
	store := idempotencyredis.New(client, idempotencyredis.Options{MaxScopeBytes: 1000})
	for i := range 30 {
		for _, scope := range []string{"", "a", "b", "c"} {
			id := idempotency.ID{Key: fmt.Sprint(scope, i), Scope: scope}
			assert.NoError(t, store.End(t.Context(), id, "me", []byte("done"), time.Hour))
			before := idempotency.ID{Key: fmt.Sprint(scope, i-2), Scope: scope}
			state, _, err := store.Begin(t.Context(), before, "me", time.Millisecond)
			assert.NoError(t, err)
			assert.Equal(t, "the one before the last", state, idempotency.StateClaimed)
		}
	}
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
