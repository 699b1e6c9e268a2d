//go:build e2e

package goredis_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gosio/gosio/emitter"
	"github.com/gosio/gosio/emitter/goredis"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/internal/redistest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// patience bounds each wait for a real Redis.
const patience = time.Minute

func connect(t *testing.T, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// subscription is one that Redis has confirmed.
func subscription(t *testing.T, s *redis.PubSub) *redis.PubSub {
	t.Helper()
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.ReceiveTimeout(context.Background(), patience); err != nil {
		t.Fatal(err)
	}
	return s
}

// next is what comes by a subscription.
func next(t *testing.T, s *redis.PubSub) []byte {
	t.Helper()
	m, err := s.ReceiveTimeout(context.Background(), patience)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(m.(*redis.Message).Payload)
}

// TestForms: each form comes by the command that it should.
func TestForms(t *testing.T) {
	t.Parallel()
	client := connect(t, redistest.Start(t).Addr)
	ctx := context.Background()
	plain := subscription(t, client.Subscribe(ctx, "socket.io#/#"))
	sharded := subscription(t, client.SSubscribe(ctx, "socket.io#/#"))
	r := goredis.New(client)
	bytes := []byte{0, 255, '\r', '\n'}
	for name, c := range map[string]struct {
		e     *emitter.Emitter
		fetch func() (*clusterwire.Message, error)
	}{
		"classic": {emitter.NewClassic(r, nil), func() (*clusterwire.Message, error) {
			return clusterwire.DecodeClassicBroadcast(next(t, plain), nil)
		}},
		"sharded": {emitter.NewSharded(r, nil), func() (*clusterwire.Message, error) {
			return clusterwire.DecodeEnvelope(next(t, sharded), nil)
		}},
		"streams": {emitter.NewStreams(r, nil), func() (*clusterwire.Message, error) {
			list, err := client.XRange(ctx, "socket.io", "-", "+").Result()
			assert.NoError(t, err)
			assert.Equal(t, "entries", len(list), 1)
			v := list[0].Values
			e := clusterwire.Entry{UID: v["uid"].(string), Namespace: v["nsp"].(string), Type: v["type"].(string), Data: v["data"].(string)}
			return e.Decode(nil)
		}},
	} {
		assert.NoError(t, c.e.Emit("é", bytes))
		m, err := c.fetch()
		assert.NoError(t, err)
		assert.Equal(t, name, string(m.Packet.Data), `["é",{"_placeholder":true,"num":0}]`)
		assert.Equal(t, name, string(m.Packet.Attachments[0]), string(bytes))
	}
}

// TestTrim: a stream does not grow for ever, unless that is wanted.
func TestTrim(t *testing.T) {
	t.Parallel()
	client := connect(t, redistest.Start(t).Addr)
	ctx := context.Background()
	for name, most := range map[string]int64{"short": 150, "endless": -1} {
		pipe := client.Pipeline()
		e := emitter.NewStreams(goredis.New(pipe), &emitter.StreamsOptions{Stream: name, MaxLen: most})
		for range 1000 {
			assert.NoError(t, e.Emit("e"))
		}
		_, err := pipe.Exec(ctx)
		assert.NoError(t, err)
		n := client.XLen(ctx, name).Val()
		// Redis drops whole nodes of 100: what is exact costs it more
		if endless := most < 0; endless != (n == 1000) || n <= 150 {
			t.Errorf("%s: %d entries", name, n)
		}
	}
}

// TestTransaction: what is emitted by a pipeline is sent when that is executed.
func TestTransaction(t *testing.T) {
	t.Parallel()
	client := connect(t, redistest.Start(t).Addr)
	ctx := context.Background()
	sub := subscription(t, client.Subscribe(ctx, "socket.io#/#"))
	_, err := client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		e := emitter.NewClassic(goredis.New(pipe), nil)
		for i := range 3 {
			if err := e.Emit("e", i); err != nil {
				return err
			}
		}
		assert.NoError(t, emitter.NewClassic(goredis.New(client), nil).Emit("first"))
		return pipe.Set(ctx, "done", "yes", 0).Err()
	})
	assert.NoError(t, err)
	for _, want := range []string{`["first"]`, `["e",0]`, `["e",1]`, `["e",2]`} {
		m, err := clusterwire.DecodeClassicBroadcast(next(t, sub), nil)
		assert.NoError(t, err)
		assert.Equal(t, "data", string(m.Packet.Data), want)
	}
	assert.Equal(t, "done", client.Get(ctx, "done").Val(), "yes")
}

// TestOutage: while Redis is away each call fails, and afterwards works again.
func TestOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	e := emitter.NewClassic(goredis.New(connect(t, server.Addr)), nil)
	assert.NoError(t, e.Emit("e"))
	server.Kill()
	if err := e.Emit("e"); err == nil {
		t.Error("an event for nobody was sent")
	}
	server.Run()
	var err error
	for range 20 { // connections of before are tried first
		if err = e.Emit("e"); err == nil {
			return
		}
	}
	t.Error(err)
}

// TestSilence: a Redis that accepts and says nothing costs the timeout.
func TestSilence(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	defer ln.Close()
	var held []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			held = append(held, c)
		}
	}()
	defer func() {
		_ = ln.Close()
		<-done
		for _, c := range held {
			_ = c.Close()
		}
	}()
	e := emitter.NewClassic(goredis.New(connect(t, ln.Addr().String())), &emitter.ClassicOptions{Timeout: 100 * time.Millisecond})
	var wg sync.WaitGroup
	for range 20 { // which of two timers is first is luck
		wg.Go(func() {
			start := time.Now()
			err := e.Emit("e")
			if err == nil || time.Since(start) > patience/4 {
				t.Errorf("%v after %v", err, time.Since(start))
			} else if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "within the emitter's Timeout of 100ms: is it the right address") {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestResend: how often a message goes out when its connection breaks, as the
// package's documentation says.
func TestResend(t *testing.T) {
	t.Parallel()
	upstream := redistest.Start(t).Addr
	for name, c := range map[string]struct {
		client func(addr string) redis.UniversalClient
		want   int32
	}{
		"by default": {func(addr string) redis.UniversalClient { return redis.NewClient(&redis.Options{Addr: addr}) }, 4},
		"once": {func(addr string) redis.UniversalClient {
			return redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
		}, 1},
		"cluster":       {func(addr string) redis.UniversalClient { return cluster(addr, 0) }, 4},
		"cluster, once": {func(addr string) redis.UniversalClient { return cluster(addr, -1) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, published := breaker(t, upstream)
			client := c.client(addr)
			defer client.Close()
			err := emitter.NewClassic(goredis.New(client), &emitter.ClassicOptions{Timeout: patience}).Emit("e")
			if n := published.Load(); err == nil || n != c.want {
				t.Errorf("%v: sent %d times", err, n)
			}
		})
	}
}

// cluster is a client of a cluster of one node.
func cluster(addr string, redirects int) *redis.ClusterClient {
	return redis.NewClusterClient(&redis.ClusterOptions{
		MaxRetries: -1, MaxRedirects: redirects,
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
			return []redis.ClusterSlot{{End: 16383, Nodes: []redis.ClusterNode{{Addr: addr}}}}, nil
		},
	})
}

// breaker passes on what clients send, but breaks the connection in the place of a
// PUBLISH. It counts those.
func breaker(t *testing.T, upstream string) (addr string, published *atomic.Int32) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NoError(t, err)
	published = new(atomic.Int32)
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("unix", upstream)
			if err != nil {
				t.Error(err)
				_ = c.Close()
				return
			}
			wg.Go(func() { _, _ = io.Copy(c, up); _ = c.Close() })
			wg.Go(func() {
				defer up.Close()
				buf := make([]byte, 4096)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if strings.Contains(string(buf[:n]), "publish\r\n") {
						published.Add(1)
						return
					}
					_, _ = up.Write(buf[:n])
				}
			})
		}
	})
	return ln.Addr().String(), published
}

// TestEnded: with a context that has ended a pipeline gets nothing to send.
func TestEnded(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	pipe := client.Pipeline()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := emitter.NewClassic(goredis.New(pipe), nil).WithContext(ctx).Emit("e")
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, "queued", pipe.Len(), 0)
}

// TestDefaults: go-redis does what the documentation says of it.
func TestDefaults(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	assert.Equal(t, "ReadTimeout", client.Options().ReadTimeout, 5*time.Second)
}

func TestWiring(t *testing.T) {
	t.Parallel()
	for _, client := range []redis.Cmdable{nil, (*redis.Client)(nil), (*redis.ClusterClient)(nil), (*redis.Pipeline)(nil)} {
		func() {
			defer func() {
				assert.Equal(t, "panic", fmt.Sprint(recover()), "emitter: goredis.New without a client")
			}()
			goredis.New(client)
		}()
	}
}

// TestACL: an emitter needs one command, and the names that docs/emitter.md says.
func TestACL(t *testing.T) {
	t.Parallel()
	addr := redistest.Start(t).Addr
	ctx := context.Background()
	root := connect(t, addr)
	for user, rules := range map[string][]any{
		"publisher": {"resetchannels", "&socket.io*", "+publish", "+spublish"},
		"appender":  {"~socket.io*", "+xadd"},
	} {
		assert.NoError(t, root.Do(ctx, append([]any{"ACL", "SETUSER", user, "on", ">secret"}, rules...)...).Err())
	}
	as := func(user string) goredis.Client {
		c := redis.NewClient(&redis.Options{Addr: addr, Username: user, Password: "secret", MaxRetries: -1, ContextTimeoutEnabled: true})
		t.Cleanup(func() { _ = c.Close() })
		return goredis.New(c)
	}
	publisher, appender := as("publisher"), as("appender")
	for _, e := range []*emitter.Emitter{emitter.NewClassic(publisher, nil), emitter.NewSharded(publisher, nil), emitter.NewStreams(appender, nil)} {
		assert.NoError(t, e.To("r").Emit("e"))
		assert.NoError(t, e.Of("/n").SocketsJoin("r"))
	}
	for _, err := range []error{emitter.NewStreams(publisher, nil).Emit("e"), emitter.NewClassic(publisher, &emitter.ClassicOptions{Prefix: "other"}).Emit("e")} {
		if err == nil || !redis.HasErrorPrefix(err, "NOPERM") && !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("%v: what was not allowed was done", err)
		}
	}
}

// TestRedisCluster: what belongs to several nodes gets to each.
func TestRedisCluster(t *testing.T) {
	t.Parallel()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: redistest.Cluster(t, 3), MaxRedirects: 3, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	ctx := context.Background()
	r := goredis.New(client)
	classic, sharded, streams := emitter.NewClassic(r, nil), emitter.NewSharded(r, nil), emitter.NewStreams(r, &emitter.StreamsOptions{Count: 4})
	nodes := map[string]bool{}
	for i := range 20 {
		namespace := fmt.Sprintf("/%d", i)
		channel := clusterwire.Channel("socket.io", namespace)
		node, err := client.MasterForKey(ctx, channel)
		assert.NoError(t, err)
		nodes[node.Options().Addr] = true
		plain, shard := subscription(t, client.Subscribe(ctx, channel)), subscription(t, client.SSubscribe(ctx, channel))
		for _, e := range []*emitter.Emitter{classic, sharded, streams} {
			assert.NoError(t, e.Of(namespace).Emit("e", i))
		}
		want := fmt.Sprintf(`["e",%d]`, i)
		m, err := clusterwire.DecodeClassicBroadcast(next(t, plain), nil)
		assert.NoError(t, err)
		assert.Equal(t, "classic", string(m.Packet.Data), want)
		m, err = clusterwire.DecodeEnvelope(next(t, shard), nil)
		assert.NoError(t, err)
		assert.Equal(t, "sharded", string(m.Packet.Data), want)
	}
	assert.Equal(t, "nodes", len(nodes), 3)
	total := int64(0)
	for i := range 4 {
		total += client.XLen(ctx, fmt.Sprint("socket.io-", i)).Val()
	}
	assert.Equal(t, "entries", total, 20)
}
