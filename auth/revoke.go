package auth

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Token is what a revocation can name of a token.
type Token struct {
	// ID is its "jti", Subject whose it is; IssuedAt is its "iat", or zero.
	ID, Subject string
	IssuedAt    time.Time
}

// Revocation withdraws one token, or those of a subject.
type Revocation struct {
	// TokenID names one token by its "jti". If it is set, the rest is not
	// looked at.
	TokenID string `json:"jti,omitempty"`
	// Subject and IssuedBefore name all tokens of a subject that were issued
	// earlier, and those that do not say when. Zero: all that were issued until
	// the revocation is made. Tokens tell whole seconds: after a change of
	// password give the time of issue of the new token.
	Subject      string    `json:"sub,omitempty"`
	IssuedBefore time.Time `json:"before,omitzero"`
}

// Of reports whether the revocation is of that token. Without IssuedBefore it is
// of all the subject's.
func (r Revocation) Of(t Token) bool {
	if r.TokenID != "" {
		return t.ID == r.TokenID
	}
	return r.Subject != "" && t.Subject == r.Subject && (r.IssuedBefore.IsZero() || t.IssuedAt.Before(r.IssuedBefore))
}

// ErrNothingRevoked is returned for a [Revocation] that names neither a token
// nor a subject, as when a token without "jti" is to be revoked by its id.
var ErrNothingRevoked = errors.New("auth: the revocation names neither a token's id nor a subject: nothing is revoked")

// MadeAt is the revocation as it is made at a moment: with the time that it says
// nothing about. It fails with [ErrNothingRevoked]. For those who implement
// [Watch].
func (r Revocation) MadeAt(now time.Time) (Revocation, error) {
	switch {
	case r.TokenID != "":
		return Revocation{TokenID: r.TokenID}, nil
	case r.Subject == "":
		return Revocation{}, ErrNothingRevoked
	case r.IssuedBefore.IsZero():
		r.IssuedBefore = now
	}
	return r, nil
}

// Watch knows which tokens are revoked, and tells at once when one is, on
// every node of a cluster. [NewRevocations] is one for a single process,
// package auth/redis one for many. Its methods are called concurrently.
type Watch interface {
	// Revoked reports whether a token is revoked. It is asked in handshakes,
	// refreshes and rechecks; an error refuses with [ErrUnavailable].
	Revoked(ctx context.Context, t Token) (bool, error)
	// Watch has f called with every revocation from now on, wherever in the
	// cluster it is made, after Revoked knows of it. A zero Revocation says
	// that some may have been missed: Revoked is then asked for all sockets, on
	// goroutines of the guard, a few at a time. f does not wait for anything, and
	// may be called concurrently.
	Watch(f func(Revocation))
}

// Revocations is a [Watch] for one process: it forgets everything when that
// ends. Its methods may be called concurrently.
type Revocations struct {
	keep time.Duration

	mu       sync.Mutex
	tokens   map[string]time.Time // until when, by token id
	subjects map[string]subjectRevocation
	swept    time.Time
	watchers []func(Revocation)
}

type subjectRevocation struct{ before, until time.Time }

var _ Watch = (*Revocations)(nil)

// NewRevocations returns an empty list. It remembers each revocation for
// maxAge, which must be the longest time that any token lives, leeway included:
// later the token has expired by itself.
func NewRevocations(maxAge time.Duration) *Revocations {
	if maxAge <= 0 {
		panic("auth: NewRevocations needs the longest time that a token lives, leeway included, such as 24*time.Hour")
	}
	return &Revocations{
		keep: maxAge, swept: time.Now(),
		tokens: make(map[string]time.Time), subjects: make(map[string]subjectRevocation),
	}
}

// Revoke withdraws tokens: handshakes with them are refused from now on, and
// the live sockets they opened are ended. It fails with [ErrNothingRevoked].
func (v *Revocations) Revoke(r Revocation) error {
	now := time.Now()
	r, err := r.MadeAt(now)
	if err != nil {
		return err
	}
	v.mu.Lock()
	v.sweep(now)
	until := now.Add(v.keep)
	if r.TokenID != "" {
		v.tokens[r.TokenID] = until
	} else {
		before := r.IssuedBefore
		if known := v.subjects[r.Subject].before; known.After(before) {
			before = known
		}
		v.subjects[r.Subject] = subjectRevocation{before, until}
	}
	watchers := v.watchers
	v.mu.Unlock()
	for _, f := range watchers {
		f(r)
	}
	return nil
}

// sweep forgets what is too old to matter, now and then. Called with mu held.
func (v *Revocations) sweep(now time.Time) {
	if now.Sub(v.swept) < v.keep {
		return
	}
	v.swept = now
	for id, until := range v.tokens {
		if now.After(until) {
			delete(v.tokens, id)
		}
	}
	for subject, r := range v.subjects {
		if now.After(r.until) {
			delete(v.subjects, subject)
		}
	}
}

// Revoked implements [Watch]. Its error is nil.
func (v *Revocations) Revoked(_ context.Context, t Token) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.tokens[t.ID]; ok && t.ID != "" {
		return true, nil
	}
	r, ok := v.subjects[t.Subject]
	return ok && t.IssuedAt.Before(r.before), nil
}

// Watch implements [Watch].
func (v *Revocations) Watch(f func(Revocation)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.watchers = append(v.watchers[:len(v.watchers):len(v.watchers)], f)
}

// revoke ends the life if the revocation is of its token.
func (l *life[T]) revoke(r Revocation) {
	id := l.id.Load()
	if id != nil && r.Of(Token{ID: id.TokenID, Subject: id.Subject, IssuedAt: id.IssuedAt}) {
		l.lease.End(ErrTokenRevoked)
	}
}
