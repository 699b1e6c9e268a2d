package lease

import (
	"container/list"
	"sync"
	"time"
)

// The limits of a [Queue].
const (
	// AtOnce is how many functions of [Queue.Add] and [Queue.AddUrgent] run at once.
	AtOnce = 16
	// AtExpiry is how many checks of expired credentials run at once, beside those.
	AtExpiry = 256
	// Margin is how long after [Patience] a function that has not returned is
	// abandoned.
	Margin = time.Second
	// MaxAbandoned is the number of abandoned functions still running at which the
	// queue starts no function any more.
	MaxAbandoned = 256
)

// Queue runs functions that wait for a store, [AtOnce] of them at a time: a store
// that is slow, or is back after an outage, is not asked about all sockets at
// once, and who adds a function does not wait. Its goroutines end when nothing is
// queued. The zero value is ready. Its methods may be called concurrently.
//
// Go cannot end a function that does not return. Such a function is abandoned
// [Margin] after [Patience]: it goes on, and the next function takes its place.
// While [MaxAbandoned] of them are running, all others are refused. So the queue
// never has more than MaxAbandoned + AtOnce + AtExpiry goroutines.
type Queue struct {
	// Report, if not nil, is called for each function that is abandoned, and for each
	// that is refused, with the number of abandoned functions that are running. It is
	// called concurrently, and must be set before the first function is added.
	Report func(abandoned int, refused bool)

	mu        sync.Mutex
	expired   list.List // of *entry: the checks of expired credentials
	urgent    list.List // of *entry
	waiting   list.List // of *entry
	atExpiry  int       // how many of expired are running
	atOnce    int       // how many of urgent and waiting are running
	abandoned int       // how many abandoned functions are running
}

// entry is a function that waits for its turn, or runs.
type entry struct {
	run, refused func()
	in           *list.List    // nil: the entry does not wait any more
	at           *list.Element // in that list
	place        *int          // the count of running functions that has this one; nil: it was abandoned
}

// Add queues run behind all others. When too many functions were abandoned the
// queue calls refused instead, which must not wait for anything.
func (q *Queue) Add(run, refused func()) { q.add(&q.waiting, run, refused) }

// AddUrgent is Add for a function that comes before those of [Queue.Add].
func (q *Queue) AddUrgent(run, refused func()) { q.add(&q.urgent, run, refused) }

func (q *Queue) add(to *list.List, run, refused func()) *entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := &entry{run: run, refused: refused, in: to}
	e.at = to.PushBack(e)
	q.startLocked()
	return e
}

// drop takes an entry out of the queue, if it still waits. e may be nil.
func (q *Queue) drop(e *entry) {
	if e == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	e.takeLocked()
}

// takeLocked takes an entry out of its list.
func (e *entry) takeLocked() {
	if e.in != nil {
		e.in.Remove(e.at)
		e.in, e.at = nil, nil
	}
}

// startLocked starts the functions for which there is a place.
func (q *Queue) startLocked() {
	for q.atExpiry < AtExpiry && q.expired.Len() > 0 {
		q.runLocked(&q.expired, &q.atExpiry)
	}
	for q.atOnce < AtOnce {
		switch {
		case q.urgent.Len() > 0:
			q.runLocked(&q.urgent, &q.atOnce)
		case q.waiting.Len() > 0:
			q.runLocked(&q.waiting, &q.atOnce)
		default:
			return
		}
	}
}

// runLocked starts the first function of a list.
func (q *Queue) runLocked(from *list.List, place *int) {
	e := from.Front().Value.(*entry)
	e.takeLocked()
	e.place = place
	*place++
	f := e.run
	if abandoned := q.abandoned; abandoned >= MaxAbandoned {
		f = func() {
			q.report(abandoned, true)
			e.refused()
		}
	}
	go q.run(e, f) // until f returns; the queue counts those that do not
}

func (q *Queue) report(abandoned int, refused bool) {
	if q.Report != nil {
		q.Report(abandoned, refused)
	}
}

func (q *Queue) run(e *entry, f func()) {
	timer := time.AfterFunc(Patience+Margin, func() { q.abandon(e) })
	defer func() { // also after runtime.Goexit in the application's code
		timer.Stop()
		q.ended(e)
	}()
	f()
}

// abandon gives the place of a function to the next one.
func (q *Queue) abandon(e *entry) {
	q.mu.Lock()
	if e.place == nil { // it has returned meanwhile
		q.mu.Unlock()
		return
	}
	*e.place--
	e.place = nil
	q.abandoned++
	abandoned := q.abandoned
	q.startLocked()
	q.mu.Unlock()
	q.report(abandoned, false)
}

// ended is called when a function has returned, or has ended its goroutine.
func (q *Queue) ended(e *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.place == nil {
		q.abandoned--
	} else {
		*e.place--
		e.place = nil
	}
	q.startLocked()
}
