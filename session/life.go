package session

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// life is what one socket has to do with its session, from the handshake to
// the end.
type life struct {
	sessions *Sessions
	socket   *socketio.Socket
	session  atomic.Pointer[Session] // nil: anonymous
	active   atomic.Bool             // an event has come since the last check

	mu      sync.Mutex
	user    string // whose session it was in the handshake
	timer   *time.Timer
	stopped bool      // the socket is gone
	over    *Error    // why it has ended
	out     bool      // it was logged out: that is final, and the client is told
	left    bool      // the socket was told to go
	soon    bool      // the last check could not be made
	wrote   time.Time // the last Update
}

// begin takes the session and starts the clock.
func (l *life) begin(v *Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.user = l.sessions.user(v)
	l.session.Store(v)
	l.sessions.track(l, v.ID, true)
	l.arm()
}

// admitted takes the session as it was when it was looked up once more.
func (l *life) admitted(v *Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.user = l.sessions.user(v)
	l.session.Store(v)
}

// stop ends the life with its socket. Nothing is written to the store.
func (l *life) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return
	}
	l.stopped = true
	if l.timer != nil {
		l.timer.Stop()
	}
	if v := l.session.Load(); v != nil {
		l.sessions.track(l, v.ID, false)
	}
}

func (l *life) ended() *Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

// arm sets the timer to the next check, or to the session's expiry. Called
// with mu held.
func (l *life) arm() {
	if l.stopped || l.over != nil {
		return
	}
	wait := time.Duration(0)
	if every := l.sessions.config.Check; every > 0 {
		wait = every + time.Duration((rand.Float64()-0.5)*0.2*float64(every)) // sockets that came together
	}
	if l.soon && (wait == 0 || retryAfter < wait) {
		wait = retryAfter
	}
	if v := l.session.Load(); !v.ExpiresAt.IsZero() {
		left := time.Until(v.ExpiresAt)
		if left <= 0 { // over, and still checked: not in a circle
			left = minWait
		}
		if wait == 0 || left < wait {
			wait = left
		}
	}
	if wait == 0 {
		return
	}
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.tick)
		return
	}
	l.timer.Reset(wait)
}

// minWait is between two checks of a session whose expiry has come, as long as
// the store is down.
const minWait = time.Second

func (l *life) tick() {
	l.check()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arm()
}

// retryAfter is when a check is made up for that could not be made.
const retryAfter = 5 * time.Second

func (l *life) retry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.soon = true
	l.arm()
}

// patience bounds a check.
const patience = 10 * time.Second

// check looks the session up. A store that is down ends nobody before expiry.
func (l *life) check() {
	l.mu.Lock()
	v, user := l.session.Load(), l.user
	done := l.stopped || l.over != nil
	l.soon = false
	l.mu.Unlock()
	if done || v == nil {
		return
	}
	ctx, cancel := context.WithTimeout(l.socket.Context(), patience)
	defer cancel()
	now, err := l.lookup(ctx, v)
	if err == nil {
		err = l.sessions.acceptable(now)
	}
	if err == nil && l.sessions.user(now) != user {
		err = ErrEnded // for this user: the client reconnects as the other
	}
	expired := !v.ExpiresAt.IsZero() && !time.Now().Before(v.ExpiresAt)
	switch {
	case err == nil:
		l.session.CompareAndSwap(v, now) // unless it was renewed meanwhile
	case l.socket.Context().Err() != nil:
	case told(err) == ErrUnavailable && !expired:
		l.sessions.config.Logger.Error("session: cannot check", "error", err)
		l.retry()
	case l.session.Load() != v: // renewed: the old id is gone, as it should be
	case told(err) == ErrMissing, told(err) == ErrUnavailable:
		l.kill(ErrEnded)
	default:
		l.kill(told(err))
	}
}

// lookup touches and reloads, as far as the provider can.
func (l *life) lookup(ctx context.Context, v *Session) (*Session, error) {
	if t, ok := l.sessions.provider.(Toucher); ok && l.active.Swap(false) {
		if err := l.touch(ctx, t, v); err != nil {
			return nil, err
		}
	}
	if r, ok := l.sessions.provider.(Reloader); ok {
		return r.Reload(ctx, v)
	}
	return v, nil
}

func (l *life) touch(ctx context.Context, t Toucher, v *Session) error {
	done, err := l.sessions.turns.take(ctx, v.ID) // many stores touch by saving
	if err != nil {
		return err
	}
	defer done()
	return t.Touch(ctx, v)
}

// wake is how long after an update a logout deletes the session once more: the
// update may have saved it a moment after it was deleted.
const wake = 10 * time.Second

// update is [Sessions.Update].
func (l *life) update(ctx context.Context, u Updater, change func(map[string]any) error) error {
	v := l.session.Load()
	if v == nil {
		return ErrMissing
	}
	done, err := l.sessions.turns.take(ctx, v.ID)
	if err != nil {
		return err
	}
	defer done()
	v = l.session.Load() // it may have been renewed while this one waited
	l.mu.Lock()
	if l.over != nil || l.stopped {
		l.mu.Unlock()
		return ErrEnded
	}
	l.wrote = time.Now()
	l.mu.Unlock()
	var written *Session
	err = u.Update(ctx, v, func(values map[string]any) error {
		if err := change(values); err != nil {
			return err
		}
		next := *v
		next.Values = values
		written = &next
		return nil
	})
	if e := l.ended(); e != nil { // logged out while it was saved
		l.destroy(v.ID)
		return e
	}
	if err == nil && written != nil {
		l.written(written)
	}
	return err
}

// written shows the socket what it has written, also if a check came between.
func (l *life) written(v *Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session.Load().ID == v.ID { // not renewed meanwhile
		l.session.Store(v)
	}
}

// destroy deletes a session that an update may have brought back.
func (l *life) destroy(id string) {
	d, ok := l.sessions.provider.(Destroyer)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.Destroy(ctx, id); err != nil {
		l.sessions.config.Logger.Error("session: cannot delete", "error", err)
	}
}

// logout ends the life because the session was logged out.
func (l *life) logout() {
	l.mu.Lock()
	again := !l.wrote.IsZero() && time.Since(l.wrote) < wake
	l.out = true
	l.mu.Unlock()
	l.kill(ErrEnded)
	if again {
		l.destroy(l.session.Load().ID)
	}
}

// renew goes on under a new id.
func (l *life) renew(id string) {
	l.mu.Lock()
	old := l.session.Load()
	if l.stopped || l.over != nil || old == nil {
		l.mu.Unlock()
		return
	}
	next := *old
	next.ID = id
	l.session.Store(&next)
	l.sessions.track(l, id, true)
	l.sessions.track(l, old.ID, false)
	l.mu.Unlock()
	l.check() // and what the session has become with it
}

// kill ends the life now.
func (l *life) kill(e *Error) {
	l.mu.Lock()
	if l.stopped || l.over != nil {
		l.mu.Unlock()
		return
	}
	l.over = e
	l.mu.Unlock()
	l.leave(e)
}

// leave disconnects the socket: with its connection, if all of that is under
// the same Sessions.
func (l *life) leave(e *Error) {
	l.mu.Lock()
	if l.left || !l.socket.Connected() { // while it connects, joined will see that it is over
		l.mu.Unlock()
		return
	}
	l.left = true
	out := l.out
	l.mu.Unlock()
	if out {
		_ = l.socket.Emit(l.sessions.config.EndedEvent, e) // a socket that is gone needs no reason
	}
	for _, s := range l.socket.Siblings() {
		if l.sessions.of(s) == nil {
			if !out {
				_ = l.socket.Emit(l.sessions.config.EndedEvent, e)
			}
			l.socket.Disconnect(false)
			return
		}
	}
	l.socket.CloseTransport()
}
