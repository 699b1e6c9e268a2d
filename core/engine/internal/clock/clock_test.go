package clock

import (
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestTimer: after a pause a timer gives as much more time as the pause took, within
// bounds, and a bounded number of times.
func TestTimer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		late  []time.Duration // of other timers, at 0.9 s
		after time.Duration   // when a timer of 1 s runs
	}{
		"no pause":    {nil, time.Second},
		"a busy CPU":  {[]time.Duration{minLate - 1}, time.Second},
		"a short one": {[]time.Duration{minLate}, 1900 * time.Millisecond},
		"3 s":         {[]time.Duration{3 * time.Second}, 3900 * time.Millisecond},
		"many":        {[]time.Duration{3 * time.Second, 2 * time.Second, minLate}, 3900 * time.Millisecond},
		"an hour":     {[]time.Duration{time.Hour}, 5900 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := New(5 * time.Second)
				start := time.Now()
				var after time.Duration
				timer := k.AfterFunc(time.Second, func() { after = time.Since(start) })
				stopped := k.AfterFunc(time.Second, func() { t.Error("stopped, and called") })
				assert.True(t, "stopped", stopped.Stop() && !stopped.Stop())
				<-time.After(900 * time.Millisecond)
				now := k.Now()
				for _, late := range tt.late {
					k.NoteTimer(now-Time(late), now)
				}
				<-time.After(time.Minute)
				synctest.Wait()
				assert.Equal(t, "after", after, tt.after)
				assert.Equal(t, "expired", timer.Stop(), false)
				start = time.Now()
				timer.Reset(2 * time.Second)
				<-time.After(time.Minute)
				synctest.Wait()
				assert.Equal(t, "again after", after, 2*time.Second)
			})
		})
	}
	t.Run("always late", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			k := New(5 * time.Second)
			start, over := time.Now(), new(atomic.Bool)
			k.AfterFunc(time.Second, func() { over.Store(true) })
			for !over.Load() {
				now := k.Now()
				k.NoteTimer(now-Time(time.Second), now)
				<-time.After(time.Second / 10)
			}
			took := time.Since(start)
			assert.True(t, "after "+took.String(), took > 5*time.Second && took <= (1+MaxExtensions)*time.Second+time.Second)
		})
	})
}

// TestExtend: bytes that were not read give a peer more time, and only then.
func TestExtend(t *testing.T) {
	t.Parallel()
	for _, unread := range []bool{false, true} {
		k, extensions := New(0), uint8(0)
		for want := range MaxExtensions + 1 {
			more := k.Extend(1, 1, &extensions, func() bool { return unread })
			assert.Equal(t, "more", more == MinGrace, unread && want < MaxExtensions)
		}
	}
}

// TestAdd: a timeout without end does not end before it began.
func TestAdd(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "sum", Time(1).Add(2), 3)
	assert.Equal(t, "the largest", Time(2).Add(math.MaxInt64-1), math.MaxInt64)
}
