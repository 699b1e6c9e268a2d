//go:build e2e

package sioredis_test

import (
	"strings"
	"testing"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// TestKeys: servers with a key in common are a cluster, while keys are changed, too. What
// nobody has signed, or somebody else, or for another channel, is dropped and counted.
func TestKeys(t *testing.T) {
	t.Parallel()
	for _, mode := range []sioredis.Mode{sioredis.ClassicByRoom, sioredis.ClassicByPattern} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			a, b, c := []byte(strings.Repeat("a", 16)), []byte(strings.Repeat("b", 32)), []byte(strings.Repeat("c", 16))
			var servers []*socketio.Server
			var all []*sioredis.Engine
			for _, keys := range [][][]byte{{a}, {a, b}, {b, a}} {
				s, e := engines(t, 1, sioredis.Options{URL: "unix://" + redis.Addr, Mode: mode, Keys: keys})
				servers, all = append(servers, s...), append(all, e...)
			}
			client := siotest.Dial(t, servers[1], siotest.Options{Timeout: patience}) // has both keys
			for _, srv := range servers {
				assert.NoError(t, srv.Emit("all"))
				client.Expect("all")
				assert.NoError(t, srv.To(client.ID()).Emit("one"))
				client.Expect("one")
			}
			list, err := servers[1].FetchSockets(t.Context())
			assert.NoError(t, err) // all hear it, and it hears all
			assert.Equal(t, "sockets", len(list), 1)

			before := all[1].Stats().Dropped
			overheard := listen(t, redis, "socket.io#/#*")
			strangers, _ := engines(t, 1, sioredis.Options{URL: "unix://" + redis.Addr, Mode: mode, Keys: [][]byte{c}})
			assert.NoError(t, strangers[0].Emit("wrong key"))
			node := raw(t, redis)
			publish(t, node, "socket.io#/#", broadcast(t, "/", "no key"), "", strings.Repeat("x", 32), next(t, overheard).Message)
			assert.NoError(t, servers[0].Emit("right"))
			right := next(t, overheard)
			for right.Message == "" || !strings.Contains(right.Message, "right") {
				right = next(t, overheard)
			}
			publish(t, node, "socket.io#/#"+client.ID()+"#", right.Message) // for everybody, not for this channel
			client.Expect("right")
			eventually(t, "all are counted", func() bool { return all[1].Stats().Dropped >= before+6 })
			assert.NoError(t, servers[0].Emit("end"))
			client.Expect("end")
		})
	}
	defer func() {
		text, _ := recover().(string)
		assert.True(t, "a short key is refused: "+text, strings.HasPrefix(text, "socketio: sioredis.Options.Keys: "))
	}()
	sioredis.New(&sioredis.Options{Keys: [][]byte{[]byte("short")}})
}

// TestKeysSharded: the same in the sharded modes, and not in a stream.
func TestKeysSharded(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	key, other := []byte(strings.Repeat("a", 16)), []byte(strings.Repeat("c", 16))
	for _, mode := range []sioredis.Mode{sioredis.ShardedDynamic, sioredis.ShardedDynamicPrivate, sioredis.ShardedStatic} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			o := sioredis.Options{URL: "unix://" + redis.Addr, Mode: mode, Prefix: mode.String(), Keys: [][]byte{key}}
			servers, all := engines(t, 2, o)
			client := siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
			list, err := servers[0].FetchSockets(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, "sockets", len(list), 1)
			o.Keys = [][]byte{other}
			strangers, _ := engines(t, 1, o) // who subscribes is counted, and answers no request
			before := all[1].Stats().Dropped
			assert.NoError(t, strangers[0].Emit("wrong key"))
			eventually(t, "what a stranger says is counted", func() bool { return all[1].Stats().Dropped > before })
			assert.NoError(t, servers[0].Emit("all"))
			client.Expect("all")
			assert.NoError(t, servers[0].To(client.ID()).Emit("one"))
			client.Expect("one")
		})
	}
	defer func() {
		text, _ := recover().(string)
		assert.True(t, "keys in a stream are refused: "+text, strings.HasPrefix(text, "socketio: sioredis.Options.Keys: entries of a stream"))
	}()
	sioredis.New(&sioredis.Options{Mode: sioredis.Streams, Keys: [][]byte{key}})
}
