//go:build e2e

package sioredis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// engines starts servers, and returns their engines, too.
func engines(t *testing.T, n int, o sioredis.Options) ([]*socketio.Server, []*sioredis.Engine) {
	t.Helper()
	var servers []*socketio.Server
	var all []*sioredis.Engine
	for range n {
		e := sioredis.New(&o)
		srv := socketio.NewServer(&socketio.Options{Adapter: e.Adapter})
		t.Cleanup(srv.Close)
		servers, all = append(servers, srv), append(all, e)
	}
	return servers, all
}

// TestRefused: a pattern that Redis refuses stops no other one. Ready tells of the
// pattern, and it is tried again; what was missed is a gap.
func TestRefused(t *testing.T) {
	t.Parallel()
	redis := redistest.StartWith(t, "--user", "sio", "on", ">secret", "resetchannels", "&socket.io-*", "&socket.io#/*", "-@all",
		"+publish", "+subscribe", "+psubscribe", "+unsubscribe", "+punsubscribe", "+pubsub", "+ping", "+hello", "+client")
	_ = redistest.Ask(t, redis.Addr, "ACL", "SETUSER", "sio", "resetchannels", "&socket.io-*", "&socket.io#/#*")
	servers, all := engines(t, 2, sioredis.Options{URL: "redis://sio:secret@" + redis.Addr, Mode: sioredis.ClassicByPattern})
	assert.NoError(t, all[1].Ready())
	lost := gaps(servers[1], adapter.GapIncoming)
	for _, srv := range servers {
		srv.Of("/chat")
	}
	assert.ErrorIs(t, all[1].Ready(), sioredis.ErrRefused)
	first := siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
	assert.NoError(t, servers[0].Emit("e"))
	first.Expect("e")
	assert.Equal(t, "gaps", lost.Load(), 0)
	chat := siotest.Dial(t, servers[1], siotest.Options{Namespace: "/chat", Timeout: time.Minute})
	for before := refusals(t, redis); refusals(t, redis) == before; { // while the pattern is tried in vain, too
		for range 100 {
			assert.ErrorIs(t, all[1].Ready(), sioredis.ErrRefused)
			time.Sleep(20 * time.Microsecond)
		}
	}
	_ = redistest.Ask(t, redis.Addr, "ACL", "SETUSER", "sio", "&socket.io#/chat#*")
	eventually(t, "the pattern is tried again", func() bool { return all[1].Ready() == nil })
	assert.NoError(t, servers[0].Of("/chat").Emit("e"))
	chat.Expect("e")
	eventually(t, "a gap", func() bool { return lost.Load() > 0 })
}

// refusals returns how often Redis has refused a pattern.
func refusals(t *testing.T, redis *redistest.Process) string {
	t.Helper()
	_, line, _ := strings.Cut(redistest.Ask(t, redis.Addr, "INFO", "commandstats"), "cmdstat_psubscribe:")
	line, _, _ = strings.Cut(line, "\r\n")
	return line
}

// TestFirstAfterOutage: when both connections are there again, what is emitted arrives,
// also what is emitted first.
func TestFirstAfterOutage(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	servers, all := engines(t, 2, sioredis.Options{URL: "unix://" + redis.Addr})
	c := siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
	redis.Kill()
	for _, e := range all {
		eventually(t, "the outage is found", func() bool { return errors.Is(e.Ready(), sioredis.ErrNotConnected) })
	}
	redis.Run()
	for _, e := range all {
		eventually(t, "it is over", func() bool { return e.Ready() == nil })
	}
	assert.NoError(t, servers[0].Emit("e"))
	c.Expect("e")
}

// TestChildrenLeave: namespaces that clients have made, and that are gone, leave no
// subscription.
func TestChildrenLeave(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	servers, all := engines(t, 1, sioredis.Options{URL: "unix://" + redis.Addr})
	parent := servers[0].OfFunc(func(string, *socketio.Handshake) bool { return true })
	parent.OnConnect(func(s *socketio.Socket) {
		for i := range 20 {
			_ = s.Join(fmt.Sprint("room", i))
		}
	})
	before := all[0].Stats().Subscriptions
	var dialling sync.WaitGroup
	for w := range 8 {
		dialling.Go(func() {
			for i := range 25 {
				siotest.Dial(t, servers[0], siotest.Options{Timeout: patience, Namespace: fmt.Sprint("/child", w, "-", i)}).Disconnect()
			}
		})
	}
	dialling.Wait()
	eventually(t, "all subscriptions are given back", func() bool { return all[0].Stats().Subscriptions == before })
}

// TestHalfDead: a connection of this server that Redis has not found dead yet is no
// server that has to answer.
func TestHalfDead(t *testing.T) {
	t.Parallel()
	redis := redistest.StartWith(t)
	servers, _ := engines(t, 2, sioredis.Options{URL: "redis://" + redis.Addr})
	siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
	client := goredis.NewClient(&goredis.Options{Addr: redis.Addr})
	t.Cleanup(func() { _ = client.Close() })
	own, err := client.PubSubChannels(t.Context(), "socket.io-response#/#?*").Result()
	assert.NoError(t, err)
	assert.Equal(t, "servers", len(own), 2)
	dead, err := net.Dial("tcp", redis.Addr)
	assert.NoError(t, err)
	t.Cleanup(func() { _ = dead.Close() })
	_, err = dead.Write([]byte("SUBSCRIBE socket.io-request#/# socket.io-response#/# " + own[0] + "\r\n"))
	assert.NoError(t, err)
	_, err = dead.Read(make([]byte, 1)) // it has subscribed
	assert.NoError(t, err)
	for _, srv := range servers {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		list, err := srv.FetchSockets(ctx)
		cancel()
		assert.NoError(t, err)
		assert.Equal(t, "sockets", len(list), 1)
	}
}
