package siootel_test

import (
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/assert"
	siootel "github.com/gosio/gosio/observe/otel"
)

// alone is an adapter with nobody at the other end.
type alone struct{ adapter.Adapter }

func (alone) Close() error { return nil }

// Stats has another number for each of them.
func (alone) Stats() adapter.Stats {
	return adapter.Stats{
		Connected: true, Published: 1, Received: 2, Dropped: 3, Lost: 4, Outages: 5, Queued: 6, Waiting: 7, Subscriptions: 8, RoundTrip: 9 * time.Second,
	}
}

// TestClusterStats: what an adapter says of its engine.
func TestClusterStats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := start(t, siootel.Options{}, socketio.Options{Adapter: func(adapter.Local) adapter.Adapter { return alone{} }})
		got := sys.collect(t)
		for i, name := range []string{
			"ready", "published", "received", "messages.dropped", "operations.lost", "outages", "queue.messages", "queue", "subscriptions", "round_trip",
		} {
			assert.Equal(t, name, got["socketio.cluster."+name], float64(i))
		}
		assert.Equal(t, "connected", got["socketio.cluster.connected"], 1)
	})
}

// TestGaps: what an adapter has lost is counted, once for each outage.
func TestGaps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var local adapter.Local
		sys := start(t, siootel.Options{}, socketio.Options{
			Adapter: func(l adapter.Local) adapter.Adapter { local = l; return alone{} },
		})
		local.Gap(adapter.Gap{Type: adapter.GapIncoming, Operations: 9})
		local.Gap(adapter.Gap{Type: adapter.GapIncoming})
		local.Gap(adapter.Gap{Type: adapter.GapOutgoing})
		got := sys.collect(t)
		assert.Equal(t, "incoming", got["socketio.cluster.gaps incoming"], 2)
		assert.Equal(t, "outgoing", got["socketio.cluster.gaps outgoing"], 1)
		assert.Equal(t, "namespace", got["socketio.cluster.gaps /"], 3)
	})
}
