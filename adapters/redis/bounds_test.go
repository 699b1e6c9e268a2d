//go:build e2e

package sioredis_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// written is a connection that counts how often something is written to it.
type written struct {
	net.Conn
	times *atomic.Int64
}

func (c written) Write(b []byte) (int, error) {
	c.times.Add(1)
	return c.Conn.Write(b)
}

// TestManyRefused: Redis refuses a command as a whole, so the channels that it refuses are
// found one by one, but not with a round trip for each. In a Redis Cluster a command has the
// channels of one slot.
func TestManyRefused(t *testing.T) {
	t.Parallel()
	acl := []string{
		"--user", "sio", "on", ">secret", "resetchannels", "&socket.io-*", "&socket.io#/#", "&socket.io#/#" + strings.Repeat("?", 20) + "#", "&socket.io#/#good*", "-@all",
		"+publish", "+subscribe", "+psubscribe", "+unsubscribe", "+punsubscribe", "+pubsub", "+ping", "+hello", "+client", "+role",
		"+spublish", "+ssubscribe", "+sunsubscribe", "+cluster",
	}
	t.Run("one Redis", func(t *testing.T) {
		t.Parallel()
		manyRefused(t, redistest.StartWith(t, acl...).Addr, sioredis.ClassicByRoom)
	})
	t.Run("a Redis Cluster", func(t *testing.T) {
		t.Parallel()
		manyRefused(t, redistest.ClusterOf(t, 1, acl...)[0].Addr, sioredis.ShardedDynamic)
	})
}

func manyRefused(t *testing.T, redis string, mode sioredis.Mode) {
	var writes atomic.Int64
	engine := sioredis.New(&sioredis.Options{Mode: mode, Client: rueidis.ClientOption{
		InitAddress: []string{redis}, Username: "sio", Password: "secret",
		DialCtxFn: func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			c, err := d.DialContext(ctx, "tcp", addr)
			return written{c, &writes}, err
		},
	}})
	a := engine.Adapter(&local{applied: make(chan struct{}, window)})
	defer a.Close()
	assert.NoError(t, engine.Ready())
	const channels = 5_000
	before := writes.Load()
	names := make([]string, channels)
	for i := range names {
		names[i] = fmt.Sprintf("bad{%d}%d", i%64, i) // eight of 512 have one slot
	}
	names[channels/2] = "good"
	for some := range slices.Chunk(names, 512) {
		_ = a.(adapter.RoomSubscriber).SubscribeRooms(t.Context(), some)
	}
	took := writes.Load() - before
	assert.True(t, fmt.Sprint("written ", took, " times"), took < channels/20)
	err := engine.Ready()
	assert.ErrorIs(t, err, sioredis.ErrRefused)
	assert.True(t, "all are refused but one: "+err.Error(), strings.Contains(err.Error(), fmt.Sprint(channels-1)))
	before = writes.Load()
	_ = redistest.Ask(t, redis, "ACL", "SETUSER", "sio", "allchannels")
	eventually(t, "all are subscribed to", func() bool { return engine.Ready() == nil })
	took = writes.Load() - before
	assert.True(t, fmt.Sprint("written ", took, " times while they are tried again"), took < channels/10)
}

// TestGapsAreBounded: gaps wait behind what is delivered, and are counted as that is. Where
// there is no place for them, those of one kind become one.
func TestGapsAreBounded(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	url := "unix://" + redis.Addr
	sender := sioredis.New(&sioredis.Options{URL: url}).Adapter(&local{applied: make(chan struct{}, window)})
	defer sender.Close()
	engine := sioredis.New(&sioredis.Options{URL: url, InboxSize: 1000, Mode: sioredis.ClassicByPattern})
	s := &slow{local: local{has: true}, free: make(chan struct{}), gaps: make(chan adapter.Gap, 1000)}
	receiver := engine.Adapter(s)
	defer receiver.Close()
	before := engine.Stats()
	assert.NoError(t, sender.Publish(message()))
	eventually(t, "something is being delivered", func() bool { return engine.Stats().Received > before.Received })
	node := raw(t, redis)
	const cuts = 25
	for i := range cuts {
		_ = node.Do(t.Context(), node.B().Arbitrary("CLIENT", "KILL", "TYPE", "pubsub").Build())
		eventually(t, "the connection is lost", func() bool { return engine.Stats().Outages >= before.Outages+uint64(i)+1 })
		eventually(t, "there is another one", func() bool { return engine.Ready() == nil })
	}
	close(s.free)
	heard := 0
	eventually(t, "gaps are told", func() bool { heard = len(s.gaps); return heard > 0 && s.applied.Load() > 0 })
	applied := s.applied.Load()
	eventually(t, "what comes afterwards is delivered", func() bool { return sender.Publish(message()) == nil && s.applied.Load() > applied })
	heard = len(s.gaps)
	assert.True(t, fmt.Sprint(heard, " gaps"), heard > 0 && heard < cuts)
}

// gate is a namespace with a room, whose messages are delivered when free says so.
type gate struct {
	local
	name           string
	free           chan struct{}
	began, applied atomic.Int64
}

func (g *gate) Namespace() string { return g.name }

func (g *gate) Apply(*adapter.Operation) error {
	g.began.Add(1)
	<-g.free
	g.applied.Add(1)
	return nil
}

// TestOverflowOfManyNamespaces: an overflow is told to each namespace, and what is told takes
// no place from the messages that come next, however many namespaces there are.
func TestOverflowOfManyNamespaces(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	url := "unix://" + redis.Addr
	sender := sioredis.New(&sioredis.Options{URL: url}).Adapter(&local{applied: make(chan struct{}, window)})
	defer sender.Close()
	engine := sioredis.New(&sioredis.Options{URL: url, InboxSize: 10_000, Mode: sioredis.ClassicByPattern})
	g := &gate{local: local{has: true}, name: "/", free: make(chan struct{})}
	receiver := engine.Adapter(g)
	defer receiver.Close()
	for i := range 200 { // whose gaps would take 19,200 bytes
		other := engine.Adapter(&gate{name: fmt.Sprint("/", i)})
		defer other.Close()
	}
	large := message()
	large.Packet.Data = []byte(`["message","` + strings.Repeat("x", 4000) + `"]`)
	assert.NoError(t, sender.Publish(message()))
	g.free <- struct{}{} // behind all that was said when they met
	eventually(t, "it is delivered", func() bool { return g.applied.Load() == 1 })
	const done = 1
	before := engine.Stats().Received
	for range 10 {
		assert.NoError(t, sender.Publish(large))
	}
	eventually(t, "ten have come, and two have a place", func() bool { return engine.Stats().Received >= before+10 && g.began.Load() > done })
	g.free <- struct{}{}
	eventually(t, "the second one is being delivered", func() bool { return g.began.Load() >= done+2 })
	before = engine.Stats().Received
	assert.NoError(t, sender.Publish(large))
	eventually(t, "the next one has come", func() bool { return engine.Stats().Received > before })
	close(g.free)
	eventually(t, "the next one is delivered", func() bool { return g.applied.Load() >= done+3 })
}
