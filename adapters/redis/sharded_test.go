//go:build e2e

package sioredis_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
	"github.com/gosio/gosio/internal/redistest"
)

var shardedModes = []sioredis.Mode{sioredis.ShardedDynamic, sioredis.ShardedDynamicPrivate, sioredis.ShardedStatic}

// urlOf is that of a Redis Cluster.
func urlOf(masters []*redistest.Process) string {
	url := "redis://" + masters[0].Addr + "?"
	for _, m := range masters[1:] {
		url += "&addr=" + m.Addr
	}
	return url
}

// envelope is what a Node server sends.
func envelope(t *testing.T, m clusterwire.Message) string {
	t.Helper()
	m.UID = "0123456789abcdef"
	b, err := m.Sharded()
	assert.NoError(t, err)
	return string(b)
}

func event(name string, rooms ...string) clusterwire.Message {
	return clusterwire.Message{
		Type: clusterwire.Broadcast, Namespace: "/", Target: clusterwire.Target{Rooms: rooms},
		Packet: clusterwire.Packet{Data: []byte(`["` + name + `"]`)},
	}
}

// TestShardedChannels: what a Node server publishes on a room's channel arrives, whatever
// the room is called, and whichever master of a Redis Cluster has the channel.
func TestShardedChannels(t *testing.T) {
	t.Parallel()
	masters := redistest.ClusterOf(t, 3)
	t.Run("modes", func(t *testing.T) { // the cluster ends behind them
		for _, mode := range shardedModes[:2] {
			t.Run(mode.String(), func(t *testing.T) {
				t.Parallel()
				prefix := rand.Text()
				srv := start(t, 1, socketio.Options{}, sioredis.Options{URL: urlOf(masters), Mode: mode, Prefix: prefix})[0]
				c := siotest.Dial(t, srv, siotest.Options{Timeout: patience})
				s, _ := srv.Socket(c.ID())
				opts, err := rueidis.ParseURL(urlOf(masters))
				assert.NoError(t, err)
				node, err := rueidis.NewClient(opts)
				assert.NoError(t, err)
				t.Cleanup(node.Close)
				rooms := []string{"room", "{tag}room", "{tag}other", "{}", "{", "a}b{c", "日本", "#", "x{y"}
				for i := range 30 {
					rooms = append(rooms, fmt.Sprint("room", i))
				}
				assert.NoError(t, s.Join(rooms...))
				if mode == sioredis.ShardedDynamicPrivate {
					rooms = append(rooms, c.ID())
				}
				for _, room := range rooms {
					cmd := node.B().Spublish().Channel(prefix + "#/#" + room + "#").Message(envelope(t, event("e", room))).Build()
					assert.NoError(t, node.Do(t.Context(), cmd).Error())
					c.Expect("e")
				}
			})
		}
	})
}

// TestShardedOrder: what one server says arrives in its order also where several masters
// carry it.
func TestShardedOrder(t *testing.T) {
	t.Parallel()
	masters := redistest.ClusterOf(t, 3)
	servers := start(t, 2, socketio.Options{}, sioredis.Options{URL: urlOf(masters), Mode: sioredis.ShardedDynamic})
	c := siotest.Dial(t, servers[1], siotest.Options{Timeout: patience})
	s, _ := servers[1].Socket(c.ID())
	rooms := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	assert.NoError(t, s.Join(rooms...))
	const events = 500
	for i := range events {
		var err error
		if i%5 == 0 {
			err = servers[0].Emit("e", i)
		} else {
			err = servers[0].To(rooms[i%len(rooms)]).Emit("e", i)
		}
		assert.NoError(t, err)
	}
	assert.NoError(t, servers[0].SocketsLeave(rooms...))
	for _, room := range rooms {
		assert.NoError(t, servers[0].To(room).Emit("left"))
	}
	assert.NoError(t, servers[0].Emit("end"))
	for i := range events {
		var n int
		c.Expect("e", &n)
		assert.Equal(t, "event", n, i)
	}
	c.Expect("end")
}

// sequence is what a client has got of numbered events.
type sequence struct {
	mu   sync.Mutex
	came map[int]bool
	last int
	bad  string
}

func follow(c *siotest.Client) *sequence {
	s := &sequence{came: make(map[int]bool)}
	c.On("n", func(m *siotest.Message) {
		var n int
		m.Decode(&n)
		s.mu.Lock()
		defer s.mu.Unlock()
		if n <= s.last {
			s.bad = fmt.Sprintf("event %d behind event %d", n, s.last)
		}
		s.last, s.came[n] = n, true
	})
	return s
}

func (s *sequence) has(n int) bool { s.mu.Lock(); defer s.mu.Unlock(); return s.came[n] }

// whole fails unless all of the events have come, and in order.
func (s *sequence) whole(t *testing.T, from, to int) {
	t.Helper()
	eventually(t, fmt.Sprintf("event %d", to), func() bool { return s.has(to) })
	s.mu.Lock()
	defer s.mu.Unlock()
	assert.Equal(t, "order", s.bad, "")
	for i := from; i <= to; i++ {
		if !s.came[i] {
			t.Fatalf("event %d of %d to %d is lost", i, from, to)
		}
	}
}

// TestSlotMoves: the slot of a namespace goes to another master, and back, while events
// come all the time. What is lost is reported; nothing of before or after is.
func TestSlotMoves(t *testing.T) {
	t.Parallel()
	masters := redistest.ClusterOf(t, 3)
	t.Run("modes", func(t *testing.T) { // the cluster ends behind them
		for _, mode := range shardedModes {
			t.Run(mode.String(), func(t *testing.T) {
				t.Parallel()
				prefix := rand.Text()
				servers, all := engines(t, 2, sioredis.Options{URL: urlOf(masters), Mode: mode, Prefix: prefix})
				var missed atomic.Int64 // beside what the sender says that it could not send
				servers[1].OnGap(func(e socketio.GapEvent) {
					if strings.Contains(e.Err.Error(), "another master") {
						missed.Add(1)
					}
				})
				got := follow(siotest.Dial(t, servers[1], siotest.Options{Timeout: patience}))
				n := 0
				emit := func(count int) (from, to int) {
					from = n + 1
					for range count {
						n++
						assert.NoError(t, servers[0].Emit("n", n))
					}
					return from, n
				}
				got.whole(t, 1, func() int { _, to := emit(100); return to }())
				slot, from := redistest.Slot(t, masters, prefix+"#/#")
				to := masters[0]
				if from == to {
					to = masters[1]
				}
				for range 2 {
					before := missed.Load()
					first := n + 1
					stop, stopped := make(chan struct{}), make(chan struct{})
					go func() {
						defer close(stopped)
						tick := time.NewTicker(time.Millisecond)
						defer tick.Stop()
						for {
							select {
							case <-stop:
								return
							case <-tick.C:
								n++
								_ = servers[0].Emit("n", n)
							}
						}
					}()
					redistest.MoveSlot(t, masters, slot, from, to)
					eventually(t, "a gap", func() bool { return missed.Load() > before })
					close(stop)
					<-stopped
					for _, e := range all {
						eventually(t, "ready", func() bool { return e.Ready() == nil })
					}
					eventually(t, "events arrive again", func() bool { _, to := emit(1); return got.has(to) || got.has(to-1) })
					t.Logf("%d events were lost of %d", func() (lost int) {
						for i := first; i <= n; i++ {
							if !got.has(i) {
								lost++
							}
						}
						return lost
					}(), n-first+1)
					got.whole(t, func() int { from, _ := emit(100); return from }(), n)
					from, to = to, from
				}
				list, err := servers[0].FetchSockets(t.Context())
				assert.NoError(t, err)
				assert.Equal(t, "sockets", len(list), 1)
			})
		}
	})
}

// TestOldRedis: a Redis that knows no sharded pub/sub is told of.
func TestOldRedis(t *testing.T) {
	t.Parallel()
	redis := redistest.StartWith(t, "--rename-command", "SSUBSCRIBE", "none", "--rename-command", "SPUBLISH", "none2")
	engine := sioredis.New(&sioredis.Options{URL: "redis://" + redis.Addr, Mode: sioredis.ShardedDynamic})
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
	t.Cleanup(srv.Close)
	err := engine.Ready()
	assert.ErrorIs(t, err, sioredis.ErrRefused)
	assert.True(t, "why: "+err.Error(), strings.Contains(err.Error(), "unknown command"))
}

// TestShardedHostile: what cannot be read, or is not for this server, does nothing, and
// is counted; what is lost by it is a gap.
func TestShardedHostile(t *testing.T) {
	t.Parallel()
	for _, mode := range shardedModes {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			redis := redistest.Start(t)
			engine := sioredis.New(&sioredis.Options{URL: "unix://" + redis.Addr, Mode: mode})
			srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
			t.Cleanup(srv.Close)
			missed := gaps(srv, adapter.GapIncoming)
			c, node := siotest.Dial(t, srv, siotest.Options{Timeout: patience}), raw(t, redis)
			s, _ := srv.Socket(c.ID())
			assert.NoError(t, s.Join("room"))
			say := func(channel string, payloads ...string) {
				t.Helper()
				for _, p := range payloads {
					cmd := node.B().Spublish().Channel(channel).Message(p).Build()
					assert.NoError(t, node.Do(context.Background(), cmd).Error())
				}
			}
			broken := []string{
				"", "{", "[]", "null", "{}", "\x80", "\x93\xa1a\xc0\xc0", "\xdf\xff\xff\xff\xff", `{"type":99,"uid":"u","nsp":"/"}`, `{"type":-1}`,
				`{"type":3,"uid":"u","nsp":"/"}`, `{"type":3,"uid":"u","nsp":"/","data":{"packet":{"type":2,"data":{}},"opts":{}}}`,
				`{"type":6,"uid":"u","nsp":"/","data":{"opts":null,"close":true}}`, `{"type":6,"uid":"u","nsp":"/","data":{"opts":{"rooms":"room"},"close":true}}`,
				`{"type":4,"uid":"u","nsp":"/","data":{"opts":{"rooms":[["room"]]},"rooms":["x"]}}`, `{"type":7,"uid":"u","nsp":"/","data":{"opts":{"rooms":[]}}}`,
				`{"type":9,"uid":"u","nsp":"/","data":{"packet":{}}}`, envelope(t, event("e")) + "x",
			}
			say("socket.io#/#", broken...)
			n := int64(len(broken))
			eventually(t, "all are counted", func() bool { return missed.Load() == n && engine.Stats().Dropped == uint64(n) })

			// No gap: nothing is lost by these.
			say("socket.io#/#", "\xc1", "\xc1{}", "\xc1"+`{"type":6,"uid":"x","requestId":"r"}`, `{"type":8,"uid":"u","nsp":"/","data":{"requestId":"r","sockets":[]}}`,
				`{"type":1,"uid":"u","nsp":"/"}`, `{"type":13,"uid":"u","nsp":"/"}`)
			say("socket.io-peers#/#", "", "{", "\xc1", "\xc1{}")
			wrong := event("wrong", "room")
			wrong.Namespace = "/other"
			say("socket.io#/#room#", envelope(t, wrong))
			say("socket.io#/#", envelope(t, wrong), envelope(t, event("wrong", "nobody")))
			say("socket.io#/#nobody#", envelope(t, event("wrong", "nobody")))
			say("socket.io#/", envelope(t, event("wrong")))
			say("socket.io#/#", envelope(t, event("right", "room")))
			c.Expect("right")
			assert.Equal(t, "gaps", missed.Load(), n)
			assert.NoError(t, engine.Ready())
		})
	}
}
