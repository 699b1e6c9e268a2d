package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"log/slog"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/lease"
)

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
		p.token = withoutScheme(*token)
	}
	return err
}

// fingerprint tells tokens apart without keeping them.
type fingerprint [sha256.Size]byte

func fingerprintOf(token string) fingerprint { return sha256.Sum256([]byte(token)) }

// refresh handles Config.RefreshEvent: it swaps the token of a live socket.
func (g *Guard[T]) refresh(ctx context.Context, s *socketio.Socket, in presented) (Refreshed, error) {
	l, ok := lives.of(s, g.shared).(*life[T])
	if !ok {
		return Refreshed{}, failure(ErrTokenMissing)
	}
	ctx, cancel := context.WithTimeout(ctx, lease.Patience) // the socket's next events wait
	defer cancel()
	expires, err := l.refresh(ctx, in.token)
	if err != nil {
		g.note(slog.LevelWarn, "refresh refused", "auth: refresh refused", s, slog.Any("reason", err))
		return Refreshed{}, failure(told(err))
	}
	r := Refreshed{}
	if !expires.IsZero() {
		r.ExpiresAt = expires.Unix()
	}
	return r, nil
}

// refresh replaces the token of the life, and of the others of the socket that
// the same token has opened: those of a guard of the parent which verifies by
// itself. All of them accept the new token, or none takes it.
func (l *life[T]) refresh(ctx context.Context, token string) (expires time.Time, err error) {
	l.mu.Lock()
	ok, opened := l.attempts.take(time.Now()), l.opened
	l.mu.Unlock()
	if !ok {
		return expires, reject(ErrRateLimited, "too many refreshes")
	}
	var all []renewal
	for _, other := range lives.all(l.socket) {
		if other != anyLife(l) && !other.openedBy(opened) {
			continue
		}
		r, err := other.renew(ctx, token)
		if err != nil {
			return expires, err
		}
		all = append(all, r)
	}
	if err := replace(ctx, all); err != nil {
		return expires, err
	}
	for _, r := range all {
		if !r.expires.IsZero() && (expires.IsZero() || r.expires.Before(expires)) {
			expires = r.expires
		}
	}
	return expires, nil
}

// replace has lives take their new tokens. The socket leaves the rooms of the old
// claims first: whatever fails or panics afterwards, it is in no room of claims that
// it no longer has.
func replace(ctx context.Context, all []renewal) (err error) {
	for _, r := range all {
		r.leave()
	}
	swapped := 0
	for _, r := range all {
		if err = r.swap(); err != nil {
			break
		}
		swapped++
	}
	all = all[:swapped] // also after a failure: each life that has the new token goes on to confirm it
	defer func() {
		for _, r := range all {
			r.tell()
		}
	}()
	for _, r := range all {
		err = cmp.Or(err, r.enter())
	}
	for _, r := range all {
		err = cmp.Or(err, r.confirm(ctx))
	}
	return err
}

// renewal is a new token that a life may take.
type renewal struct {
	expires time.Time
	leave   func() // has the socket leave the room of the old claims
	swap    func() error
	enter   func() error // has the socket join the room of the new claims
	confirm func(ctx context.Context) error
	tell    func() // tells the application
}

// openedBy implements anyLife.
func (l *life[T]) openedBy(token fingerprint) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opened == token && token != fingerprint{}
}

// renew implements anyLife: it verifies a new token.
func (l *life[T]) renew(ctx context.Context, token string) (r renewal, err error) {
	id, err := l.guard.verify(ctx, l.socket.Handshake().Address, token)
	if err != nil {
		return r, err
	}
	old := l.id.Load()
	if old == nil || old.Subject != id.Subject {
		return r, reject(ErrTokenInvalid, "another subject")
	}
	if e := l.decide(id); e != nil {
		return r, reject(e, "policy")
	}
	room := l.guard.room(id)
	moves := room != l.inRoom()
	return renewal{
		expires: id.ExpiresAt,
		leave: func() {
			if moves {
				l.leaveRoom()
			}
		},
		swap: func() error { return l.swap(id, token) },
		enter: func() error {
			if !moves {
				return nil
			}
			return l.moved(room)
		},
		confirm: func(ctx context.Context) error { return l.confirm(ctx, id) },
		tell:    func() { l.tell(old, id) },
	}, nil
}

// swap replaces the identity, unless the end has come first.
func (l *life[T]) swap(id *Identity[T], token string) error {
	if !l.lease.Renew(func() { l.take(id, token) }) {
		return reject(ErrTokenExpired, "ended before the refresh")
	}
	return nil
}

// moved has the socket join the room of its new identity. If that fails the socket
// ends, as it would miss what is sent to the room. A socket that has disconnected
// meanwhile may be kept with its old room, and must not be recovered.
func (l *life[T]) moved(room string) error {
	in := false
	defer func() {
		if !in { // a listener of rooms may also have panicked
			l.lease.End(ErrUnavailable)
		}
	}()
	if err := l.enterRoom(room); err != nil {
		return err
	}
	if !l.socket.Connected() {
		return reject(ErrUnavailable, "disconnected during the refresh")
	}
	in = true
	return nil
}

// tell calls Config.OnRefresh, also if it is unknown whether the new token is
// revoked, as the socket has its identity already. A socket that disconnects
// meanwhile may be kept with rooms that the application derived from the old claims.
func (l *life[T]) tell(before, after *Identity[T]) {
	onRefresh := l.guard.config.OnRefresh
	if onRefresh == nil || l.ended() != nil {
		return
	}
	defer func() {
		if !l.socket.Connected() && !sameGrants(before.Claims, after.Claims) {
			l.socket.EndSession()
		}
	}()
	onRefresh(l.socket, before, after)
}

// confirm asks again whether the token is revoked: a revocation that came before the
// swap did not find the socket by the new id. If Watch cannot be asked now, a later
// check asks it.
func (l *life[T]) confirm(ctx context.Context, id *Identity[T]) error {
	known := false
	defer func() {
		if !known { // the Watch may also have panicked
			l.lease.Retry(lease.RetryAfter)
		}
	}()
	err := l.guard.revoked(ctx, id)
	if err == nil {
		known = true
		return nil
	}
	if e := told(err); e != ErrUnavailable {
		known = true
		l.lease.End(e)
	}
	return err
}
