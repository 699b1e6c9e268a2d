package lease

import "sync"

// AtOnce is how many functions of a [Queue] run at once.
const AtOnce = 16

// Queue runs functions that wait for a store, [AtOnce] of them at a time: a store
// that is slow, or is back after an outage, is not asked about all sockets at
// once, and who adds a function does not wait. Its goroutines end when nothing is
// queued. The zero value is ready. Its methods may be called concurrently.
type Queue struct {
	mu      sync.Mutex
	urgent  []func()
	waiting []func()
	workers int
}

// Add queues a function behind all others.
func (q *Queue) Add(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, f)
	q.wakeLocked()
}

// AddUrgent queues a function before those of [Queue.Add].
func (q *Queue) AddUrgent(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.urgent = append(q.urgent, f)
	q.wakeLocked()
}

func (q *Queue) wakeLocked() {
	if q.workers < AtOnce {
		q.workers++
		go q.work() // until nothing is queued; each function bounds its own time
	}
}

func (q *Queue) work() {
	done := false
	defer func() {
		if !done { // the application's code has called runtime.Goexit
			go q.work()
		}
	}()
	for f := q.next(); f != nil; f = q.next() {
		f()
	}
	done = true
}

// next returns the function to run. After nil the worker must end.
func (q *Queue) next() func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	from := &q.urgent
	if len(q.urgent) == 0 {
		from = &q.waiting
	}
	if len(*from) == 0 {
		q.urgent, q.waiting = nil, nil
		q.workers--
		return nil
	}
	f := (*from)[0]
	(*from)[0] = nil
	*from = (*from)[1:]
	return f
}
