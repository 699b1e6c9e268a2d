package sioredis

import (
	"context"
	"sync"

	"github.com/gosio/gosio/core/adapter"
)

// ticket is what somebody waits for: changes at one connection, or at several. The
// methods may be called of nil.
type ticket struct {
	node *node
	done chan struct{} // closed when all is confirmed, or is not

	mu   sync.Mutex
	left int   // changes that are not finished
	err  error // the first one; does not change after done
	late error // nobody waits any more: a gap
}

// newTicket returns a ticket with one change, the caller's. Without a node there is none.
func newTicket(n *node) *ticket {
	if n == nil {
		return nil
	}
	return &ticket{node: n, done: make(chan struct{}), left: 1}
}

func (t *ticket) add() {
	if t == nil {
		return
	}
	t.mu.Lock()
	t.left++
	t.mu.Unlock()
}

// finish ends one change. If nobody waits any more something may be missed.
func (t *ticket) finish(err error) {
	if t == nil {
		return
	}
	t.mu.Lock()
	if t.err == nil {
		t.err = err
	}
	t.left--
	over, gap := t.left == 0, t.late
	if t.err != nil {
		gap = nil // is reported when it is confirmed after all
	}
	if over {
		close(t.done)
	}
	t.mu.Unlock()
	if over && gap != nil {
		t.node.link.in.gap(t.node, adapter.Gap{Type: adapter.GapIncoming, Err: gap})
	}
}

// await waits for the ticket, until ctx ends.
func (t *ticket) await(ctx context.Context) error {
	select {
	case <-t.done:
		return t.err
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left == 0 {
		return t.err
	}
	t.late = errLate
	return context.Cause(ctx)
}
