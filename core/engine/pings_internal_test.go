package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine/internal/clock"
	"github.com/gosio/gosio/internal/assert"
)

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
		"always late": {true, (1 + clock.MaxExtensions) * limit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := NewServer(nobody{}, &Options{ControlFrames: limit})
				c := newWebSocket(&Session{srv: &srv.shared}, accepted{}, nil)
				c.writer.end = endQueued // what it would write does not matter
				taken := 0
				for ; taken < 100*limit; taken++ {
					if tt.paused {
						now := srv.clock.Now()
						srv.clock.NoteTimer(now-clock.Time(time.Second), now)
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
