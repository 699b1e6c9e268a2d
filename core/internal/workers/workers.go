// Package workers runs tasks on goroutines that are used again while their stacks are
// grown. A new goroutine begins with a stack of 2 KB, and a handler that decodes,
// calls by reflection and emits has the runtime copy that stack again and again: 9 % of
// the CPU time of a polling echo (polling-echo in bench/).
package workers

import (
	"sync"
	"time"
)

const (
	// maxIdle is how many goroutines wait for a task at most.
	maxIdle = 32
	// maxIdleTime is how long a goroutine without a task stays at most.
	maxIdleTime = 250 * time.Millisecond
)

// Task is what a goroutine runs. It may block, panic or end the goroutine as any
// function that is started with go.
type Task interface{ Run() }

// Pool starts goroutines, and keeps for a moment those that have no task left. The
// zero value is ready. Its methods may be called concurrently.
type Pool struct {
	mu     sync.Mutex
	idle   []chan Task // what each idle goroutine receives from: nil ends it
	timer  *time.Timer // runs endIdle; made on demand
	armed  bool        // the timer runs
	closed bool
}

// Go runs a task on a goroutine of its own.
func (p *Pool) Go(t Task) {
	p.mu.Lock()
	last := len(p.idle) - 1
	if last < 0 {
		p.mu.Unlock()
		go p.run(t)
		return
	}
	tasks := p.idle[last] // its stack is the likeliest to be in a cache
	p.idle = p.idle[:last]
	p.mu.Unlock()
	tasks <- t
}

// Close ends the idle goroutines. Tasks that run, and those given to Go later, run to
// their end, and their goroutines end with them.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.endIdleLocked()
}

// run runs one task after another.
func (p *Pool) run(t Task) {
	t.Run()
	tasks := make(chan Task, 1)
	for p.rest(tasks) {
		if t = <-tasks; t == nil {
			return
		}
		t.Run()
	}
}

// rest lists a goroutine as idle. It reports false if the goroutine has to end.
func (p *Pool) rest(tasks chan Task) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) == maxIdle {
		return false
	}
	p.idle = append(p.idle, tasks)
	if !p.armed {
		p.armed = true
		if p.timer == nil {
			p.timer = time.AfterFunc(maxIdleTime, p.endIdle)
		} else {
			p.timer.Reset(maxIdleTime)
		}
	}
	return true
}

// endIdle ends all idle goroutines: those that are needed come back with their next
// task.
func (p *Pool) endIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endIdleLocked()
}

func (p *Pool) endIdleLocked() {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.armed = false
	for _, tasks := range p.idle {
		tasks <- nil
	}
	clear(p.idle)
	p.idle = p.idle[:0]
}
