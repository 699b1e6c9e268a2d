package admin

import (
	"context"
	"sync"
	"time"
)

// Sessions stores logins. Its methods are called concurrently, and must return when ctx
// ends. An id is 32 hexadecimal digits, and a secret.
type Sessions interface {
	// Save stores a session of a user for a time.
	Save(ctx context.Context, id, user string, lifetime time.Duration) error
	// User returns the user of a session; ok is false if there is no such session. An
	// error refuses the client as an unknown session does.
	User(ctx context.Context, id string) (user string, ok bool, err error)
}

// maxSessions bounds the sessions in memory: the UI makes a new one each time it
// connects again without a reload. The oldest goes first.
const maxSessions = 1000

// memory is the Sessions of one server.
type memory struct {
	mu    sync.Mutex
	of    map[string]login
	order []string // of Save
}

type login struct {
	user  string
	until time.Time
}

// Save implements Sessions.
func (m *memory) Save(_ context.Context, id, user string, lifetime time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = make(map[string]login)
	}
	if len(m.order) == maxSessions {
		delete(m.of, m.order[0])
		m.order = append(m.order[:0], m.order[1:]...)
	}
	m.of[id] = login{user, time.Now().Add(lifetime)}
	m.order = append(m.order, id)
	return nil
}

// User implements Sessions.
func (m *memory) User(_ context.Context, id string) (string, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, ok := m.of[id]
	if !ok || !time.Now().Before(l.until) {
		return "", false, nil
	}
	return l.user, true, nil
}
