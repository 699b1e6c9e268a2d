//go:build e2e

package sioredis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// TestOutboxFull: what has no place while Redis is slow is refused, and a gap on all
// servers, whose connections are well.
func TestOutboxFull(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	engine := sioredis.New(&sioredis.Options{URL: "unix://" + redis.Addr, OutboxSize: 10_000})
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
	t.Cleanup(srv.Close)
	other := start(t, 1, socketio.Options{}, sioredis.Options{URL: "unix://" + redis.Addr})[0]
	lost, missed := gaps(srv, adapter.GapOutgoing), make(chan string, 10)
	other.OnGap(func(e socketio.GapEvent) { missed <- e.Err.Error() })
	c := siotest.Dial(t, other, siotest.Options{Timeout: patience})
	node := raw(t, redis)
	assert.NoError(t, node.Do(context.Background(), node.B().Arbitrary("CLIENT", "PAUSE", "1000", "ALL").Build()).Error())
	text := strings.Repeat("x", 1000)
	sent := 0
	for ; ; sent++ {
		err := srv.Emit("e", sent, text)
		if errors.Is(err, sioredis.ErrOutboxFull) {
			break
		}
		assert.NoError(t, err)
		if sent > 100 {
			t.Fatal("there is no end of place")
		}
	}
	for i := range sent {
		var n int
		c.Expect("e", &n)
		assert.Equal(t, "event", n, i)
	}
	assert.True(t, "the other server hears of it", strings.Contains(<-missed, "another server"))
	eventually(t, "so do the hooks here", func() bool { return lost.Load() == 1 })
	assert.Equal(t, "lost", engine.Stats().Lost, uint64(1))
	assert.ErrorIs(t, srv.Emit("e", strings.Repeat(text, 9_000)), sioredis.ErrTooLarge)
	assert.NoError(t, srv.Emit("last"))
	c.Expect("last")
}

// slow is a namespace that applies nothing until it is told to.
type slow struct {
	local
	free    chan struct{}
	applied atomic.Int64
	gaps    chan adapter.Gap
}

func (s *slow) Apply(*adapter.Operation) error { <-s.free; s.applied.Add(1); return nil }
func (s *slow) Gap(g adapter.Gap)              { s.gaps <- g }

// TestInboxFull: what has no place where it arrives is a gap, behind what had one.
func TestInboxFull(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	url := "unix://" + redis.Addr
	sender := sioredis.New(&sioredis.Options{URL: url}).Adapter(&local{applied: make(chan struct{}, window)})
	defer sender.Close()
	engine := sioredis.New(&sioredis.Options{URL: url, Mode: sioredis.ClassicByPattern, InboxSize: 10_000})
	s := &slow{local: local{has: true}, free: make(chan struct{}), gaps: make(chan adapter.Gap, 10)}
	receiver := engine.Adapter(s)
	defer receiver.Close()
	assert.NoError(t, sender.Publish(message()))
	s.free <- struct{}{} // behind all that was said when they met
	before := engine.Stats().Received
	const sent = 200
	for range sent {
		assert.NoError(t, sender.Publish(message()))
	}
	eventually(t, "all have come", func() bool { return engine.Stats().Received-before >= sent })
	close(s.free)
	g := <-s.gaps
	assert.Equal(t, "type", g.Type, adapter.GapIncoming)
	assert.True(t, "some have arrived", s.applied.Load() > 0)
	assert.Equal(t, "all are accounted for", fmt.Sprint(int(s.applied.Load())+g.Operations), fmt.Sprint(sent+1))
	assert.NoError(t, sender.Publish(message()))
	eventually(t, "it goes on", func() bool { return int(s.applied.Load())+g.Operations == sent+2 })
	select {
	case g := <-s.gaps:
		t.Errorf("one more gap: %+v", g)
	case <-time.After(50 * time.Millisecond):
	}
}

// TestWiring: options that cannot be say what to write.
func TestWiring(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]sioredis.Options{
		"a URL without a scheme": {URL: "localhost:6379"},
		"a URL of another kind":  {URL: "http://localhost"},
		"both":                   {URL: "redis://localhost", Client: rueidis.ClientOption{InitAddress: []string{"localhost:6379"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				text, _ := recover().(string)
				assert.True(t, "it says what to do: "+text, strings.HasPrefix(text, "socketio: sioredis.Options") &&
					(strings.Contains(text, ": write redis://") || strings.Contains(text, "set one of them")))
			}()
			sioredis.New(&o)
		})
	}
}

// TestTwoServers: an engine is for one server.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	engine := sioredis.New(&sioredis.Options{URL: "unix://" + redistest.Start(t).Addr})
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
	t.Cleanup(srv.Close)
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "socketio: ") {
			t.Errorf("the second server does not panic: %q", text)
		}
	}()
	socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
}

// TestNoLimit: without a limit an operation is as large as Redis takes it.
func TestNoLimit(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	node := raw(t, redis)
	assert.NoError(t, node.Do(t.Context(), node.B().Arbitrary("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0").Build()).Error())
	o := sioredis.Options{URL: "unix://" + redis.Addr, MaxSize: -1}
	l := &local{applied: make(chan struct{}, window), has: true}
	from := sioredis.New(&o)
	sender, receiver := from.Adapter(&local{applied: make(chan struct{}, window)}), sioredis.New(&o).Adapter(l)
	defer sender.Close()
	defer receiver.Close()
	op := message()
	op.Target.Rooms, op.Packet.Data, op.Packet.Attachments = nil, []byte(`[{"_placeholder":true,"num":0}]`), [][]byte{make([]byte, 70<<20)}
	assert.NoError(t, sender.Publish(op))
	lost := from.Stats().Lost
	eventually(t, "it arrives", func() bool {
		if now := from.Stats().Lost; now > lost && sender.Publish(op) == nil { // it took Redis too long, on a busy machine
			lost = now
		}
		return len(l.applied) > 0
	})
}
