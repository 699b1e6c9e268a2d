package session

import (
	"sync"
	"sync/atomic"
	"weak"
)

// bond is what is left of a life while a client may come back: it is kept with
// what recovery keeps, so it refers to nothing else.
type bond struct {
	key   atomic.Pointer[string] // the hash of the session's id; nil: anonymous
	ended atomic.Bool            // not by the loss of the connection
}

// holds reports whether a client that comes back to what the socket had may have
// it: with the session it had, and not with the next login's, also if the store has
// given that the id of the one before.
func (b *bond) holds(next *life) bool {
	if next == nil || b.ended.Load() || next.bond.ended.Load() {
		return false
	}
	was, is := b.key.Load(), next.bond.key.Load()
	if was == nil || is == nil {
		return was == is
	}
	return *was == *is
}

// away are the bonds of sockets that are gone, by the hash of the session's id: a
// logout ends those, too, as the next login may have the same id. They are held
// weakly, as only recovery knows for how long a client may come back. The zero
// value is ready.
type away struct {
	mu    sync.Mutex
	bonds map[string][]weak.Pointer[bond]
	count int // of bonds
	sweep int // the count at which those are dropped that nobody keeps
}

// leastSweep is how many bonds are not worth a sweep.
const leastSweep = 64

// add has a bond hear of the end of its session.
func (a *away) add(key string, b *bond) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count >= max(a.sweep, leastSweep) {
		a.sweepLocked()
	}
	if a.bonds == nil {
		a.bonds = make(map[string][]weak.Pointer[bond])
	}
	a.bonds[key] = append(a.bonds[key], weak.Make(b))
	a.count++
}

// sweepLocked drops the bonds that nobody keeps any more. The next sweep is at
// twice of what is left, so that a bond costs the same however many there are.
func (a *away) sweepLocked() {
	a.count = 0
	for key, all := range a.bonds {
		var kept []weak.Pointer[bond]
		for _, b := range all {
			if b.Value() != nil {
				kept = append(kept, b)
			}
		}
		if a.bonds[key] = kept; kept == nil {
			delete(a.bonds, key)
		}
		a.count += len(kept)
	}
	a.sweep = 2 * a.count
}

// end ends the bonds of a session that was logged out. An empty key, when a logout
// may have been missed, ends all: nobody can tell for whom that was.
func (a *away) end(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if key != "" {
		a.endLocked(key)
		return
	}
	for key := range a.bonds {
		a.endLocked(key)
	}
}

func (a *away) endLocked(key string) {
	for _, w := range a.bonds[key] {
		if b := w.Value(); b != nil {
			b.ended.Store(true)
		}
	}
	a.count -= len(a.bonds[key])
	delete(a.bonds, key)
}
