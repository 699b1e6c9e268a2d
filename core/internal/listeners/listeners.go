// Package listeners has a list of functions that is read often and changed rarely.
package listeners

import (
	"slices"
	"sync"
	"sync/atomic"
)

// List is read without a lock; a change makes another list. The zero value is empty.
type List[F any] struct {
	mu  sync.Mutex
	all atomic.Pointer[[]*F] // nil: empty
}

// Add appends f and returns what takes it off again.
func (l *List[F]) Add(f F) (off func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &f
	all := append(slices.Clip(l.All()), p)
	l.all.Store(&all)
	return func() { l.remove(p) }
}

func (l *List[F]) remove(p *F) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(l.All()), func(o *F) bool { return o == p })
	if len(all) == 0 {
		l.all.Store(nil)
		return
	}
	l.all.Store(&all)
}

// Empty reports whether the list has no function.
func (l *List[F]) Empty() bool { return l.all.Load() == nil }

// All returns the functions, which must not be changed.
func (l *List[F]) All() []*F {
	if all := l.all.Load(); all != nil {
		return *all
	}
	return nil
}
