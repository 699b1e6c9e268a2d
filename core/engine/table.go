package engine

import "sync"

// table holds the sessions of a server.
type table struct {
	mu       sync.Mutex
	sessions map[string]*Session // until their connections are closed
	reserved reserved            // ids of handshakes under way, of Options.GenerateID
	closed   bool                // no session is entered any more
	most     int                 // sessions; zero and less: no limit
	empty    chan struct{}       // closed when the table is closed and empty
}

func newTable() *table {
	return &table{sessions: make(map[string]*Session), empty: make(chan struct{})}
}

func (t *table) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.sessions)
}

func (t *table) get(id string) *Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sessions[id]
}

func (t *table) all() []*Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.allLocked()
}

func (t *table) allLocked() []*Session {
	all := make([]*Session, 0, len(t.sessions))
	for _, s := range t.sessions {
		all = append(all, s)
	}
	return all
}

// add enters a new session. It reports false if the table is closed, or full.
func (t *table) add(s *Session) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.isFullLocked() {
		return false
	}
	delete(t.reserved, s.id)
	t.sessions[s.id] = s
	return true
}

// remove takes a session out: it may be called more than once, and the id may be
// another session's by then.
func (t *table) remove(s *Session) {
	t.mu.Lock()
	if t.sessions[s.id] == s {
		delete(t.sessions, s.id)
	}
	t.signalEmptyLocked()
	t.mu.Unlock()
}

// close refuses new sessions from now on and returns those that are left.
func (t *table) close() []*Session {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.signalEmptyLocked()
	return t.allLocked()
}

func (t *table) isFull() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.isFullLocked()
}

func (t *table) isFullLocked() bool { return t.most > 0 && len(t.sessions) >= t.most }

func (t *table) isClosed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

func (t *table) signalEmptyLocked() {
	if !t.closed || len(t.sessions) > 0 {
		return
	}
	select {
	case <-t.empty:
	default:
		close(t.empty)
	}
}

// reserved holds the ids that handshakes under way have been given. Ids of our
// own need none of it: 16 random bytes do not come twice.
type reserved map[string]struct{}

// reserve reports whether the id was free.
func (t *table) reserve(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, taken := t.reserved[id]; taken || t.sessions[id] != nil {
		return false
	}
	if t.reserved == nil {
		t.reserved = make(reserved)
	}
	t.reserved[id] = struct{}{}
	return true
}

// unreserve gives an id free again that has come to no session.
func (t *table) unreserve(id string) {
	t.mu.Lock()
	delete(t.reserved, id)
	t.mu.Unlock()
}
