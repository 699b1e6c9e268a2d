package turns

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

const ms = time.Millisecond

// TestWait: when the turns come, whatever the rate.
func TestWait(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		perSecond int
		at        []time.Duration // of the calls
		waits     []time.Duration
	}{
		"slower than a burst": {2, []time.Duration{0, 0, 0, 900 * ms}, []time.Duration{0, 500 * ms, 1000 * ms, 600 * ms}},
		"bursts":              {40, []time.Duration{0, 0, 0, 0, 1000 * ms, 1000 * ms, 1000 * ms}, []time.Duration{0, 0, 30 * ms, 50 * ms, 0, 0, 30 * ms}},
		"steady":              {40, []time.Duration{0, 25 * ms, 50 * ms, 75 * ms}, []time.Duration{0, 0, 0, 0}},
		"one":                 {1, []time.Duration{0, 0}, []time.Duration{0, time.Second}},
		"more than can be":    {2e9, []time.Duration{0, 0}, []time.Duration{0, 0}},
		"no limit":            {0, []time.Duration{0, 0}, []time.Duration{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				turns, waits := New(tt.perSecond), make([]time.Duration, len(tt.at))
				start := time.Now()
				var all sync.WaitGroup
				for i, at := range tt.at {
					time.Sleep(at - time.Since(start))
					all.Go(func() {
						turns.Wait(t.Context(), context.Background())
						waits[i] = time.Since(start) - at
					})
					synctest.Wait()
				}
				all.Wait()
				assert.Equal(t, "waits", waits, tt.waits)
			})
		})
	}
}

// TestGivenUp: who gives up takes no turn from those behind, and leaves nothing.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns, start := New(10), time.Now()
		given, giveUp := context.WithCancel(t.Context())
		waited := make(chan time.Duration, 1)
		assert.True(t, "the first", turns.Wait(t.Context(), t.Context()))
		for range 1000 {
			go turns.Wait(given, t.Context())
		}
		synctest.Wait()
		go func() {
			turns.Wait(t.Context(), t.Context())
			waited <- time.Since(start)
		}()
		synctest.Wait()
		giveUp()
		synctest.Wait()
		turns.mu.Lock()
		assert.Equal(t, "wait", turns.waiting.Len(), 1)
		turns.mu.Unlock()
		assert.Equal(t, "waited", <-waited, 100*ms)
		time.Sleep(time.Second)
		turns.mu.Lock()
		assert.Equal(t, "ticks", turns.ticking, false)
		turns.mu.Unlock()
	})
}
