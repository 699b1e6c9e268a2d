package session

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"sync"
	"time"
)

// Memory is a store in memory, for tests and for applications of one process whose
// sessions may be lost when the process ends. Its methods may be called
// concurrently.
type Memory struct {
	cookie string
	life   time.Duration

	mu       sync.Mutex
	sessions map[string]*entry
	swept    time.Time
}

type entry struct {
	values map[string]any
	saved  int // how often values was replaced
	until  time.Time
}

var (
	_ Provider  = (*Memory)(nil)
	_ Reloader  = (*Memory)(nil)
	_ Toucher   = (*Memory)(nil)
	_ Updater   = (*Memory)(nil)
	_ Destroyer = (*Memory)(nil)
)

// NewMemory returns an empty store. cookie is the name of the cookie that
// carries a session's id; life is how long a session lives after its last use.
func NewMemory(cookie string, life time.Duration) *Memory {
	if (&http.Cookie{Name: cookie}).Valid() != nil || life <= 0 {
		panic("session: NewMemory needs the name of a cookie and a time to live")
	}
	return &Memory{cookie: cookie, life: life, sessions: make(map[string]*entry), swept: time.Now()}
}

// Create begins a session and returns its id. Do so at every login, and end
// the session that was there before: an id that was known before the login may
// be known to somebody else.
func (m *Memory) Create(values map[string]any) (id string) {
	id = rand.Text()
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if now.Sub(m.swept) > m.life {
		m.swept = now
		maps.DeleteFunc(m.sessions, func(_ string, e *entry) bool { return !now.Before(e.until) })
	}
	m.sessions[id] = &entry{values: maps.Clone(values), until: now.Add(m.life)}
	return id
}

// Rotate gives a session a new id, and fails with ErrMissing if there is no such
// session. Call [Sessions.Renewed] afterwards.
func (m *Memory) Rotate(id string) (newID string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entryLocked(id)
	if e == nil {
		return "", ErrMissing
	}
	newID = rand.Text()
	m.sessions[newID] = e
	delete(m.sessions, id)
	return newID, nil
}

// Cookie returns the cookie for a session, or for an empty id the cookie that
// removes it from the browser. The caller sets Secure where there is TLS.
func (m *Memory) Cookie(id string) *http.Cookie {
	c := &http.Cookie{Name: m.cookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if id == "" {
		c.MaxAge = -1
	}
	return c
}

// entryLocked returns a session that has not expired, or nil.
func (m *Memory) entryLocked(id string) *entry {
	e := m.sessions[id]
	if e == nil || !time.Now().Before(e.until) {
		return nil
	}
	return e
}

// Load implements [Provider].
func (m *Memory) Load(ctx context.Context, r *http.Request) (*Session, error) {
	c, err := r.Cookie(m.cookie)
	if err != nil || c.Value == "" {
		return nil, ErrMissing
	}
	return m.Reload(ctx, &Session{ID: c.Value})
}

// Reload implements [Reloader].
func (m *Memory) Reload(_ context.Context, s *Session) (*Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entryLocked(s.ID)
	if e == nil {
		return nil, ErrMissing
	}
	return &Session{ID: s.ID, Values: maps.Clone(e.values), ExpiresAt: e.until}, nil
}

// Touch implements [Toucher].
func (m *Memory) Touch(_ context.Context, s *Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entryLocked(s.ID)
	if e == nil {
		return ErrMissing
	}
	e.until = time.Now().Add(m.life)
	return nil
}

// Update implements [Updater]. It is atomic: when another Update has saved the
// session meanwhile, change is called again, with the values as they are then.
func (m *Memory) Update(_ context.Context, s *Session, change func(values map[string]any) error) error {
	for {
		values, saved, err := m.copyOf(s.ID)
		if err != nil {
			return err
		}
		if err := change(values); err != nil { // without the lock: it is code of the application
			return err
		}
		if done, err := m.save(s.ID, maps.Clone(values), saved); done || err != nil {
			return err
		}
	}
}

// copyOf returns a copy of a session's values, and how often they were saved.
func (m *Memory) copyOf(id string) (values map[string]any, saved int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entryLocked(id)
	if e == nil {
		return nil, 0, ErrMissing
	}
	if values = maps.Clone(e.values); values == nil {
		values = make(map[string]any)
	}
	return values, e.saved, nil
}

// save replaces a session's values, unless they were saved more often than that.
func (m *Memory) save(id string, values map[string]any, saved int) (done bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entryLocked(id)
	switch {
	case e == nil:
		return false, ErrMissing
	case e.saved != saved:
		return false, nil
	}
	e.values, e.saved = values, saved+1
	return true, nil
}

// Destroy implements [Destroyer].
func (m *Memory) Destroy(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, id)
	return nil
}
