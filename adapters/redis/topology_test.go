//go:build e2e

package sioredis_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// TestCluster: the variants are adapters on a Redis Cluster, too. What is particular to
// "sharded private" TestShardedChannels and TestSlotMoves have there.
func TestCluster(t *testing.T) {
	t.Parallel()
	addrs := redistest.Cluster(t, 3)
	url := "redis://" + addrs[0] + "?addr=" + addrs[1] + "&addr=" + addrs[2]
	t.Run("variants", func(t *testing.T) { // the cluster ends behind them
		for name, o := range variants {
			if o.Mode == sioredis.ShardedDynamicPrivate {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				adaptertest.Run(t, func(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
					o := o
					o.URL, o.Prefix = url, rand.Text() // one cluster for all
					return start(t, n, opts, o)
				})
			})
		}
		for name, run := range map[string]func(*testing.T, adaptertest.Start){
			"streams": adaptertest.Run, "streams, log": adaptertest.RunLog,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				run(t, func(t *testing.T, n int, opts socketio.Options) []*socketio.Server {
					return start(t, n, opts, sioredis.Options{
						URL: url, Mode: sioredis.Streams, Prefix: rand.Text(), Stream: sioredis.Stream{Name: rand.Text(), SessionPrefix: rand.Text()},
					})
				})
			})
		}
	})
}

// TestSentinel: a replica takes the place of its master, and the servers are one
// cluster again.
func TestSentinel(t *testing.T) {
	t.Parallel()
	for name, o := range families {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sentinel, master := redistest.Sentinel(t)
			o.URL = "redis://" + sentinel + "?master_set=mymaster"
			servers := start(t, 2, socketio.Options{Recovery: &socketio.Recovery{}}, o)
			missed := gaps(servers[1], adapter.GapIncoming)
			c := siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
			assert.NoError(t, servers[0].Emit("e"))
			c.Expect("e")
			redistest.Replicate(t, master)
			master.Kill()
			if o.Mode == sioredis.Streams { // which loses nothing but what no replica has
				far := collect(c)
				for n := range 20 {
					assert.NoError(t, servers[0].Emit("n", n))
				}
				far.inOrder(t, 0, 19)
				assert.Equal(t, "gaps", missed.Load(), int64(0))
			} else {
				got := make(chan struct{}, 10_000)
				c.On("after", func(*siotest.Message) { got <- struct{}{} })
				eventually(t, "an event arrives by the new master", func() bool {
					_ = servers[0].Emit("after")
					return len(got) > 0
				})
				assert.True(t, "what was lost is a gap", missed.Load() > 0)
			}
			eventually(t, "both find each other", func() bool {
				list, err := servers[0].FetchSockets(t.Context())
				return err == nil && len(list) == 1
			})
		})
	}
}

// TestDemotion: a master that becomes a replica closes no connection, and passes nothing
// on: the servers find out, and go to the new master.
func TestDemotion(t *testing.T) {
	t.Parallel()
	for name, o := range families {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sentinel, master := redistest.Sentinel(t)
			o.URL = "redis://" + sentinel + "?master_set=mymaster"
			servers := start(t, 2, socketio.Options{Recovery: &socketio.Recovery{}}, o)
			c := siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
			assert.NoError(t, servers[0].Emit("e"))
			c.Expect("e")
			redistest.Failover(t, sentinel)
			eventually(t, "it is a replica", func() bool {
				return strings.Contains(redistest.Ask(t, master.Addr, "INFO", "replication"), "role:slave")
			})
			got := make(chan struct{}, 10_000)
			c.On("after", func(*siotest.Message) { got <- struct{}{} })
			eventually(t, "events arrive by the new master", func() bool {
				_ = servers[0].Emit("after")
				addr := redistest.Ask(t, sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
				return len(got) > 0 && addr != ""
			})
		})
	}
}

// TestReplica: a master that becomes a replica, without Sentinels, is no Redis to be
// connected to, until it is a master again.
func TestReplica(t *testing.T) {
	t.Parallel()
	for name, o := range families {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis, other := redistest.StartWith(t), redistest.StartWith(t)
			o.URL = "redis://" + redis.Addr
			servers, all := engines(t, 2, o)
			c := siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
			assert.NoError(t, all[0].Ready())
			host, port, _ := strings.Cut(other.Addr, ":")
			_ = redistest.Ask(t, redis.Addr, "REPLICAOF", host, port)
			for _, e := range all {
				eventually(t, "it is found out", func() bool { return errors.Is(e.Ready(), sioredis.ErrNotConnected) })
			}
			if o.Mode != sioredis.Streams { // where it waits
				// Ready may have said so of the connection that listens: then the other one is tried.
				eventually(t, "so does Emit", func() bool { return errors.Is(servers[0].Emit("lost"), sioredis.ErrNotConnected) })
			}
			_ = redistest.Ask(t, redis.Addr, "REPLICAOF", "NO", "ONE")
			for _, e := range all {
				eventually(t, "it is a master again", func() bool { return e.Ready() == nil })
			}
			assert.NoError(t, servers[0].Emit("e"))
			c.Expect("e")
		})
	}
}

// TestAccess: a user with the rights that the documentation names is enough, and one
// with fewer is told.
func TestAccess(t *testing.T) {
	t.Parallel()
	redis := redistest.StartWith(t, "--user", "sio", "on", ">secret", "resetchannels", "&socket.io*", "&socket.io#/#*", "-@all",
		"+publish", "+subscribe", "+psubscribe", "+unsubscribe", "+punsubscribe", "+spublish", "+ssubscribe", "+sunsubscribe",
		"+pubsub", "+ping", "+hello", "+client",
		"--user", "streams", "on", ">secret", "resetchannels", "&socket.io*", "-@all", "resetkeys", "~socket.io", "~sio:session:*",
		"+publish", "+subscribe", "+unsubscribe", "+pubsub", "+ping", "+hello", "+client",
		"+xadd", "+xread", "+xrange", "+xrevrange", "+xinfo", "+xgroup", "+multi", "+exec", "+set", "+getdel",
		"--user", "few", "on", ">secret", "resetchannels", "&other*", "+@all")
	for name, o := range variants {
		t.Run(name, func(t *testing.T) {
			o.URL = "redis://sio:secret@" + redis.Addr
			servers := start(t, 2, socketio.Options{}, o)
			c := siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
			assert.NoError(t, servers[0].To(c.ID()).Emit("e"))
			c.Expect("e")
			list, err := servers[0].FetchSockets(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, "sockets", len(list), 1)
		})
	}
	t.Run("streams", func(t *testing.T) {
		servers := start(t, 2, socketio.Options{Recovery: &socketio.Recovery{}}, sioredis.Options{URL: "redis://streams:secret@" + redis.Addr, Mode: sioredis.Streams})
		c := siotest.Dial(t, servers[0], siotest.Options{Timeout: patience})
		assert.NoError(t, servers[1].To(c.ID()).Emit("e"))
		c.Expect("e")
		list, err := servers[1].FetchSockets(t.Context())
		assert.NoError(t, err)
		assert.Equal(t, "sockets", len(list), 1)
		c.Cut()
		eventually(t, "the session is saved", func() bool { return len(servers[0].Sockets()) == 0 })
		back := c.ResumeAt(servers[1])
		assert.True(t, "recovered", back.Recovered())
	})
	for user, want := range map[string]error{"few:secret": sioredis.ErrRefused, "sio:wrong": sioredis.ErrNotConnected} {
		engine := sioredis.New(&sioredis.Options{URL: "redis://" + user + "@" + redis.Addr})
		srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
		t.Cleanup(srv.Close)
		err := engine.Ready()
		assert.ErrorIs(t, err, want)
		assert.True(t, "why", strings.Contains(err.Error(), "NOPERM") || strings.Contains(err.Error(), "WRONGPASS"))
	}
}

// TestClusterCounts: a node of a Redis Cluster that does not count its subscribers holds
// up no request for long, and is named: who subscribes there is not known.
func TestClusterCounts(t *testing.T) {
	t.Parallel()
	addrs := redistest.Cluster(t, 4)
	servers, _ := engines(t, 2, sioredis.Options{URL: "redis://" + addrs[0] + "?addr=" + addrs[1]})
	siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
	var idle []string // of which two servers need at most two
	for _, addr := range addrs {
		if redistest.Ask(t, addr, "CLIENT", "LIST", "TYPE", "pubsub") == "" {
			idle = append(idle, addr)
		}
	}
	fetch := func() (time.Duration, error) {
		begin := time.Now()
		list, err := servers[0].FetchSockets(t.Context())
		assert.Equal(t, "sockets", len(list), 1)
		return time.Since(begin), err
	}
	_, err := fetch()
	assert.NoError(t, err)

	_ = redistest.Ask(t, idle[0], "CLIENT", "PAUSE", "12000", "ALL")
	named := func() time.Duration { // fails if it takes as long as the pause: the node has counted then
		took, err := fetch()
		var partial *adapter.PartialError
		assert.True(t, fmt.Sprint("it is named: ", err), errors.As(err, &partial) && slices.Equal(partial.Missing, []string{"redis " + idle[0]}))
		return took
	}
	named()
	// The next ones do not wait for it for a second; this machine may hold up one of them.
	eventually(t, "no fetch waits for it any more", func() bool { return named() < time.Second })
	eventually(t, "it counts again", func() bool { _, err := fetch(); return err == nil })

	c, err := net.Dial("tcp", idle[1])
	assert.NoError(t, err)
	_, err = c.Write([]byte("SHUTDOWN NOSAVE\r\n"))
	assert.NoError(t, err)
	_, _ = io.Copy(io.Discard, c) // until it has ended
	_ = c.Close()
	_, err = fetch()
	assert.True(t, fmt.Sprint("one that has ended is named, too: ", err), err != nil && strings.Contains(err.Error(), idle[1]))
}
