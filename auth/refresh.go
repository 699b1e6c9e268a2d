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
		if other != held(l) && !other.openedBy(opened) {
			continue
		}
		r, err := other.renew(ctx, token)
		if err != nil {
			return expires, err
		}
		all = append(all, r)
	}
	swapped := 0
	for _, r := range all {
		if err = r.swap(); err != nil {
			break
		}
		swapped++
	}
	for _, r := range all[:swapped] { // also after a failure: who has the new token is asked about it
		err = cmp.Or(err, r.confirm(ctx))
	}
	if err != nil {
		return expires, err
	}
	for _, r := range all {
		err = cmp.Or(err, r.follow())
	}
	if err != nil {
		return expires, err
	}
	for _, r := range all {
		if !r.expires.IsZero() && (expires.IsZero() || r.expires.Before(expires)) {
			expires = r.expires
		}
	}
	return expires, nil
}

// renewal is a new token that a life may take.
type renewal struct {
	expires time.Time
	swap    func() error
	confirm func(ctx context.Context) error
	follow  func() error // has what was made of the old claims follow the new ones
}

// openedBy implements held.
func (l *life[T]) openedBy(token fingerprint) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opened == token && token != fingerprint{}
}

// renew implements held: it verifies a new token.
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
	return renewal{
		expires: id.ExpiresAt,
		swap:    func() error { return l.swap(id, token) },
		confirm: func(ctx context.Context) error { return l.confirm(ctx, id) },
		follow:  func() error { return l.follow(old, id) },
	}, nil
}

// swap replaces the identity, unless the end has come first.
func (l *life[T]) swap(id *Identity[T], token string) error {
	if !l.lease.Renew(func() { l.take(id, token) }) {
		return reject(ErrTokenExpired, "ended before the refresh")
	}
	return nil
}

// follow moves the socket to the room of its new identity, and tells the
// application.
func (l *life[T]) follow(before, after *Identity[T]) error {
	c := &l.guard.config
	if c.Room != nil {
		if err := l.enterRoom(after); err != nil {
			return err
		}
	}
	if c.OnRefresh != nil {
		c.OnRefresh(l.socket, before, after)
	}
	return nil
}

// confirm asks once more whether the token is revoked: only from the swap on a
// revocation finds the socket by the new id. What cannot be had now is made up for.
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
