package idempotency

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// MemoryOptions bounds a [Memory]. Zero means the documented default.
type MemoryOptions struct {
	// MaxBytes bounds what is kept of all events. Default: 64 MB.
	MaxBytes int
	// MaxScopeBytes bounds what is kept of one scope, so that what one client sends
	// pushes out its own records and not those of others. Default: a sixteenth of
	// MaxBytes.
	MaxScopeBytes int
}

// Memory is a [Store] in this process. Over its bounds, the record that was kept longest is
// forgotten: an event that is sent once more after that is handled once more. Claims are
// as few as the handlers that run, and for each scope 1,000 whose handlers have returned
// without an acknowledgement. Make one with [NewMemory].
type Memory struct {
	opts MemoryOptions

	mu     sync.Mutex
	events map[string]*event
	done   queue             // of all scopes
	scopes map[string]*queue // of each
}

var _ Store = (*Memory)(nil)

// overhead is what an event takes beside its record: its names, and its places.
const overhead = 400

// queue is of events that were handled, those that were first in front.
type queue struct {
	list.List
	bytes int
}

// event is claimed or done. Memory.mu guards it.
type event struct {
	id         ID
	token      string
	record     []byte
	until      time.Time // of the claim, or of the record
	all, scope *list.Element
}

func (e *event) size() int { return len(e.record) + overhead }

// NewMemory returns a store.
func NewMemory(o MemoryOptions) *Memory {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.MaxScopeBytes <= 0 {
		o.MaxScopeBytes = o.MaxBytes / 16
	}
	return &Memory{opts: o, events: make(map[string]*event), scopes: make(map[string]*queue)}
}

// Begin implements [Store]. It does not fail.
func (m *Memory) Begin(_ context.Context, id ID, token string, lease time.Duration) (State, []byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.expireLocked(now)
	switch e := m.events[id.Key]; {
	case e != nil && !now.Before(e.until):
		m.forgetLocked(e)
	case e != nil && e.all != nil:
		return StateDone, e.record, nil
	case e != nil && e.token != token:
		return StateBusy, nil, nil
	}
	m.events[id.Key] = &event{id: id, token: token, until: now.Add(lease)}
	return StateClaimed, nil, nil
}

// End implements [Store]. It does not fail.
func (m *Memory) End(_ context.Context, id ID, token string, record []byte, keep time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.events[id.Key]
	switch {
	case e == nil:
		e = &event{id: id}
		m.events[id.Key] = e
	case e.all != nil || e.token != token:
		return nil
	}
	e.record, e.until = record, time.Now().Add(keep)
	of := m.scopes[id.Scope]
	if of == nil {
		of = &queue{}
		m.scopes[id.Scope] = of
	}
	e.all, e.scope = m.done.PushBack(e), of.PushBack(e)
	m.done.bytes += e.size()
	of.bytes += e.size()
	for of.bytes > m.opts.MaxScopeBytes {
		m.forgetLocked(of.Front().Value.(*event))
	}
	for m.done.bytes > m.opts.MaxBytes {
		m.forgetLocked(m.done.Front().Value.(*event))
	}
	return nil
}

// Release implements [Store]. It does not fail.
func (m *Memory) Release(_ context.Context, id ID, token string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.events[id.Key]; e != nil && e.all == nil && e.token == token {
		m.forgetLocked(e)
	}
	return nil
}

// Len is the number of events that are claimed or kept.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.events)
}

// expireLocked forgets the records in front whose time is over.
func (m *Memory) expireLocked(now time.Time) {
	for front := m.done.Front(); front != nil; front = m.done.Front() {
		e := front.Value.(*event)
		if now.Before(e.until) {
			return
		}
		m.forgetLocked(e)
	}
}

func (m *Memory) forgetLocked(e *event) {
	delete(m.events, e.id.Key)
	if e.all == nil {
		return
	}
	m.done.Remove(e.all)
	m.done.bytes -= e.size()
	of := m.scopes[e.id.Scope]
	of.Remove(e.scope)
	of.bytes -= e.size()
	if of.Len() == 0 {
		delete(m.scopes, e.id.Scope)
	}
}
