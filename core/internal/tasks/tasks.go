// Package tasks counts what has to end before a server has: a [sync.WaitGroup] whose
// Wait has a context, and which may be waited for while tasks begin.
package tasks

import (
	"context"
	"sync"
	"sync/atomic"
)

// Group counts tasks. The zero value has none.
type Group struct {
	n    atomic.Int64
	mu   sync.Mutex
	idle chan struct{} // made by Wait, closed when n becomes 0
}

// Add counts a task that begins.
func (g *Group) Add() { g.n.Add(1) }

// Done counts a task that has ended.
func (g *Group) Done() {
	if g.n.Add(-1) > 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// Wait returns when no task is left, or with the error of ctx when that ends first.
func (g *Group) Wait(ctx context.Context) error {
	for {
		g.mu.Lock()
		if g.n.Load() == 0 {
			g.mu.Unlock()
			return nil
		}
		if g.idle == nil {
			g.idle = make(chan struct{})
		}
		idle := g.idle
		g.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
