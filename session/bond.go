package session

import (
	"sync"
	"sync/atomic"
	"weak"
)

// bond says whether a client that comes back may recover its session. It is kept as
// long as recovery keeps the session, so it does not refer to the life.
type bond struct {
	key   atomic.Pointer[string] // the hash of the session's id; nil: anonymous
	ended atomic.Bool            // the session has ended: it was logged out, or a check has ended it
}

// holds reports whether a client that comes back may recover what its socket had. It
// may with the same session, and not with that of the next login, also if the store
// gives that session the same id.
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

// away holds the bonds of sockets that have disconnected, by the hash of the
// session's id. A logout ends these bonds, too, as the next login may have the same
// id. The references are weak, as only recovery knows for how long a client may come
// back. The zero value is ready.
type away struct {
	mu    sync.Mutex
	bonds map[string][]weak.Pointer[bond]
	count int // of bonds
	sweep int // the count at which bonds are dropped that recovery no longer keeps
}

// leastSweep is the least number of bonds that is swept.
const leastSweep = 64

// add stores a bond, so that a logout of its session ends it.
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

// sweepLocked drops the bonds that recovery no longer keeps. The next sweep comes at
// twice the number that is left, so that the cost per bond does not grow.
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

// end ends the bonds of a session that was logged out. An empty key means that
// logouts may have been missed; it ends all bonds, as the sessions are not known.
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
