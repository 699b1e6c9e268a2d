package auth

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// life is what one socket owes to one guard and those derived from it, of its
// namespace and of its parent: from the handshake, through refreshes, to its end.
type life[T any] struct {
	guard  *Guard[T]
	socket *socketio.Socket
	id     *atomic.Pointer[Identity[T]] // nil inside: anonymous; changed with mu held
	due    atomic.Bool                  // waits for a check

	mu       sync.Mutex
	policies []Policy[T] // of all these guards; replaced, never changed
	opened   fingerprint // of the token
	timer    *time.Timer // the next of expiry, end of grace, recheck; nil: none
	stopped  bool        // the socket is gone
	over     *Error      // why the authentication has ended; nil: it has not
	left     bool        // the socket was told to go
	warned   bool        // grace has begun
	recheck  time.Time   // when the next is due; zero: never
	attempts attempts    // at refreshing
}

func newLife[T any](g *Guard[T], s *socketio.Socket) *life[T] {
	return &life[T]{guard: g, socket: s, id: new(atomic.Pointer[Identity[T]]), policies: g.policies}
}

// join puts the life under one more guard, which shares the verifier: a parent
// uses the one and its child the other.
func (l *life[T]) join(g *Guard[T]) error {
	id := l.id.Load()
	if e := decide(g.policies, id); e != nil {
		return reject(e, "policy")
	}
	l.mu.Lock()
	l.policies = slices.Concat(l.policies, g.policies)
	l.mu.Unlock()
	if e := l.ended(time.Now()); e != nil {
		return reject(e, "ended while it was checked")
	}
	return nil
}

// decide asks the policies of all guards of the life.
func (l *life[T]) decide(id *Identity[T]) *Error {
	l.mu.Lock()
	policies := l.policies
	l.mu.Unlock()
	return decide(policies, id)
}

// maxWait bounds how long a timer sleeps: clocks are set, machines sleep.
const maxWait = time.Hour

// begin takes the identity and starts the clock.
func (l *life[T]) begin(id *Identity[T], token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return
	}
	l.id.Store(id)
	if token != "" {
		l.opened = fingerprintOf(token)
	}
	l.track(nil, id)
	l.scheduleRecheck(time.Now())
	l.arm(time.Now())
}

// track keeps the index of live sockets, if there is a use for it. Called with
// mu held.
func (l *life[T]) track(old, id *Identity[T]) {
	if l.guard.config.Watch == nil {
		return
	}
	if id != nil {
		l.guard.live.add(l, id.TokenID, id.Subject)
	}
	if old != nil && (id == nil || id.TokenID != old.TokenID) {
		l.guard.live.remove(l, old.TokenID, "")
	}
	if old != nil && id == nil {
		l.guard.live.remove(l, "", old.Subject)
	}
}

// stop ends the life with its socket: no timer, no place in the index.
func (l *life[T]) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return
	}
	l.stopped = true
	if l.timer != nil {
		l.timer.Stop()
	}
	if id := l.id.Load(); id != nil {
		l.track(id, nil)
	}
}

// deadline is when the token counts no longer, grace not included; zero: never.
func (l *life[T]) deadline() time.Time {
	id := l.id.Load()
	if id == nil || id.ExpiresAt.IsZero() || l.guard.config.OnExpire == KeepOpen {
		return time.Time{}
	}
	return id.ExpiresAt.Add(l.guard.config.Leeway)
}

// end is the deadline with the grace.
func (l *life[T]) end() time.Time {
	d := l.deadline()
	if d.IsZero() {
		return d
	}
	return d.Add(l.guard.config.Grace)
}

// ended tells why the authentication has ended, or nil.
func (l *life[T]) ended(now time.Time) *Error {
	end := l.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over == nil && !end.IsZero() && !now.Before(end) {
		return ErrTokenExpired // the timer is on its way
	}
	return l.over
}

// scheduleRecheck says when policies and revocations are asked again. Called
// with mu held.
func (l *life[T]) scheduleRecheck(now time.Time) {
	every := l.guard.config.Recheck
	l.recheck = time.Time{}
	if every == 0 {
		return
	}
	jitter := time.Duration((rand.Float64() - 0.5) * 0.2 * float64(every)) // sockets that came together
	l.recheck = now.Add(every + jitter)
}

// arm sets the timer to what comes next. Called with mu held.
func (l *life[T]) arm(now time.Time) {
	if l.stopped || l.over != nil {
		return
	}
	next := l.deadline()
	if l.warned {
		next = l.end()
	}
	if !l.recheck.IsZero() && (next.IsZero() || l.recheck.Before(next)) {
		next = l.recheck
	}
	if next.IsZero() {
		return
	}
	wait := min(next.Sub(now), maxWait)
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.tick)
		return
	}
	l.timer.Reset(wait)
}

// tick does what is due.
func (l *life[T]) tick() {
	now := time.Now()
	l.mu.Lock()
	if l.stopped || l.over != nil {
		l.mu.Unlock()
		return
	}
	deadline := l.deadline()
	switch {
	case !deadline.IsZero() && !now.Before(l.end()):
		l.over = ErrTokenExpired
		l.mu.Unlock()
		l.leave(ErrTokenExpired)
	case !deadline.IsZero() && !now.Before(deadline) && !l.warned:
		l.warned = true
		l.arm(now)
		l.mu.Unlock()
		_ = l.socket.Emit(l.guard.config.ExpiredEvent, ErrTokenExpired) // a socket that is gone needs no warning
	case !l.recheck.IsZero() && !now.Before(l.recheck):
		l.scheduleRecheck(now)
		l.arm(now)
		l.mu.Unlock()
		l.guard.live.checks.add(l)
	default: // the clock was set, or maxWait is over
		l.arm(now)
		l.mu.Unlock()
	}
}

// patience bounds a check that no handshake waits for.
const patience = 10 * time.Second

// queue implements held.
func (l *life[T]) queue() bool { return l.due.CompareAndSwap(false, true) }

// check asks policies and revocations again. What cannot be had now, and a
// panic, change nothing: the socket lives until its expiry at the longest.
func (l *life[T]) check() {
	l.due.Store(false)
	defer func() {
		if p := recover(); p != nil {
			l.guard.config.Logger.Error("auth: panic while checking again", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			l.retry()
		}
	}()
	id := l.id.Load()
	if id == nil || l.socket.Context().Err() != nil {
		return
	}
	if e := l.decide(id); e != nil {
		l.kill(e)
		return
	}
	ctx, cancel := context.WithTimeout(l.socket.Context(), patience)
	defer cancel()
	err := l.guard.revoked(ctx, id)
	switch {
	case err == nil || l.socket.Context().Err() != nil:
	case told(err) == ErrUnavailable:
		l.guard.config.Logger.Error("auth: cannot check again", "error", err)
		l.retry()
	default:
		l.kill(told(err))
	}
}

// retryAfter is when a check is made up for that could not be made: what it
// would have found, nobody tells again.
const retryAfter = 5 * time.Second

func (l *life[T]) retry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if next := now.Add(retryAfter); l.recheck.IsZero() || next.Before(l.recheck) {
		l.recheck = next
	}
	l.arm(now)
}

// kill ends the life now, and for good: the session is not recovered, also if
// the connection has ended a moment before. Only who let a token expire may go on.
func (l *life[T]) kill(e *Error) {
	if e.Code != TokenExpired {
		l.socket.EndSession()
	}
	l.mu.Lock()
	if l.stopped || l.over != nil {
		l.mu.Unlock()
		return
	}
	l.over = e
	l.mu.Unlock()
	l.leave(e)
}

// leave disconnects the socket, in the way the configuration says.
func (l *life[T]) leave(e *Error) {
	l.mu.Lock()
	if l.left || !l.socket.Connected() { // while it connects, joined will see that it is over
		l.mu.Unlock()
		return
	}
	l.left = true
	l.mu.Unlock()
	c := &l.guard.config
	c.Logger.Debug("auth: ended", "namespace", l.socket.Namespace().LogValue(), "socket", l.socket.LogValue(), "code", string(e.Code))
	if c.OnExpire != LeaveNamespace && l.alone() {
		l.socket.CloseTransport()
		return
	}
	_ = l.socket.Emit(c.EndedEvent, e) // a socket that is gone needs no reason
	l.socket.Disconnect(false)
}

// alone reports whether all of the connection is this guard's.
func (l *life[T]) alone() bool {
	for _, s := range l.socket.Siblings() {
		if lives.of(s, l.guard.shared) == nil {
			return false
		}
	}
	return true
}
