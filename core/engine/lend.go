package engine

import (
	"sync/atomic"
	"time"
)

// A WebSocket's reader runs the handlers of what it has read by itself, and
// writes what they have sent: no other goroutine has to be woken for an event
// that is handled at once, as most are. Meanwhile the reader is lent to the
// application. When that takes longer than one to two lendTicks, or the
// application says that it is going to wait, another goroutine takes over
// reading, and the first one ends when the application gives it back.
// (The Go scheduler does the same with threads in system calls.)
//
// While a reader is lent, what is sent to its session waits for the handler's
// end, or for the takeover, to leave with one write.

const (
	// lendTick is how often lent readers are looked at, and how long at most
	// writing is deferred for readers at work.
	lendTick = 4 * time.Millisecond
	// lendTicks is how often they are, before the timer rests until the next
	// reader is lent, or something is deferred.
	lendTicks = 250
	// lendSlots is how many readers can be lent at a time; events of further
	// ones are handled on goroutines of their own.
	lendSlots = 64
)

// lending holds the connections whose readers are lent.
type lending struct {
	slots   [lendSlots]lendSlot
	next    atomic.Uint32 // where a connection first looks for a slot
	ticking atomic.Bool

	flushers *flushers // startDeferred is called at each tick

	// Owned by the timer.
	timer *time.Timer
	ticks int
	seen  [lendSlots]uint64 // the lease that was in the slot at the last tick
}

// lendSlot has a cache line for itself: readers on other cores do not wait for it.
type lendSlot struct {
	atomic.Pointer[wsConn]
	_ [64 - 8]byte
}

// lease counts how often a connection's reader was lent, times two: it is odd while the
// reader is lent. The goroutine that changes it from odd to even reads next.
type lease struct {
	n    atomic.Uint64
	slot uint32 // the slot of the last lending; belongs to the goroutine that changes n
}

func (l *lease) lent() bool { return l.n.Load()&1 == 1 }

// lend gives a reader that is lent a slot, and returns the number of the lending. It
// reports false if no slot is free.
func (l *lending) lend(c *wsConn) (n uint64, ok bool) {
	at := c.writer.lease.slot
	if c.writer.lease.n.Load() == 0 {
		at = l.next.Add(1)
	}
	for i := range uint32(8) {
		slot := (at + i) % lendSlots
		if !l.slots[slot].CompareAndSwap(nil, c) {
			continue
		}
		c.writer.lease.slot = slot
		n = c.writer.lease.n.Add(1)
		l.start()
		return n, true
	}
	return 0, false
}

// start runs the timer, unless it runs.
func (l *lending) start() {
	if l.ticking.Load() || !l.ticking.CompareAndSwap(false, true) {
		return
	}
	l.ticks = 0
	if l.timer == nil {
		l.timer = time.AfterFunc(time.Hour, l.tick) // known before it runs: tick resets it
	}
	l.timer.Reset(lendTick)
}

// tick starts another reader for each connection whose reader was lent at the last tick
// already, and starts the flushers that were deferred.
func (l *lending) tick() {
	l.flushers.startDeferred()
	busy := false
	for i := range l.slots {
		c := l.slots[i].Load()
		if c == nil {
			continue
		}
		busy = true
		if n := c.writer.lease.n.Load(); n&1 == 1 && l.seen[i] == n {
			c.takeOver(n)
		} else {
			l.seen[i] = n
		}
	}
	if l.ticks++; l.ticks < lendTicks || busy {
		l.timer.Reset(lendTick)
		return
	}
	l.ticking.Store(false)
	if l.flushers.anyDeferred.Load() {
		l.start()
		return
	}
	for i := range l.slots { // lent between the look and the store
		if l.slots[i].Load() != nil {
			l.start()
			return
		}
	}
}
