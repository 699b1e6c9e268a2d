// Package turns spreads what many want to do at once over time.
package turns

import (
	"context"
	"sync"
	"time"
)

// burst is the time whose turns can be taken all at once: long enough that nobody waits on
// an ordinary day, short enough that the work of a burst holds nobody else up.
const burst = 50 * time.Millisecond

// tick is the step of the times for which callers wait: those of one step wake together. To
// wake a server for each costs more than a handshake (bench: connect, 346 us, and 129 so).
const tick = burst

// Turns gives so many turns a second. Make one with [New]; it may be used concurrently.
type Turns struct {
	every time.Duration // between two turns

	mu   sync.Mutex
	next time.Time // of the next turn
}

// New returns turns of which perSecond come in a second; zero and less: without limit.
func New(perSecond int) *Turns {
	t := new(Turns)
	if perSecond > 0 {
		t.every = max(time.Second/time.Duration(perSecond), 1)
	}
	return t
}

// take returns how long the caller has to wait for its turn.
func (t *Turns) take(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if first := now.Add(t.every - max(burst, t.every)); t.next.Before(first) {
		t.next = first
	}
	wait := t.next.Sub(now)
	t.next = t.next.Add(t.every)
	return wait
}

// Wait waits for a turn, in the order of the calls. It returns early if one of the
// contexts ends, and reports false then; the turn is lost.
func (t *Turns) Wait(caller, owner context.Context) bool {
	if t.every == 0 {
		return true
	}
	wait := t.take(time.Now())
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer((wait + tick - 1).Truncate(tick))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-caller.Done():
	case <-owner.Done():
	}
	return false
}
