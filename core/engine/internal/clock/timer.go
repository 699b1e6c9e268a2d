package clock

import (
	"math"
	"sync"
	"time"
)

// Timer calls a function when a peer has not done in time what was waited for. Its
// methods may be called concurrently.
type Timer struct {
	clock *Clock
	f     func()

	mu         sync.Mutex
	timer      *time.Timer
	due        Time
	extensions uint8
}

// AfterFunc is [time.AfterFunc] with more time for a peer if the timer is late.
func (k *Clock) AfterFunc(d time.Duration, f func()) *Timer {
	t := &Timer{clock: k, f: f, due: k.In(d)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = time.AfterFunc(d, t.expire)
	return t
}

// Stop prevents the call. It reports false if the timer was stopped before, or
// has expired.
func (t *Timer) Stop() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.due = math.MaxInt64
	return t.timer.Stop()
}

// Reset makes the timer expire after d.
func (t *Timer) Reset(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.due, t.extensions = t.clock.In(d), 0
	t.timer.Reset(d)
}

func (t *Timer) expire() {
	t.mu.Lock()
	now := t.clock.Now()
	if now < t.due { // stopped, or reset meanwhile
		t.mu.Unlock()
		return
	}
	if more := t.clock.Extend(t.due, now, &t.extensions, nil); more > 0 {
		t.due = now.Add(more)
		t.timer.Reset(more)
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	t.f()
}
