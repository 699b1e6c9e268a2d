//go:build e2e

package sioredis_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/rueidis"

	sioredis "github.com/gosio/gosio/adapters/redis"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/redistest"
)

// TestMasterLeaves: a master of a Redis Cluster leaves while many emit to namespaces that it
// has. What it did not get is reported, to the last event: others report for it.
func TestMasterLeaves(t *testing.T) {
	t.Parallel()
	var names, channels []string
	for i := range 3 {
		names = append(names, fmt.Sprint("/", i))
		channels = append(channels, "socket.io#"+names[i]+"#")
	}
	masters := redistest.ClusterAround(t, channels, "--cluster-allow-replica-migration", "no")
	first := masters[0]
	engine := sioredis.New(&sioredis.Options{Mode: sioredis.ShardedStatic, Client: rueidis.ClientOption{
		InitAddress: []string{first.Addr},
		DialCtxFn: func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			if addr != first.Addr { // so nothing is queued for the others, and then lost
				return nil, errors.New("it cannot be reached")
			}
			return d.DialContext(ctx, "tcp", addr)
		},
	}})
	srv := socketio.NewServer(&socketio.Options{Adapter: engine.Adapter})
	t.Cleanup(srv.Close)
	var failed, reported atomic.Int64
	report := func(e socketio.GapEvent) {
		if e.Type == adapter.GapOutgoing {
			reported.Add(int64(e.Operations))
		}
	}
	for i, name := range names {
		ns := srv.Of(name)
		ns.OnGap(report)
		var work sync.WaitGroup
		var over atomic.Bool
		for range 32 {
			work.Go(func() {
				for !over.Load() {
					if ns.Emit("e") != nil {
						failed.Add(1)
					} else {
						over.Store(true) // the first master has it now
					}
				}
			})
		}
		eventually(t, "events fail", func() bool { return failed.Load() > 0 })
		slot, from := redistest.Slot(t, masters, channels[i])
		assert.True(t, "it has a master of its own", from != first)
		redistest.MoveSlot(t, masters, slot, from, first)
		work.Wait()
	}
	eventually(t, "all masters that are left can be reached", func() bool { return engine.Ready() == nil })
	eventually(t, "all is reported", func() bool { return reported.Load() >= failed.Load() })
	assert.Equal(t, "events reported", reported.Load(), failed.Load())
	assert.Equal(t, "events counted", engine.Stats().Lost, uint64(failed.Load())) //nolint:gosec // not negative
}
