package sioprometheus_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	sioprometheus "github.com/gosio/gosio/observe/prometheus"
)

// alone is an adapter with nobody at the other end.
type alone struct{ adapter.Adapter }

func (alone) Close() error                     { return nil }
func (alone) Publish(*adapter.Operation) error { return nil }
func (alone) Request(context.Context, *adapter.Operation, func(*adapter.Response)) (func() error, error) {
	return func() error { return nil }, nil
}

// Stats has another number for each of them.
func (alone) Stats() adapter.Stats {
	return adapter.Stats{
		Connected: true, Published: 1, Received: 2, Dropped: 3, Lost: 4, Outages: 5, Queued: 6, Waiting: 7, Subscriptions: 8, RoundTrip: 9 * time.Millisecond,
	}
}

// TestClusterStats: what an adapter says of its engine.
func TestClusterStats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := start(t, sioprometheus.Options{}, socketio.Options{Adapter: func(adapter.Local) adapter.Adapter { return alone{} }})
		second := socketio.NewServer(&socketio.Options{Observer: sys.metrics, Adapter: func(adapter.Local) adapter.Adapter { return alone{} }})
		defer second.Close()
		sys.expect(t, map[string]float64{
			"cluster_connected": 2, "cluster_ready": 0, "cluster_published_total": 2, "cluster_received_total": 4, "cluster_messages_dropped_total": 6,
			"cluster_operations_lost_total": 8, "cluster_outages_total": 10, "cluster_queue_messages": 12, "cluster_queue_bytes": 14, "cluster_subscriptions": 16,
			"cluster_round_trip_seconds": .009,
		})
	})
}

// TestGaps: what an adapter has lost is counted, once for each outage.
func TestGaps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var local adapter.Local
		sys := start(t, sioprometheus.Options{}, socketio.Options{
			Adapter: func(l adapter.Local) adapter.Adapter { local = l; return alone{} },
		})
		local.Gap(adapter.Gap{Type: adapter.GapIncoming, Operations: 9})
		local.Gap(adapter.Gap{Type: adapter.GapIncoming})
		local.Gap(adapter.Gap{Type: adapter.GapOutgoing})
		sys.expect(t, map[string]float64{
			`cluster_gaps_total{namespace="/",type="incoming"}`: 2,
			`cluster_gaps_total{namespace="/",type="outgoing"}`: 1,
		})
	})
}
