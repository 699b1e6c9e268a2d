//go:build e2e

package sioredis_test

import (
	"context"
	cryptorand "crypto/rand"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
	"github.com/gosio/gosio/internal/redistest"
)

// raw is a client that publishes anything.
func raw(t *testing.T, redis *redistest.Server) rueidis.Client {
	t.Helper()
	opts, err := rueidis.ParseURL("unix://" + redis.Addr)
	assert.NoError(t, err)
	opts.PipelineMultiplex, opts.DisableCache = -1, true
	c, err := rueidis.NewClient(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func publish(t *testing.T, c rueidis.Client, channel string, payloads ...string) {
	t.Helper()
	cmds := make(rueidis.Commands, len(payloads))
	for i, p := range payloads {
		cmds[i] = c.B().Publish().Channel(channel).Message(p).Build()
	}
	for _, r := range c.DoMulti(context.Background(), cmds...) {
		assert.NoError(t, r.Error())
	}
}

// broadcast is what a Node server sends.
func broadcast(t *testing.T, namespace, event string, rooms ...string) string {
	t.Helper()
	m := clusterwire.Message{
		Type: clusterwire.Broadcast, UID: "abcdef", Namespace: namespace,
		Target: clusterwire.Target{Rooms: rooms}, Packet: clusterwire.Packet{Data: []byte(`["` + event + `"]`)},
	}
	b, err := m.ClassicBroadcast()
	assert.NoError(t, err)
	return string(b)
}

// TestHostile: what cannot be read, or is not for this server, does nothing, and is
// counted; what is lost by it is a gap.
func TestHostile(t *testing.T) {
	t.Parallel()
	for name, o := range classicVariants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			o.URL = "unix://" + redis.Addr
			engine := sioredis.New(&o)
			srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
			t.Cleanup(srv.Close)
			missed := gaps(srv, adapter.GapIncoming)
			c, node := siotest.Dial(t, srv, siotest.Options{Timeout: patience}), raw(t, redis)
			s, _ := srv.Socket(c.ID())
			assert.NoError(t, s.Join("room"))

			broken := map[string][]string{
				"socket.io#/#": {"", "{", "[]", "\x90", "\x93\xa1a\xc0\xc0", "\xdd\xff\xff\xff\xff", broadcast(t, "/", "e") + "x"},
				"socket.io-request#/#": {
					"", "{", "null", "{}", "\x80", `{"type":99}`, `{"type":-1}`, `{"type":2,"rooms":["x"]}`, `{"type":4,"opts":null,"close":true}`,
					`{"type":4,"opts":{"rooms":[null]},"close":true}`, `{"type":4,"opts":{"rooms":"room"},"close":true}`, `{"type":4,"opts":[],"close":true}`,
					`{"type":4,"opts":{"rooms":[["room"]]}}`, `{"type":5,"opts":{"rooms":[]}}`, `{"type":6}`, `{"type":6,"data":{}}`, `{"type":7,"requestId":"r"}`,
				},
			}
			n := int64(0)
			for channel, payloads := range broken {
				publish(t, node, channel, payloads...)
				n += int64(len(payloads))
			}
			eventually(t, "all are counted", func() bool { return missed.Load() == n && engine.Stats().Dropped == uint64(n) })

			// No gap: nothing is lost by these.
			publish(t, node, "socket.io-response#/#", "", "{", `{"requestId":7}`, `{"requestId":"r","sockets":[{}]}`, "\xc1", "\xc1{}")
			publish(t, node, "socket.io-peers#/#", "", "{", "\xc1", "\xc1{}", "\xc1"+`{"type":6,"uid":"x","requestId":"r"}`, "\xc1"+`{"type":5,"uid":"x","requestId":"r"}`)
			publish(t, node, "socket.io#/#room#", broadcast(t, "/other", "wrong", "room"), broadcast(t, "/#room", "wrong"))
			publish(t, node, "socket.io#/#", broadcast(t, "/other", "wrong"))
			publish(t, node, "socket.io#/#nobody#", broadcast(t, "/", "wrong", "nobody"))
			publish(t, node, "socket.io#/", broadcast(t, "/", "wrong"))
			publish(t, node, "socket.io#/#room", broadcast(t, "/", "wrong", "room"))
			publish(t, node, "socket.io#/#room#", broadcast(t, "/", "right", "room"))
			c.Expect("right")
			assert.Equal(t, "gaps", missed.Load(), n)
			assert.NoError(t, engine.Ready())
		})
	}
}

// TestStrangersAreForgotten: names of servers that come and go, or that somebody makes up,
// do not fill the memory.
func TestStrangersAreForgotten(t *testing.T) { //nolint:paralleltest // it measures the heap
	redis := redistest.Start(t)
	srv := start(t, 1, socketio.Options{}, sioredis.Options{URL: "unix://" + redis.Addr})[0]
	c, node := siotest.Dial(t, srv, siotest.Options{Timeout: patience}), raw(t, redis)
	greet := func(servers int) (heap uint64) {
		for some := range slices.Chunk(make([]string, servers), 5000) {
			for i := range some {
				some[i] = "\xc1" + `{"type":2,"uid":"` + strings.ToLower(cryptorand.Text()[:20]) + `"}`
			}
			publish(t, node, "socket.io-peers#/#", some...)
		}
		publish(t, node, "socket.io#/#", broadcast(t, "/", "after"))
		c.Expect("after")
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := greet(20_000) // more than are remembered
	if after := greet(200_000); after > before+4<<20 {
		t.Errorf("%d servers take %d bytes", 200_000, after-before)
	}
}

// TestDamaged: messages with bytes changed, cut and doubled harm nobody.
func TestDamaged(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	servers := start(t, 2, socketio.Options{}, sioredis.Options{URL: "unix://" + redis.Addr})
	c, node := siotest.Dial(t, servers[0], siotest.Options{Timeout: patience}), raw(t, redis)
	samples := map[string][]string{
		"socket.io#/#": {broadcast(t, "/", "e", "a", "b"), broadcast(t, "/", "e")},
		"socket.io-request#/#": {
			`{"uid":"abcdef","requestId":"r","type":5,"opts":{"rooms":["a"],"except":[]}}`, `{"uid":"abcdef","requestId":"r","type":1}`,
			`{"uid":"abcdef","type":2,"opts":{"rooms":["a"],"except":[]},"rooms":["b"]}`, `{"uid":"abcdef","type":6,"requestId":"r","data":["e",1]}`,
			`{"uid":"abcdef","requestId":"r","type":5,"opts":{"rooms":["a"],"except":[]},"gosio":{"timeout":500}}`, `{"sid":"x","requestId":"r","type":2,"room":"b"}`,
		},
		"socket.io-response#/#": {`{"requestId":"r","sockets":[{"id":"a","rooms":["b"],"data":{},"handshake":{}}]}`, `{"type":8,"requestId":"r","clientCount":3}`},
		"socket.io-peers#/#":    {"\xc1" + `{"type":1,"uid":"x"}`, "\xc1" + `{"type":6,"uid":"x","requestId":"r","part":0,"last":true,"clients":1}`},
	}
	r := rand.New(rand.NewPCG(1, 2))
	for channel, list := range samples {
		for range 20 {
			batch := make([]string, 500)
			for i := range batch {
				b := []byte(list[r.IntN(len(list))])
				for range 1 + r.IntN(3) {
					switch at := r.IntN(len(b)); r.IntN(4) {
					case 0:
						b = b[:at+1]
					case 1:
						b = append(b[:at:at], b[at/2:]...)
					default:
						b[at] = byte(r.IntN(256))
					}
				}
				batch[i] = string(b)
			}
			publish(t, node, channel, batch...)
		}
	}
	assert.NoError(t, servers[1].Emit("after"))
	c.Await("after")
	list, err := servers[1].FetchSockets(t.Context())
	assert.NoError(t, err)
	assert.Equal(t, "sockets", len(list), 1)
}

// TestRepeatedNames: a channel may be that of a namespace and that of a room of another.
func TestRepeatedNames(t *testing.T) {
	t.Parallel()
	for name, o := range variants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.URL = "unix://" + redistest.Start(t).Addr
			servers := start(t, 2, socketio.Options{}, o)
			var clients []*siotest.Client
			for _, srv := range servers {
				srv.Of("/a")
				srv.Of("/a#b")
				srv.Of("/a*") // its pattern must not be one
				for _, ns := range []string{"/a", "/a#b", "/a*"} {
					c := siotest.Dial(t, srv, siotest.Options{Timeout: patience, Namespace: ns})
					s, _ := srv.Of(ns).Socket(c.ID())
					assert.NoError(t, s.Join("b"))
					clients = append(clients, c)
				}
			}
			assert.NoError(t, servers[0].Of("/a").To("b").Emit("room"))
			assert.NoError(t, servers[0].Of("/a#b").Emit("namespace"))
			assert.NoError(t, servers[0].Of("/a*").Emit("star"))
			for i, want := range []string{"room", "namespace", "star", "room", "namespace", "star"} {
				clients[i].Expect(want)
			}
			for _, ns := range []string{"/a", "/a#b", "/a*"} {
				assert.NoError(t, servers[0].Of(ns).Emit("done"))
			}
			for _, c := range clients {
				c.Expect("done")
			}
		})
	}
}
