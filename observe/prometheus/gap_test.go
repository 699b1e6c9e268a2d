package sioprometheus_test

import (
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	sioprometheus "github.com/gosio/gosio/observe/prometheus"
)

// alone is an adapter with nobody at the other end.
type alone struct{ adapter.Adapter }

func (alone) Close() error { return nil }

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
