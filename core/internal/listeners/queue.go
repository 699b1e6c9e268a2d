package listeners

import (
	"sync"
	"sync/atomic"
)

// Queue holds events until listeners have heard of them: of one after another, in their
// order, by one goroutine at a time. The zero value is empty. The caller's lock guards a
// Queue, but for Waiting.
type Queue[E any] struct {
	events  []E
	waiting atomic.Bool // events has some
	telling bool        // a goroutine is in Tell
}

// Add appends an event.
func (q *Queue[E]) Add(e E) {
	q.events = append(q.events, e)
	q.waiting.Store(true)
}

// Waiting reports whether there is an event that nobody has heard of. It needs no lock.
func (q *Queue[E]) Waiting() bool { return q.waiting.Load() }

// Tell calls tell with each event, unless another goroutine does so: then that one goes
// on with what there is. mu, the lock that guards the queue, is not held by the caller,
// nor while tell runs. When tell ends the goroutine, by runtime.Goexit or a panic,
// another goroutine goes on.
func (q *Queue[E]) Tell(mu sync.Locker, tell func(E)) {
	mu.Lock()
	if q.telling {
		mu.Unlock()
		return
	}
	q.telling = true
	mu.Unlock()
	q.tellAll(mu, tell)
}

// tellAll is Tell for the goroutine that tells.
func (q *Queue[E]) tellAll(mu sync.Locker, tell func(E)) {
	returned := false
	defer func() {
		if !returned {
			go q.tellAll(mu, tell) // until the queue is empty
		}
	}()
	for {
		mu.Lock()
		if len(q.events) == 0 {
			q.events, q.telling = nil, false
			q.waiting.Store(false)
			mu.Unlock()
			returned = true
			return
		}
		event := q.events[0]
		q.events = q.events[1:]
		mu.Unlock()
		tell(event)
	}
}
