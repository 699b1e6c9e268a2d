package auth

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"
)

// Token is the part of a token that a revocation can name.
type Token struct {
	// ID is the claim "jti", Subject the identity's subject, and IssuedAt the claim
	// "iat", or zero.
	ID, Subject string
	IssuedAt    time.Time
}

// Revocation withdraws one token, or all earlier tokens of a subject.
type Revocation struct {
	// TokenID names one token by its "jti". If TokenID is set, the other fields are
	// ignored.
	TokenID string `json:"jti,omitempty"`
	// Subject and IssuedBefore name all tokens of a subject that were issued before
	// that time, and those without "iat". A zero IssuedBefore means the time at which
	// the revocation is made. "iat" counts whole seconds: after a change of password
	// set IssuedBefore to the "iat" of the new token, which otherwise may be revoked,
	// too.
	Subject      string    `json:"sub,omitempty"`
	IssuedBefore time.Time `json:"before,omitzero"`
}

// Of reports whether the revocation withdraws a token. A zero IssuedBefore
// withdraws every token of the subject.
func (r Revocation) Of(t Token) bool {
	if r.TokenID != "" {
		return t.ID == r.TokenID
	}
	return r.Subject != "" && t.Subject == r.Subject && (r.IssuedBefore.IsZero() || t.IssuedAt.Before(r.IssuedBefore))
}

// ErrNothingRevoked is returned for a [Revocation] that names neither a token
// nor a subject, as when a token without "jti" is to be revoked by its id.
var ErrNothingRevoked = errors.New("auth: the revocation names neither a token's id nor a subject: nothing is revoked")

// MadeAt returns the revocation with a zero IssuedBefore replaced by now, and
// without the fields that TokenID overrides. It fails with [ErrNothingRevoked].
// Implementations of [Watch] store and publish this form.
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

// Watch stores revocations and reports each new one at once, on every node of a
// cluster. [NewRevocations] returns a Watch for a single process,
// [NewClusterRevocations] one over the adapter of the servers, and package auth/redis
// one that keeps revocations in Redis. The methods are called concurrently.
type Watch interface {
	// Revoked reports whether a token is revoked. It is called in handshakes,
	// refreshes and rechecks. In a handshake or a refresh an error refuses the token
	// with [ErrUnavailable]; in a recheck it changes nothing, and the recheck is
	// repeated.
	Revoked(ctx context.Context, t Token) (bool, error)
	// Watch registers f, which is called with every revocation from now on, on
	// whichever node it was made, once Revoked reports it. A call with the zero
	// Revocation says that revocations may have been missed: the guard then calls
	// Revoked for all its sockets, on goroutines of its own, 16 at a time. f returns
	// at once, and may be called concurrently.
	Watch(f func(Revocation))
}

// Revocations is a [Watch] for one process. Revocations are kept in memory, and are
// lost when the process ends. The methods may be called concurrently.
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

// NewRevocations returns an empty list. Each revocation is kept for maxAge, which
// must be the longest time that any token lives, leeway included: a token that was
// revoked earlier has expired by then.
func NewRevocations(maxAge time.Duration) *Revocations {
	if maxAge <= 0 {
		panic("auth: NewRevocations needs the longest time that a token lives, leeway included, such as 24*time.Hour")
	}
	return &Revocations{
		keep: maxAge, swept: time.Now(),
		tokens: make(map[string]time.Time), subjects: make(map[string]subjectRevocation),
	}
}

// Revoke withdraws tokens: handshakes with these tokens are refused from now on,
// and the live sockets that they opened are ended. It fails with
// [ErrNothingRevoked].
func (v *Revocations) Revoke(r Revocation) error {
	_, err := v.revoke(r)
	return err
}

// revoke is Revoke, and returns what other servers are told.
func (v *Revocations) revoke(r Revocation) (keptRevocation, error) {
	now := time.Now()
	r, err := r.MadeAt(now)
	if err != nil {
		return keptRevocation{}, err
	}
	v.add(r, now, now.Add(v.keep))
	v.tell(r)
	return keptRevocation{r, v.keep.Milliseconds()}, nil
}

// learn takes a revocation that was made on another server.
func (v *Revocations) learn(k keptRevocation) {
	now := time.Now()
	left := min(time.Duration(min(k.Left, math.MaxInt64/int64(time.Millisecond)))*time.Millisecond, v.keep)
	r, err := k.MadeAt(now)
	if err != nil || left <= 0 {
		return
	}
	if v.add(r, now, now.Add(left)) {
		v.tell(r)
	}
}

// add keeps a revocation until a time. It reports whether the revocation withdraws
// tokens that none has withdrawn before.
func (v *Revocations) add(r Revocation, now, until time.Time) (news bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sweepLocked(now)
	if r.TokenID != "" {
		known, ok := v.tokens[r.TokenID]
		if !ok || until.After(known) {
			v.tokens[r.TokenID] = until
		}
		return !ok
	}
	known := v.subjects[r.Subject]
	later := subjectRevocation{r.IssuedBefore, until}
	if news = r.IssuedBefore.After(known.before); !news {
		later.before = known.before
	}
	if known.until.After(until) {
		later.until = known.until
	}
	v.subjects[r.Subject] = later
	return news
}

// tell calls the watchers.
func (v *Revocations) tell(r Revocation) {
	v.mu.Lock()
	watchers := v.watchers
	v.mu.Unlock()
	for _, f := range watchers {
		f(r)
	}
}

// size is how many revocations there are, with those that a sweep will delete.
func (v *Revocations) size() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.tokens) + len(v.subjects)
}

// kept returns those of the revocations in force that are wanted.
func (v *Revocations) kept(wanted func(Revocation) bool) (list []keptRevocation) {
	now := time.Now()
	add := func(r Revocation, until time.Time) {
		if left := until.Sub(now).Milliseconds(); left > 0 && wanted(r) {
			list = append(list, keptRevocation{r, left})
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for id, until := range v.tokens {
		add(Revocation{TokenID: id}, until)
	}
	for subject, s := range v.subjects {
		add(Revocation{Subject: subject, IssuedBefore: s.before}, s.until)
	}
	return list
}

// sweepLocked deletes revocations that are older than any token, at most once in
// the time that they are kept.
func (v *Revocations) sweepLocked(now time.Time) {
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

// revoke ends the life if the revocation withdraws its token.
func (l *life[T]) revoke(r Revocation) {
	id := l.id.Load()
	if id != nil && r.Of(Token{ID: id.TokenID, Subject: id.Subject, IssuedAt: id.IssuedAt}) {
		l.lease.End(ErrTokenRevoked)
	}
}
