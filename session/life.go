package session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
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
	bond     *bond
	session  atomic.Pointer[Session] // nil: anonymous
	active   atomic.Bool             // an event has come since the last check

	mu      sync.Mutex
	user    string // whose session it was in the handshake
	key     string // the hash of the id under which it is tracked; empty: it is not
	timer   *time.Timer
	stopped bool          // the socket is gone
	over    *Error        // why it has ended
	out     bool          // it was logged out: that is final, and the client is told
	left    bool          // the socket was told to go
	queued  bool          // a check is about to begin
	soon    time.Duration // the last check could not be made: when the next one is
	renewed time.Time     // when it got its present id
}

// begin takes the session and starts the clock.
func (l *life) begin(v *Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.user = l.sessions.user(v)
	l.session.Store(v)
	if l.stopped {
		return
	}
	l.followLocked(v.ID)
	l.arm()
}

// admitted takes the session as it was when it was looked up once more, and
// returns the one that counts: renewed meanwhile, it has another id by now.
func (l *life) admitted(v *Session) *Session {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.session.Load(); now.ID != v.ID {
		return now
	}
	l.user = l.sessions.user(v)
	l.session.Store(v)
	return v
}

// stop ends the life with its socket. Nothing is written to the store. A logout
// still reaches the bond.
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
	if l.key != "" {
		l.sessions.away.add(l.key, l.bond) // before: a logout finds the life or the bond
	}
	l.followLocked("")
}

// followLocked has the life hear of the session with that id, and of no other.
func (l *life) followLocked(id string) {
	old := l.key
	l.key = ""
	if id != "" {
		key := hash(id)
		l.key = key
		l.bond.key.Store(&key)
		l.sessions.track(l, l.key)
	}
	if old != "" && old != l.key {
		l.sessions.untrack(l, old)
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
	if l.soon > 0 && (wait == 0 || l.soon < wait) {
		wait = l.soon
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
	defer func() { // also after runtime.Goexit in a check
		l.mu.Lock()
		defer l.mu.Unlock()
		l.arm()
	}()
	l.check()
}

// retryAfter is about when a check is made up for that could not be made.
const retryAfter = 5 * time.Second

// retry spreads what has failed at the same moment.
func (l *life) retry(after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.soon = after/2 + rand.N(after)
	l.arm()
}

// patience bounds a check.
const patience = 10 * time.Second

// settling is how long a new id may be unknown to the store: libraries tell it
// at the end of the request that has renewed the session.
const settling = 5 * time.Second

// look has the session checked soon, and not on this goroutine.
func (l *life) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queued || l.stopped || l.over != nil {
		return
	}
	l.queued = true
	l.sessions.errands.do(l.tick)
}

// check looks the session up. A store that is down ends nobody before expiry.
func (l *life) check() {
	l.mu.Lock()
	v, user := l.session.Load(), l.user
	done := l.stopped || l.over != nil
	settles := time.Since(l.renewed) < settling
	l.queued, l.soon = false, 0
	l.mu.Unlock()
	if done || v == nil {
		return
	}
	ctx, cancel := context.WithTimeout(l.socket.Context(), patience)
	defer cancel()
	now, err := l.judge(ctx, v, user)
	expired := !v.ExpiresAt.IsZero() && !time.Now().Before(v.ExpiresAt)
	switch {
	case err == nil:
		l.session.CompareAndSwap(v, now) // unless it was renewed meanwhile
	case l.socket.Context().Err() != nil:
	case told(err) == ErrUnavailable && !expired:
		l.sessions.config.Logger.Error("session: cannot check", "error", err)
		l.retry(retryAfter)
	case l.session.Load().ID != v.ID: // renewed: the old id is gone, as it should be
	case told(err) == ErrMissing && settles:
		l.retry(minWait)
	case told(err) == ErrMissing, told(err) == ErrUnavailable:
		l.kill(ErrEnded)
	default:
		l.kill(told(err))
	}
}

// judge returns the session as it is now, or why it does not go on. It runs
// code of the application on a goroutine of ours, so it recovers.
func (l *life) judge(ctx context.Context, v *Session, user string) (now *Session, err error) {
	defer func() {
		if p := recover(); p != nil {
			now, err = nil, fmt.Errorf("panic in a check: %v\n%s", p, debug.Stack())
		}
	}()
	if now, err = l.lookup(ctx, v); err != nil {
		return nil, err
	}
	if now != nil && now.ID != v.ID {
		return nil, ErrMissing // the store has looked for another one
	}
	if err = l.sessions.acceptable(now); err != nil {
		return nil, err
	}
	if l.sessions.user(now) != user {
		return nil, ErrEnded // for this user: the client reconnects as the other
	}
	return now, nil
}

// lookup touches and reloads, as far as the provider can.
func (l *life) lookup(ctx context.Context, v *Session) (*Session, error) {
	if t, ok := l.sessions.provider.(Toucher); ok && l.active.Swap(false) {
		err := l.sessions.write(ctx, v.ID, func() error { return t.Touch(ctx, v) }) // many stores touch by saving
		if err != nil {
			if told(err) == ErrUnavailable {
				l.active.Store(true) // it is made up for
			}
			return nil, err
		}
	}
	if r, ok := l.sessions.provider.(Reloader); ok {
		return r.Reload(ctx, v)
	}
	return v, nil
}

// update is [Sessions.Update].
func (l *life) update(ctx context.Context, u Updater, change func(map[string]any) error) error {
	for {
		v := l.session.Load()
		if v == nil {
			return ErrMissing
		}
		err := l.updateAs(ctx, u, v, change)
		if e := l.ended(); e != nil {
			return e // logged out while it was saved
		}
		if l.session.Load().ID == v.ID || err != nil && told(err) != ErrMissing {
			return err
		}
		// It was renewed meanwhile, and what was saved is gone with the old id.
	}
}

// updateAs updates the session under one id.
func (l *life) updateAs(ctx context.Context, u Updater, v *Session, change func(map[string]any) error) error {
	return l.sessions.write(ctx, v.ID, func() error {
		l.mu.Lock()
		over, id := l.over != nil || l.stopped, l.session.Load().ID
		l.mu.Unlock()
		switch {
		case over:
			return ErrEnded
		case id != v.ID: // it was renewed while this one waited
			return ErrMissing
		}
		var written *Session
		err := u.Update(ctx, v, func(values map[string]any) error {
			if err := change(values); err != nil {
				return err
			}
			next := *v
			next.Values = values
			written = &next
			return nil
		})
		if err == nil && written != nil {
			l.written(written)
		}
		return err
	})
}

// written shows the socket what it has written, also if a check came between.
func (l *life) written(v *Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session.Load().ID == v.ID { // not renewed meanwhile
		l.session.Store(v)
	}
}

// logout ends the life because the session was logged out.
func (l *life) logout() {
	l.mu.Lock()
	l.out = true
	l.mu.Unlock()
	l.kill(ErrEnded)
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
	next.ID, next.Ref = id, "" // the provider finds it by its id
	l.session.Store(&next)
	l.renewed = time.Now()
	l.followLocked(id)
	l.mu.Unlock()
	l.look() // at what the session has become with it
}

// kill ends the life now, and for good: what it had is not recovered, also if the
// connection has ended a moment before.
func (l *life) kill(e *Error) {
	l.bond.ended.Store(true)
	l.socket.EndSession()
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
	siblings := l.socket.Siblings()
	for _, s := range siblings {
		if l.sessions.of(s) == nil {
			if !out {
				_ = l.socket.Emit(l.sessions.config.EndedEvent, e)
			}
			l.socket.Disconnect(false)
			return
		}
	}
	for _, s := range siblings { // theirs is the same session
		s.EndSession()
	}
	l.socket.CloseTransport()
}
