package engine

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/internal/assert"
)

// TestAmends: after a pause a timer of a peer's gives as much time as that has
// taken, within bounds, and a bounded number of times.
func TestAmends(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		late  []time.Duration // of other timers, at 0.9 s
		after time.Duration   // when a timer of 1 s runs
	}{
		"no pause":    {nil, time.Second},
		"a busy CPU":  {[]time.Duration{lateFrom - 1}, time.Second},
		"a short one": {[]time.Duration{lateFrom}, 1900 * time.Millisecond},
		"3 s":         {[]time.Duration{3 * time.Second}, 3900 * time.Millisecond},
		"many":        {[]time.Duration{3 * time.Second, 2 * time.Second, lateFrom}, 3900 * time.Millisecond},
		"an hour":     {[]time.Duration{time.Hour}, 5900 * time.Millisecond},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := NewServer(nobody{}, &Options{PingTimeout: 5 * time.Second})
				start := time.Now()
				var after time.Duration
				timer := srv.AfterFunc(time.Second, func() { after = time.Since(start) })
				stopped := srv.AfterFunc(time.Second, func() { t.Error("stopped, and called") })
				assert.True(t, "stopped", stopped.Stop() && !stopped.Stop())
				<-time.After(900 * time.Millisecond)
				now := srv.time.now()
				for _, late := range tt.late {
					srv.time.noteTimer(now-clock(late), now)
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
			srv := NewServer(nobody{}, &Options{PingTimeout: 5 * time.Second})
			start, over := time.Now(), new(atomic.Bool)
			srv.AfterFunc(time.Second, func() { over.Store(true) })
			for !over.Load() {
				now := srv.time.now()
				srv.time.noteTimer(now-clock(time.Second), now)
				<-time.After(time.Second / 10)
			}
			took := time.Since(start)
			assert.True(t, "after "+took.String(), took > 5*time.Second && took <= (1+maxSpared)*time.Second+time.Second)
		})
	})
}

// TestPingsAfterPause: those that were sent while the process was stopped come at
// once. Their number is bounded nevertheless, and where nothing was stopped one more
// than the limit is too many.
func TestPingsAfterPause(t *testing.T) {
	t.Parallel()
	const limit = 10
	for name, tt := range map[string]struct {
		paused bool
		taken  int
	}{
		"no pause":    {false, limit},
		"always late": {true, (1 + maxSpared) * limit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := NewServer(nobody{}, &Options{ControlFrames: limit})
				c := newWebSocket(&Session{srv: srv}, accepted{}, nil, nil)
				c.writer.end = endQueued // what it would write does not matter
				taken := 0
				for ; taken < 100*limit; taken++ {
					if tt.paused {
						now := srv.time.now()
						srv.time.noteTimer(now-clock(time.Second), now)
					}
					if c.Ping(nil) != nil {
						break
					}
				}
				assert.Equal(t, "pings taken", taken, tt.taken)
			})
		})
	}
}
