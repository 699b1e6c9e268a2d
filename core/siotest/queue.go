package siotest

import (
	"sync"
	"time"
)

// queue holds what has arrived and was not expected yet.
type queue[T any] struct {
	mu    sync.Mutex
	items []T
	ended bool
	ready chan struct{} // holds one
}

func newQueue[T any]() *queue[T] { return &queue[T]{ready: make(chan struct{}, 1)} }

func (q *queue[T]) put(v T) {
	q.mu.Lock()
	q.items = append(q.items, v)
	q.mu.Unlock()
	q.wake()
}

// end says that nothing comes any more.
func (q *queue[T]) end() {
	q.mu.Lock()
	q.ended = true
	q.mu.Unlock()
	q.wake()
}

func (q *queue[T]) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// next waits for an item. Without one, ended tells whether more can come.
func (q *queue[T]) next(timeout time.Duration) (v T, ok, ended bool) {
	t := time.NewTimer(timeout)
	defer t.Stop()
	for {
		q.mu.Lock()
		if len(q.items) > 0 {
			v = q.items[0]
			q.items = q.items[1:]
			q.mu.Unlock()
			return v, true, false
		}
		ended = q.ended
		q.mu.Unlock()
		if ended {
			q.wake() // for others that wait
			return v, false, true
		}
		select {
		case <-q.ready:
		case <-t.C:
			return v, false, false
		}
	}
}
