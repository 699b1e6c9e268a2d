package session

import "sync"

// errands are what the goroutine that listens to the bus does not do itself:
// a store takes its time, and the next logout must be heard at once. They run a
// few at a time, the latest first. The zero value is ready.
type errands struct {
	mu      sync.Mutex
	waiting []func()
	running int
}

// mostErrands is how many run at a time. After an outage every live session is
// looked up, and the store has just come back.
const mostErrands = 8

func (e *errands) do(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting = append(e.waiting, f)
	if e.running < mostErrands {
		e.running++
		go e.run() // until nothing waits; each errand is bounded by patience
	}
}

func (e *errands) run() {
	done := false
	defer func() {
		if !done { // code of the application has called runtime.Goexit
			go e.run()
		}
	}()
	for f := e.next(); f != nil; f = e.next() {
		f()
	}
	done = true
}

// next is nil when nothing waits: then the goroutine ends.
func (e *errands) next() func() {
	e.mu.Lock()
	defer e.mu.Unlock()
	last := len(e.waiting) - 1
	if last < 0 {
		e.waiting = nil
		e.running--
		return nil
	}
	f := e.waiting[last]
	e.waiting[last] = nil
	e.waiting = e.waiting[:last]
	return f
}
