//go:build e2e

package ratelimitredis_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/redistest"
	"github.com/gosio/gosio/ratelimit"
	"github.com/gosio/gosio/ratelimit/ratelimittest"
	ratelimitredis "github.com/gosio/gosio/ratelimit/redis"
)

func TestMain(m *testing.M) { leak.Main(m) }

func connect(t *testing.T, o *redis.Options) *redis.Client {
	t.Helper()
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestStore(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	store := func() *ratelimitredis.Store {
		return ratelimitredis.New(connect(t, &redis.Options{Addr: r.Addr}), ratelimitredis.Options{})
	}
	ratelimittest.Run(t, store(), store())
}

func TestStoreOfCluster(t *testing.T) {
	t.Parallel()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: redistest.Cluster(t, 3)})
	t.Cleanup(func() { _ = client.Close() })
	ratelimittest.Run(t, ratelimitredis.New(client, ratelimitredis.Options{}), ratelimitredis.New(client, ratelimitredis.Options{}))
}

// TestKeys: keys are short whatever clients send, have the prefix, and expire when the
// limit is whole again.
func TestKeys(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	client := connect(t, &redis.Options{Addr: r.Addr})
	store := ratelimitredis.New(client, ratelimitredis.Options{Prefix: "app:"})
	ctx := t.Context()
	for i := range 50 {
		_, ok, err := store.Take(ctx, strings.Repeat("x", 10_000+i), ratelimit.PerMinute(60, 60), 30, 0)
		assert.NoError(t, err)
		assert.True(t, "taken", ok)
	}
	keys, err := client.Keys(ctx, "*").Result()
	assert.NoError(t, err)
	assert.Equal(t, "keys", len(keys), 50)
	for _, key := range keys {
		assert.True(t, "prefix and length", strings.HasPrefix(key, "app:") && len(key) < 60)
		ttl, err := client.PTTL(ctx, key).Result()
		assert.NoError(t, err)
		if ttl <= 0 || ttl > 30*time.Second {
			t.Errorf("%s expires in %s, want at most 30s", key, ttl)
		}
	}
}

// TestManyPerSecond: a limit of more than one in a microsecond, as of bytes, allows that
// many, and no part of a burst is lost to rounding.
func TestManyPerSecond(t *testing.T) {
	t.Parallel()
	store := ratelimitredis.New(connect(t, &redis.Options{Addr: redistest.Start(t).Addr}), ratelimitredis.Options{})
	const second = 100_000_000
	l := ratelimit.PerSecond(second, second)
	start := time.Now()
	for i, want := range []time.Duration{0, 500 * time.Millisecond, time.Second} {
		wait, ok, err := store.Take(t.Context(), "bytes", l, []int{second, second / 2, second / 2}[i], time.Minute)
		least := want - time.Since(start) - time.Millisecond // by Redis's clock; what has passed since the first is refilled
		assert.NoError(t, err)
		if !ok || wait > want || wait < least {
			t.Errorf("question %d: wait %s, %v; want %s to %s", i, wait, ok, least, want)
		}
	}
	sevenths := ratelimit.Limit{Count: 7, Per: time.Hour, Burst: 20}
	for i := range 20 {
		_, ok, err := store.Take(t.Context(), "sevenths", sevenths, 1, 0)
		assert.NoError(t, err)
		assert.True(t, fmt.Sprint("of a burst, ", i), ok)
	}
}

// patient is longer than a busy machine keeps Redis from its answer.
const patient = 10 * time.Second

// TestClockGoesBack: what a name has used by a clock that was ahead it has used now, no more
// and no less.
func TestClockGoesBack(t *testing.T) {
	t.Parallel()
	client := connect(t, &redis.Options{Addr: redistest.Start(t).Addr})
	store := ratelimitredis.New(client, ratelimitredis.Options{Prefix: "app:"})
	ctx, l := t.Context(), ratelimit.PerHour(6, 6) // one each ten minutes
	said := time.Now().Add(1000 * time.Hour)
	used := fmt.Sprint(said.Add(30*time.Minute).UnixMicro(), " ", said.UnixMicro()) // half of it
	assert.NoError(t, client.Set(ctx, "app:name", used, time.Hour).Err())
	wait, ok, err := store.Take(ctx, "name", l, 3, 0)
	assert.NoError(t, err)
	assert.True(t, "the other half", ok && wait == 0)
	wait, ok, err = store.Take(ctx, "name", l, 1, 0)
	assert.NoError(t, err)
	if ok || wait <= 0 || wait > 10*time.Minute {
		t.Errorf("one more: wait %s, %v; want at most ten minutes, false", wait, ok)
	}
}

// node is one server of a cluster, with the log of its limiter.
func node(t *testing.T, addr string, u ratelimit.Unavailable, timeout time.Duration) (*socketio.Server, *lines) {
	t.Helper()
	log := &lines{}
	srv := socketio.NewServer(nil)
	srv.Use(ratelimit.New(ratelimit.Config{
		Store:       ratelimitredis.New(connect(t, &redis.Options{Addr: addr}), ratelimitredis.Options{}),
		Unavailable: u, StoreTimeout: timeout,
		Events: []ratelimit.Rule{{By: ratelimit.Address, Limit: ratelimit.PerHour(30, 30)}},
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	}))
	srv.On("say", func() {})
	t.Cleanup(srv.Close)
	return srv, log
}

// lines is what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

func burst(c *siotest.Client, n int) (passed int) {
	for range n {
		if c.Call("say").Failure() == nil {
			passed++
		}
	}
	return passed
}

// TestCluster: clients of two servers share a limit by address, and exactly as much as is
// allowed passes when all ask at once.
func TestCluster(t *testing.T) {
	t.Parallel()
	r := redistest.Start(t)
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 2 {
		srv, _ := node(t, r.Addr, ratelimit.UnavailableLocal, patient)
		for range 3 {
			c := siotest.Dial(t, srv, siotest.Options{Timeout: time.Minute})
			all.Go(func() { passed.Add(int64(burst(c, 10))) })
		}
	}
	all.Wait()
	assert.Equal(t, "passed", passed.Load(), 30)
}

// TestOutage: Redis is killed, is started again and stands still. What Unavailable says
// holds meanwhile, with one line in the log, and afterwards the cluster counts again.
func TestOutage(t *testing.T) {
	t.Parallel()
	for u, want := range map[ratelimit.Unavailable]int{ratelimit.UnavailableLocal: 30, ratelimit.UnavailableAllow: 60, ratelimit.UnavailableRefuse: 0} {
		t.Run(fmt.Sprint(u), func(t *testing.T) {
			t.Parallel()
			r := redistest.Start(t)
			srv, log := node(t, r.Addr, u, patient)
			c := siotest.Dial(t, srv, siotest.Options{Timeout: time.Minute})
			assert.Equal(t, "while Redis is there", burst(c, 10), 10)
			r.Kill()
			passed := burst(c, 60)
			assert.Equal(t, "while Redis is away", passed, want)
			assert.True(t, "it is logged", log.count("the store does not answer") > 0)
			r.Run()
			client := connect(t, &redis.Options{Addr: r.Addr})
			until(t, "the cluster counts again", func() bool {
				burst(c, 1)
				n, err := client.DBSize(context.Background()).Result()
				return err == nil && n > 0
			})
		})
	}
}

// TestStopped: a Redis that stands still holds a client up for three StoreTimeouts, then
// for one in a second.
func TestStopped(t *testing.T) {
	t.Parallel()
	r := redistest.StartWith(t)
	srv, _ := node(t, r.Addr, ratelimit.UnavailableAllow, 500*time.Millisecond)
	c := siotest.Dial(t, srv, siotest.Options{Timeout: time.Minute})
	assert.Equal(t, "while Redis is there", burst(c, 1), 1)
	assert.NoError(t, connect(t, &redis.Options{Addr: r.Addr}).ClientPause(t.Context(), 20*time.Second).Err())
	start := time.Now()
	assert.Equal(t, "while Redis stands still", burst(c, 100), 100)
	if took := time.Since(start); took < 400*time.Millisecond || took > 10*time.Second {
		t.Errorf("100 events took %s", took)
	}
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
