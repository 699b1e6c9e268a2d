package adapter

import (
	"context"
	"sync"
	"time"
)

// Answerer keeps the requests of other servers that this server answers: it numbers
// the responses, and ends the work for a request when nobody waits for the answer any
// more. The zero value is ready. Its methods may be called concurrently.
type Answerer struct {
	mu        sync.Mutex
	closed    bool
	answering map[*question]context.CancelFunc // by identity: a request may come twice
}

// question is a request of another server.
type question struct{ from, id string }

// longest is how long a request without Timeout is answered.
const longest = 10 * time.Minute

// Answer has local answer the request of that id which the server from has made, by
// [Local.Respond]. Call it where operations are applied: the two have one order. It
// calls send for each response, one call at a time, until nobody waits any more; part
// is for [Collector.Response] of the server that asks. An error means that there is no
// answer.
func (a *Answerer) Answer(local Local, from, id string, op *Operation, send func(part int, r *Response)) error {
	timeout := op.Timeout
	if timeout <= 0 {
		timeout = longest
	}
	q := &question{from, id}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		cancel()
		return nil
	}
	if a.answering == nil {
		a.answering = make(map[*question]context.CancelFunc)
	}
	a.answering[q] = cancel
	a.mu.Unlock()
	context.AfterFunc(ctx, func() { a.forget(q) })
	part := 0
	err := local.Respond(ctx, op, func(r *Response) {
		if ctx.Err() == nil {
			send(part, r)
		}
		part++
		if r.Last {
			cancel()
		}
	})
	if err != nil {
		cancel()
	}
	return err
}

func (a *Answerer) forget(q *question) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.answering, q)
}

// GiveUp ends the work for a request: the server that has made it waits no more.
func (a *Answerer) GiveUp(from, id string) {
	a.end(func(q question) bool { return q == question{from, id} })
}

// Left ends the work for all requests of a server that has left.
func (a *Answerer) Left(server string) {
	a.end(func(q question) bool { return q.from == server })
}

// Close ends the work for all requests, also for those that come later.
func (a *Answerer) Close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.end(func(question) bool { return true })
}

// end cancels requests. No lock is held while a context ends: what waits for it runs.
func (a *Answerer) end(which func(question) bool) {
	var cancels []context.CancelFunc
	a.mu.Lock()
	for q, cancel := range a.answering {
		if which(*q) {
			cancels = append(cancels, cancel)
		}
	}
	a.mu.Unlock()
	for _, cancel := range cancels {
		cancel()
	}
}
