package auth

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// life is what one socket owes to one guard: from the handshake, through
// refreshes, to its end.
type life[T any] struct {
	guard  *Guard[T]
	socket *socketio.Socket
	id     atomic.Pointer[Identity[T]] // nil: anonymous; changed with mu held

	mu       sync.Mutex
	timer    *time.Timer // the next of expiry, end of grace, recheck; nil: none
	stopped  bool        // the socket is gone
	over     *Error      // why the authentication has ended; nil: it has not
	left     bool        // the socket was told to go
	warned   bool        // grace has begun
	recheck  time.Time   // when the next is due; zero: never
	attempts attempts    // at refreshing
}

// maxWait bounds how long a timer sleeps: clocks are set, machines sleep.
const maxWait = time.Hour

// begin takes the identity and starts the clock.
func (l *life[T]) begin(id *Identity[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return
	}
	l.id.Store(id)
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
		l.mu.Unlock()
		l.check()
		l.mu.Lock()
		l.arm(time.Now())
		l.mu.Unlock()
	default: // the clock was set, or maxWait is over
		l.arm(now)
		l.mu.Unlock()
	}
}

// patience bounds a check that no handshake waits for.
const patience = 10 * time.Second

// check asks policies and revocations again. What cannot be had now changes
// nothing: the socket lives until its expiry at the longest.
func (l *life[T]) check() {
	id := l.id.Load()
	if id == nil {
		return
	}
	if e := decide(l.guard.policies, id); e != nil {
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

// kill ends the life now.
func (l *life[T]) kill(e *Error) {
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

// Refreshed acknowledges Config.RefreshEvent.
type Refreshed struct {
	// ExpiresAt is the expiry of the new token, in seconds since 1970, or 0.
	ExpiresAt int64 `json:"exp"`
}

// presented is the argument of Config.RefreshEvent.
type presented struct{ token string }

// UnmarshalJSON implements json.Unmarshaler: strictly.
func (p *presented) UnmarshalJSON(text []byte) error {
	token, err := textMember(text, "token")
	if token != nil {
		p.token = *token
	}
	return err
}

// refresh handles Config.RefreshEvent: it swaps the token of a live socket.
func (g *Guard[T]) refresh(ctx context.Context, s *socketio.Socket, in presented) (Refreshed, error) {
	l, ok := lives.of(s, g.shared).(*life[T])
	if !ok {
		return Refreshed{}, failure(ErrTokenMissing)
	}
	id, err := l.refresh(ctx, in.token)
	if err != nil {
		g.config.Logger.Warn("auth: refresh refused", "namespace", s.Namespace().LogValue(), "socket", s.LogValue(), "reason", err)
		return Refreshed{}, failure(told(err))
	}
	r := Refreshed{}
	if !id.ExpiresAt.IsZero() {
		r.ExpiresAt = id.ExpiresAt.Unix()
	}
	return r, nil
}

func (l *life[T]) refresh(ctx context.Context, token string) (*Identity[T], error) {
	l.mu.Lock()
	ok := l.attempts.take(time.Now())
	l.mu.Unlock()
	if !ok {
		return nil, reject(ErrRateLimited, "too many refreshes")
	}
	id, err := l.guard.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	old := l.id.Load()
	if old == nil || old.Subject != id.Subject {
		return nil, reject(ErrTokenInvalid, "another subject")
	}
	if e := decide(l.guard.policies, id); e != nil {
		return nil, reject(e, "policy")
	}
	if err := l.swap(id); err != nil {
		return nil, err
	}
	// Once more: only from now on a revocation finds the socket by the new id.
	if err := l.guard.revoked(ctx, id); err != nil {
		if e := told(err); e != ErrUnavailable {
			l.kill(e)
		}
		return nil, err
	}
	return id, nil
}

// swap replaces the identity, unless the end has come first.
func (l *life[T]) swap(id *Identity[T]) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if end := l.end(); l.over != nil || l.stopped || !end.IsZero() && !time.Now().Before(end) {
		return reject(ErrTokenExpired, "ended before the refresh")
	}
	old := l.id.Swap(id)
	l.track(old, id)
	l.warned = false
	l.arm(time.Now())
	return nil
}
