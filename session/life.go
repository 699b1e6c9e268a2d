package session

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/lease"
)

// life connects one socket to its session, from the handshake to the socket's end.
// It implements lease.Owner.
type life struct {
	sessions *Sessions
	socket   *socketio.Socket
	lease    *lease.Lease
	bond     *bond
	session  atomic.Pointer[Session] // nil: anonymous
	active   atomic.Bool             // an event has come since the last check
	out      atomic.Bool             // the session was logged out, which the client is told

	mu      sync.Mutex
	user    string    // whose session it was in the handshake
	key     string    // the hash of the id under which it is tracked; empty: it is not
	renewed time.Time // when it got its present id
	missed  string    // the id that the last check has not found
}

func newLife(x *Sessions, s *socketio.Socket) *life {
	l := &life{sessions: x, socket: s, bond: new(bond)}
	l.lease = lease.New(l, s, &x.queue, x.config.Check)
	return l
}

// begin takes the session and starts the clock.
func (l *life) begin(v *Session) {
	user := l.sessions.user(v) // before the lock: it is code of the application
	l.mu.Lock()
	l.user = user
	l.session.Store(v)
	l.mu.Unlock()
	l.lease.Begin(func() { l.follow(v.ID) })
}

// admitted takes the session as the second look-up has found it, and returns the
// session that the life has now: if it was renewed meanwhile, it has another id.
func (l *life) admitted(v *Session) *Session {
	user := l.sessions.user(v) // before the lock: it is code of the application
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.session.Load(); now.ID != v.ID {
		return now
	}
	l.user = user
	l.session.Store(v)
	return v
}

// stop ends the life when its socket disconnects. Nothing is written to the store. A
// later logout still ends the bond.
func (l *life) stop() {
	l.lease.Stop(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.key != "" {
			l.sessions.away.add(l.key, l.bond) // before: a logout finds the life or the bond
		}
		l.followLocked("")
	})
}

func (l *life) follow(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followLocked(id)
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

// ended returns why the session has ended for this socket, or nil.
func (l *life) ended() *Error {
	if why := l.lease.Ended(); why != nil {
		return told(why)
	}
	return nil
}

// Times implements lease.Owner.
func (l *life) Times() (warn, end time.Time) {
	if v := l.session.Load(); v != nil {
		end = v.ExpiresAt
	}
	return warn, end
}

// Warn implements lease.Owner. Sessions end without a warning.
func (l *life) Warn() {}

// Expired implements lease.Owner: an HTTP request may have extended the session
// since it was loaded, so only a check can say.
func (l *life) Expired() error { return nil }

// settling is how long a new id may be unknown to the store: libraries save the new
// id at the end of the request that has renewed the session.
const settling = 5 * time.Second

// retrySettling is about the time between two checks of a new id meanwhile, and from a
// check that has not found a session to the one that decides: libraries store a new id
// before the application can call Renewed.
const retrySettling = time.Second

// Check implements lease.Owner: it looks the session up. A store that cannot be
// asked ends nobody before the session's expiry.
func (l *life) Check(ctx context.Context) lease.Verdict {
	l.mu.Lock()
	v, user, settles := l.session.Load(), l.user, time.Since(l.renewed) < settling
	l.mu.Unlock()
	if v == nil {
		return lease.Verdict{}
	}
	now, err := l.judge(ctx, v, user)
	switch {
	case err == nil:
		l.missing("")
		l.session.CompareAndSwap(v, now) // unless it was renewed meanwhile
		return lease.Verdict{}
	case l.socket.Context().Err() != nil:
		return lease.Verdict{}
	case told(err) == ErrUnavailable && !expired(v):
		l.sessions.note(slog.LevelError, "cannot check again", "session: cannot check again", l.socket, slog.Any("error", err))
		return lease.Verdict{Retry: lease.RetryAfter}
	case l.session.Load().ID != v.ID: // renewed: the old id is gone, as it should be
		return lease.Verdict{}
	case told(err) == ErrMissing && (settles || !expired(v) && l.missing(v.ID)):
		return lease.Verdict{Retry: retrySettling}
	case told(err) == ErrMissing, told(err) == ErrUnavailable:
		return lease.Verdict{End: ErrEnded}
	}
	return lease.Verdict{End: told(err)}
}

// missing notes which session a check has not found; empty: it has found the session. It
// reports whether the check before has found that one.
func (l *life) missing(id string) (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = l.missed != id
	l.missed = id
	return first
}

func expired(v *Session) bool { return !v.ExpiresAt.IsZero() && !time.Now().Before(v.ExpiresAt) }

// Failed implements lease.Owner: a store that panics or hangs counts as unavailable.
func (l *life) Failed() lease.Verdict {
	l.mu.Lock()
	v, settles := l.session.Load(), time.Since(l.renewed) < settling
	l.mu.Unlock()
	switch {
	case v == nil || !expired(v):
		return lease.Verdict{Retry: lease.RetryAfter}
	case settles: // perhaps the check was of the old id
		return lease.Verdict{Retry: retrySettling}
	}
	return lease.Verdict{End: ErrEnded}
}

// Panicked implements lease.Owner.
func (l *life) Panicked(p any, stack []byte) {
	l.sessions.note(slog.LevelError, "panic", "session: panic while checking again", l.socket, slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(stack)))
}

// judge returns the session as it is now, or why it does not go on.
func (l *life) judge(ctx context.Context, v *Session, user string) (*Session, error) {
	now, err := l.lookup(ctx, v)
	if err != nil {
		return nil, err
	}
	if now != nil && now.ID != v.ID {
		return nil, ErrMissing // the store has looked for another one
	}
	if err := l.sessions.acceptable(now); err != nil {
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
		if err := l.touch(ctx, t, v); err != nil {
			return nil, err
		}
	}
	if r, ok := l.sessions.provider.(Reloader); ok {
		return r.Reload(ctx, v)
	}
	return v, nil
}

// touch extends the session. If the store fails or panics, the next check touches the
// session again.
func (l *life) touch(ctx context.Context, t Toucher, v *Session) error {
	err := error(ErrUnavailable)
	defer func() {
		if err != nil && told(err) == ErrUnavailable {
			l.active.Store(true)
		}
	}()
	err = l.sessions.write(ctx, v.ID, func() error { return t.Touch(ctx, v) }) // many stores touch by saving
	return err
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
		switch {
		case l.lease.Ended() != nil || l.lease.Gone():
			return ErrEnded
		case l.session.Load().ID != v.ID: // it was renewed while this one waited
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

// written gives the socket the values that it has saved, also if a check has stored
// older values meanwhile.
func (l *life) written(v *Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session.Load().ID == v.ID { // not renewed meanwhile
		l.session.Store(v)
	}
}

// logout ends the life because the session was logged out.
func (l *life) logout() {
	l.out.Store(true)
	l.lease.End(ErrEnded)
}

// renew goes on under a new id.
func (l *life) renew(id string) {
	renewed := false
	l.lease.Renew(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		old := l.session.Load()
		if old == nil {
			return
		}
		next := *old
		next.ID, next.Ref = id, "" // the provider finds it by its id
		l.session.Store(&next)
		l.renewed = time.Now()
		l.followLocked(id)
		renewed = true
	})
	if renewed {
		l.lease.Check() // what the session has become with it
	}
}

// Final implements lease.Owner: the client's session with the server is not
// recovered, also if the connection has ended just before.
func (l *life) Final(error) {
	l.bond.ended.Store(true)
	l.socket.EndSession()
}

// Leave implements lease.Owner: it disconnects the socket, with its connection if
// all of that is under the same Sessions.
func (l *life) Leave(why error) {
	x, e := l.sessions, told(why)
	x.note(slog.LevelDebug, "ended", "session: ended", l.socket, slog.String("code", string(e.Code)))
	siblings := l.socket.Siblings()
	alone := !slices.ContainsFunc(siblings, func(s *socketio.Socket) bool { return x.of(s) == nil })
	if !alone || l.out.Load() {
		_ = l.socket.Emit(x.config.EndedEvent, e) // a socket that is gone needs no reason
	}
	if !alone {
		l.socket.Disconnect(false)
		return
	}
	for _, s := range siblings { // theirs is the same session
		s.EndSession()
	}
	l.socket.CloseTransport()
}
