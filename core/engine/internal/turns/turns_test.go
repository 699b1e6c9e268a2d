package turns

import (
	"testing"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestTake: when the turns come, whatever the rate.
func TestTake(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		perSecond int
		at        []time.Duration // of the calls
		waits     []time.Duration
	}{
		"slower than a burst": {2, []time.Duration{0, 0, 0, 900 * ms}, []time.Duration{0, 500 * ms, 1000 * ms, 600 * ms}},
		"bursts":              {40, []time.Duration{0, 0, 0, 0, 1000 * ms, 1000 * ms, 1000 * ms}, []time.Duration{0, 0, 25 * ms, 50 * ms, 0, 0, 25 * ms}},
		"steady":              {40, []time.Duration{0, 25 * ms, 50 * ms, 75 * ms}, []time.Duration{0, 0, 0, 0}},
		"one":                 {1, []time.Duration{0, 0}, []time.Duration{0, time.Second}},
		"more than can be":    {2e9, []time.Duration{0, 0}, []time.Duration{0, 0}},
	} {
		turns, start := New(tt.perSecond), time.Now()
		for i, at := range tt.at {
			assert.Equal(t, name, max(turns.take(start.Add(at)), 0), tt.waits[i])
		}
	}
}

const ms = time.Millisecond
