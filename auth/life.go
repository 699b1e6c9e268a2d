package auth

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

// life is the authentication of one socket by one guard and the guards derived from
// it, in the socket's namespace and its parent, from the handshake to the socket's
// end. It implements lease.Owner.
type life[T any] struct {
	guard  *Guard[T]
	socket *socketio.Socket
	lease  *lease.Lease
	id     *atomic.Pointer[Identity[T]] // nil inside: anonymous; changed with the lease locked

	mu       sync.Mutex
	policies []Policy[T] // of all these guards; replaced, never changed
	opened   fingerprint // of the token
	room     string      // that Config.Room has named
	attempts attempts    // at refreshing
}

func newLife[T any](g *Guard[T], s *socketio.Socket) *life[T] {
	l := &life[T]{guard: g, socket: s, id: new(atomic.Pointer[Identity[T]]), policies: g.policies}
	l.lease = lease.New(l, s, &g.live.checks, g.config.Recheck)
	return l
}

// join adds a guard that is derived from the same one: a parent uses the one guard
// and its child the other.
func (l *life[T]) join(g *Guard[T]) error {
	id := l.id.Load()
	if e := decide(g.policies, id); e != nil {
		return reject(e, "policy")
	}
	l.mu.Lock()
	l.policies = slices.Concat(l.policies, g.policies)
	l.mu.Unlock()
	if e := l.ended(); e != nil {
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

// begin takes the identity and starts the clock.
func (l *life[T]) begin(id *Identity[T], token string) {
	l.lease.Begin(func() { l.take(id, token) })
}

// take stores an identity, and has revocations of its token reach the life. The
// lease is locked.
func (l *life[T]) take(id *Identity[T], token string) {
	old := l.id.Swap(id)
	if token != "" {
		l.mu.Lock()
		l.opened = fingerprintOf(token)
		l.mu.Unlock()
	}
	l.track(old, id)
}

// room returns the room that Config.Room names, empty for none.
func (g *shared[T]) room(id *Identity[T]) string {
	if g.config.Room == nil {
		return ""
	}
	return g.config.Room(id)
}

// enterRoom has the socket join the room of its identity.
func (l *life[T]) enterRoom(room string) error {
	if room == "" {
		return nil
	}
	l.mu.Lock()
	l.room = room
	l.mu.Unlock()
	return l.socket.Join(room)
}

// leaveRoom has the socket leave the room of its identity, unless that is another
// life's, too.
func (l *life[T]) leaveRoom() {
	l.mu.Lock()
	old := l.room
	l.room = ""
	l.mu.Unlock()
	if old != "" && !slices.ContainsFunc(lives.all(l.socket), func(h anyLife) bool { return h.inRoom() == old }) {
		l.socket.Leave(old)
	}
}

// inRoom implements anyLife.
func (l *life[T]) inRoom() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.room
}

// track keeps the index of live sockets, if there is a use for it.
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
	l.lease.Stop(func() {
		if id := l.id.Load(); id != nil {
			l.track(id, nil)
		}
	})
}

// ended returns why the authentication has ended, or nil.
func (l *life[T]) ended() *Error { return endOf(l.lease.Ended()) }

func endOf(why error) *Error {
	if why == nil {
		return nil
	}
	return told(why)
}

// Times implements lease.Owner: the token is valid until its expiry and the leeway
// have passed, and the socket stays for the grace after that.
func (l *life[T]) Times() (warn, end time.Time) {
	id, c := l.id.Load(), &l.guard.config
	if id == nil || id.ExpiresAt.IsZero() || c.OnExpire == ActionKeepOpen {
		return warn, end
	}
	warn = id.ExpiresAt.Add(c.Leeway)
	return warn, warn.Add(c.Grace)
}

// Warn implements lease.Owner: the grace begins.
func (l *life[T]) Warn() {
	_ = l.socket.Emit(l.guard.config.ExpiredEvent, ErrTokenExpired) // a socket that is gone needs no warning
}

// Expired implements lease.Owner: the end of a token is known without a check.
func (l *life[T]) Expired() error { return ErrTokenExpired }

// Check implements lease.Owner: it asks policies and revocations again. A store
// that cannot be asked ends nobody: the socket lives until its expiry at the longest.
func (l *life[T]) Check(ctx context.Context) lease.Verdict {
	id := l.id.Load()
	if id == nil {
		return lease.Verdict{}
	}
	if e := l.decide(id); e != nil {
		return lease.Verdict{End: e}
	}
	err := l.guard.revoked(ctx, id)
	switch {
	case err == nil || l.socket.Context().Err() != nil:
		return lease.Verdict{}
	case told(err) == ErrUnavailable:
		l.guard.note(slog.LevelError, "cannot check again", "auth: cannot check again", l.socket, slog.Any("error", err))
		return lease.Verdict{Retry: lease.RetryAfter}
	}
	return lease.Verdict{End: told(err)}
}

// Failed implements lease.Owner: the token's expiry does not depend on a check.
func (l *life[T]) Failed() lease.Verdict { return lease.Verdict{Retry: lease.RetryAfter} }

// Panicked implements lease.Owner.
func (l *life[T]) Panicked(p any, stack []byte) {
	l.guard.note(slog.LevelError, "panic", "auth: panic while checking again", l.socket, slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(stack)))
}

// checkSoon implements anyLife.
func (l *life[T]) checkSoon() { l.lease.Check() }

// Final implements lease.Owner: the session is not recovered, also if the connection
// has ended just before. Only after an expired token may the session be recovered.
func (l *life[T]) Final(why error) {
	if told(why).Code != CodeTokenExpired {
		l.socket.EndSession()
	}
}

// Leave implements lease.Owner: it disconnects the socket as the configuration says.
func (l *life[T]) Leave(why error) {
	c, e := &l.guard.config, told(why)
	l.guard.note(slog.LevelDebug, "ended", "auth: ended", l.socket, slog.String("code", string(e.Code)))
	if c.OnExpire != ActionLeaveNamespace && l.alone() {
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
