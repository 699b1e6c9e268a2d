//go:build e2e

package sioredis_test

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// TestMarksAreBounded: what marks of losses take while Redis is away does not grow with
// what is lost, also when namespaces lose something in turn. The others hear of each loss
// in its place: in front of what is not lost, and behind it.
func TestMarksAreBounded(t *testing.T) {
	t.Parallel()
	const size = 64 << 10
	redis := redistest.Start(t)
	p := newProxy(t, redis.Addr)
	quiet := slog.New(slog.DiscardHandler)
	engine := sioredis.New(&sioredis.Options{
		URL: "redis://" + p.Addr().String(), Mode: sioredis.Streams, OutboxSize: size, Stream: sioredis.Stream{Patience: 5 * time.Second},
	})
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter, Logger: quiet})
	t.Cleanup(srv.Close)
	hears := sioredis.New(&sioredis.Options{URL: "unix://" + redis.Addr, Mode: sioredis.Streams})
	other := socketio.NewServer(&socketio.Options{Adapter: hears.Adapter, Logger: quiet})
	t.Cleanup(other.Close)
	senders := []*socketio.Namespace{srv.Namespace, srv.Of("/chat")}
	var missed [2]atomic.Int64
	for i, ns := range []*socketio.Namespace{other.Namespace, other.Of("/chat")} {
		ns.OnGap(func(e socketio.GapEvent) {
			if e.Type == adapter.GapIncoming {
				missed[i].Add(1)
			}
		})
	}
	emit := func(times int) (full int) {
		for range times {
			for _, ns := range senders {
				if err := ns.Emit("e"); errors.Is(err, sioredis.ErrOutboxFull) {
					full++
				}
			}
		}
		return full
	}

	p.cut(true)
	eventually(t, "Redis is away", func() bool { return engine.Ready() != nil })
	assert.Equal(t, "have no place", emit(60), 0)
	late := time.NewTimer(5500 * time.Millisecond) // than Patience
	<-late.C
	assert.True(t, "some have no place", emit(3000) > 3000) // in much less than Patience
	if waiting := engine.Stats().Waiting; waiting > size+size/4 {
		t.Errorf("%d bytes wait, of at most %d", waiting, size)
	}
	p.cut(false)
	eventually(t, "all is sent", func() bool { s := engine.Stats(); return s.Connected && s.Queued == 0 })
	eventually(t, "both namespaces hear of both losses", func() bool { return missed[0].Load() > 1 && missed[1].Load() > 1 })
	if a, b := missed[0].Load(), missed[1].Load(); a != 2 || b != 2 {
		t.Errorf("%d and %d gaps for two losses", a, b)
	}
}
