//go:build e2e

package sioredis_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/redistest"
)

// local is a namespace without sockets, which counts.
type local struct {
	adapter.Local
	applied chan struct{}
	has     bool
}

func (l *local) Namespace() string              { return "/" }
func (l *local) HasRoom(string) bool            { return l.has }
func (l *local) Gap(adapter.Gap)                {}
func (l *local) Apply(*adapter.Operation) error { l.applied <- struct{}{}; return nil }

func message() *adapter.Operation {
	return &adapter.Operation{
		Type: adapter.OpBroadcast, Target: adapter.Target{Rooms: []string{"room"}},
		Packet: adapter.Packet{Data: []byte(`["message",{"text":"` + strings.Repeat("x", 150) + `"}]`)},
	}
}

// window is how many messages are under way.
const window = 4096

// benchModes are one of each family, both of which give everything to everybody.
var benchModes = map[string]sioredis.Mode{"classic": sioredis.ClassicByPattern, "sharded": sioredis.ShardedStatic}

// BenchmarkPublish is an operation from Publish until Redis has it; BenchmarkRaw is the
// client library alone, with the same batches.
func BenchmarkPublish(b *testing.B) {
	for name, mode := range benchModes {
		b.Run(name, func(b *testing.B) {
			redis := redistest.Start(b)
			engine := sioredis.New(&sioredis.Options{URL: "unix://" + redis.Addr, Mode: mode})
			a := engine.Adapter(&local{applied: make(chan struct{}, window)})
			defer a.Close()
			op := message()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				for a.Publish(op) != nil { // until there is room
				}
				if i%window == 0 {
					for engine.Stats().Waiting > window*300 { // until there is room
					}
				}
			}
			for engine.Stats().Waiting > 0 { // until there is room
			}
		})
	}
}

// BenchmarkEmit is an event from Emit until Redis has it, to a room that nobody is in.
func BenchmarkEmit(b *testing.B) {
	text := strings.Repeat("x", 180)
	for name, mode := range map[string]sioredis.Mode{"by room": sioredis.ClassicByRoom, "sharded": sioredis.ShardedDynamic, "streams": sioredis.Streams} {
		b.Run(name, func(b *testing.B) {
			redis := redistest.Start(b)
			engine := sioredis.New(&sioredis.Options{URL: "unix://" + redis.Addr, Mode: mode, Stream: sioredis.Stream{MaxLen: 1_000_000}})
			srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
			defer srv.Close()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				for srv.To("nobody").Emit("m", text) != nil { // until there is room
				}
				for i%window == 0 && engine.Stats().Waiting > 16<<20 { // until there is room
				}
			}
			for engine.Stats().Waiting > 0 { // until there is room
			}
		})
	}
}

func BenchmarkRaw(b *testing.B) {
	redis := redistest.Start(b)
	opts, _ := rueidis.ParseURL("unix://" + redis.Addr)
	client, err := rueidis.NewClient(opts)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	c, release := client.Dedicate()
	defer release()
	payload := strings.Repeat("x", 220)
	cmds := make(rueidis.Commands, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		if cmds = append(cmds, c.B().Publish().Channel("socket.io#/#room#").Message(payload).Build()); len(cmds) == 512 {
			c.DoMulti(context.Background(), cmds...)
			cmds = cmds[:0]
		}
	}
}

// BenchmarkReceive is a message from Redis until it is applied, or dropped because
// nobody is in its rooms.
func BenchmarkReceive(b *testing.B) {
	for family, mode := range benchModes {
		for _, bb := range []struct {
			name  string
			has   bool
			rooms int
		}{{"applied", true, 1}, {"nobody", false, 1}, {"applied of 3 rooms", true, 3}, {"nobody of 3 rooms", false, 3}} {
			b.Run(family+"/"+bb.name, func(b *testing.B) { benchmarkReceive(b, mode, bb.has, bb.rooms) })
		}
	}
}

func benchmarkReceive(b *testing.B, mode sioredis.Mode, has bool, rooms int) {
	redis := redistest.Start(b)
	o := sioredis.Options{URL: "unix://" + redis.Addr, Mode: mode}
	from, to := sioredis.New(&o), sioredis.New(&o)
	l := &local{applied: make(chan struct{}, 1<<20), has: has}
	sender, receiver := from.Adapter(&local{applied: make(chan struct{}, window)}), to.Adapter(l)
	defer sender.Close()
	defer receiver.Close()
	op := message()
	op.Target.Rooms = []string{"room", "room2", "room3"}[:rooms]
	first := to.Stats().Received
	b.ReportAllocs()
	n := uint64(0)
	for b.Loop() {
		_ = sender.Publish(op)
		if n++; n%window == 0 {
			for to.Stats().Received < first+n-window { // until there is room
			}
		}
		for len(l.applied) > 0 {
			<-l.applied
		}
	}
}

// BenchmarkSubscribe is a room's first join, from Join until it is confirmed, of many at
// the same time.
func BenchmarkSubscribe(b *testing.B) {
	for _, n := range []int{1, 64, 512} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			redis := redistest.Start(b)
			engine := sioredis.New(&sioredis.Options{URL: "unix://" + redis.Addr})
			a := engine.Adapter(&local{applied: make(chan struct{}, window)})
			defer a.Close()
			names := make([]string, n)
			for i := range names {
				names[i] = fmt.Sprintf("aaaaaaaaaaaaaaaaaaaa%d", i)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := a.(adapter.SocketSubscriber).SubscribeSockets(context.Background(), names); err != nil {
					b.Fatal(err)
				}
				a.(adapter.SocketSubscriber).UnsubscribeSockets(names)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/name")
		})
	}
}
