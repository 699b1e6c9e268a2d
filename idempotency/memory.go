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
// without an acknowledgement; a claim that nobody gives back ends with its lease. Make one
// with [NewMemory].
type Memory struct {
	opts MemoryOptions

	mu     sync.Mutex
	events map[string]*event
	claims list.List         // of *event, those that were claimed first in front
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
	until      time.Time     // of the claim, or of the record
	claim      *list.Element // in claims; nil: it is done
	all, scope *list.Element // in the queues; nil: it is claimed
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

// Begin implements [Store]. It fails only if ctx has ended: then nobody would give the
// claim back.
func (m *Memory) Begin(ctx context.Context, id ID, token string, lease time.Duration) (State, []byte, error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.expireLocked(now)
	if e := m.events[id.Key]; e != nil {
		switch {
		case !now.Before(e.until):
		case e.all != nil:
			return StateDone, e.record, nil
		case e.token != token:
			return StateBusy, nil, nil
		}
		m.forgetLocked(e)
	}
	e := &event{id: id, token: token, until: now.Add(lease)}
	e.claim = m.claims.PushBack(e)
	m.events[id.Key] = e
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
	default:
		m.claims.Remove(e.claim)
		e.claim = nil
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
	m.expireLocked(time.Now())
	return len(m.events)
}

// expireLocked forgets the claims and the records in front whose time is over.
func (m *Memory) expireLocked(now time.Time) {
	for _, line := range []*list.List{&m.claims, &m.done.List} {
		for front := line.Front(); front != nil; front = line.Front() {
			e := front.Value.(*event)
			if now.Before(e.until) {
				break
			}
			m.forgetLocked(e)
		}
	}
}

func (m *Memory) forgetLocked(e *event) {
	delete(m.events, e.id.Key)
	if e.claim != nil {
		m.claims.Remove(e.claim)
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
