package session

import (
	"context"
	"sync"
)

// Event is what nodes tell each other of a session. Its JSON is stable:
// programs in other languages may send it, too.
type Event struct {
	// Session is the hash of the session's id: the first 16 bytes of its
	// SHA-256, as lower-case hex. Empty: events may have been missed; every live
	// session is checked, and no client that is away just now is recovered.
	Session string `json:"session,omitempty"`
	// RenewedAs is the new id of a session that lives on; empty: it has ended.
	RenewedAs string `json:"renewedAs,omitempty"`
}

// Bus carries events to all nodes of a cluster, this one included.
// [NewBus] is one for a single process, [NewClusterBus] one over the adapter of the
// servers, package session/redis one for servers that share nothing else.
type Bus interface {
	// Publish sends an event.
	Publish(ctx context.Context, e Event) error
	// Watch has f called with every event from now on, possibly concurrently. f
	// must return at once: the goroutine that calls f is the one that listens.
	Watch(f func(Event))
}

// localBus is the Bus of one process.
type localBus struct {
	mu       sync.Mutex
	watchers []func(Event)
}

// NewBus returns a bus for one process. Every [Sessions] has its own unless it
// is given one.
func NewBus() Bus { return &localBus{} }

// Publish implements [Bus].
func (b *localBus) Publish(_ context.Context, e Event) error {
	b.tell(e)
	return nil
}

// tell calls the watchers.
func (b *localBus) tell(e Event) {
	b.mu.Lock()
	watchers := b.watchers
	b.mu.Unlock()
	for _, f := range watchers {
		f(e)
	}
}

// Watch implements [Bus].
func (b *localBus) Watch(f func(Event)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers = append(b.watchers[:len(b.watchers):len(b.watchers)], f)
}
