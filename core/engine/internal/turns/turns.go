// Package turns spreads what many want to do at once over time.
package turns

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// burst is the time whose turns can be taken all at once: long enough that nobody waits on
// an ordinary day, short enough that the work of a burst holds nobody else up.
const burst = 50 * time.Millisecond

// tick is how often the callers that wait get the turns that have come. To wake the process
// for each turn costs more than a handshake (bench: connect, 346 us, and 129 with ticks of
// 50 ms; 10 ms measure the same); the clients that are connected notice the work of one tick.
const tick = 10 * time.Millisecond

// Turns gives so many turns a second. Make one with [New]; it may be used concurrently.
type Turns struct {
	every time.Duration // between two turns

	mu      sync.Mutex
	next    time.Time // of the next turn
	waiting list.List // of chan struct{}, the first first; a turn closes the channel
	ticking bool      // tick is going to be called
}

// New returns turns of which perSecond come in a second; zero and less: without limit.
func New(perSecond int) *Turns {
	t := new(Turns)
	if perSecond > 0 {
		t.every = max(time.Second/time.Duration(perSecond), 1)
	}
	return t
}

// Wait waits for a turn, in the order of the calls. It returns early if one of the
// contexts ends, and reports false then; others have the turn.
func (t *Turns) Wait(caller, owner context.Context) bool {
	if t.every == 0 {
		return true
	}
	place := t.join()
	if place == nil {
		return true
	}
	select {
	case <-place.Value.(chan struct{}):
		return true
	case <-caller.Done():
	case <-owner.Done():
	}
	t.leave(place)
	return false
}

// join takes a turn, and returns nil, or a place among those who wait.
func (t *Turns) join() *list.Element {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting.Len() == 0 && t.takeLocked(time.Now()) {
		return nil
	}
	if !t.ticking {
		t.ticking = true
		time.AfterFunc(tick, t.tick)
	}
	return t.waiting.PushBack(make(chan struct{}))
}

// leave gives a place up.
func (t *Turns) leave(place *list.Element) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting.Remove(place)
}

// takeLocked takes a turn, if it has come.
func (t *Turns) takeLocked(now time.Time) bool {
	if first := now.Add(t.every - max(burst, t.every)); t.next.Before(first) {
		t.next = first
	}
	if t.next.After(now) {
		return false
	}
	t.next = t.next.Add(t.every)
	return true
}

// tick gives the turns that have come to those who wait.
func (t *Turns) tick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for first := t.waiting.Front(); first != nil && t.takeLocked(now); first = t.waiting.Front() {
		close(t.waiting.Remove(first).(chan struct{}))
	}
	if t.ticking = t.waiting.Len() > 0; t.ticking {
		time.AfterFunc(tick, t.tick)
	}
}
