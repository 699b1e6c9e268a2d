package auth

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/failures"
	"github.com/gosio/gosio/internal/lease"
	"github.com/gosio/gosio/internal/loglimit"
)

// Guard authenticates the clients of the namespaces that use it, before they
// join and for as long as they stay. Make one with [JWT], [Custom] or
// [External]:
//
//	guard := auth.JWT(auth.Config[Claims]{Keys: auth.Secret(secret), Algorithms: []string{"HS256"}})
//	srv.Use(guard)
//	srv.Of("/admin").Use(guard.Require(isAdmin))
//
// It may be used by any number of namespaces, once in each. Its methods may be
// called concurrently.
//
// When a parent and its child both have guards, both must let a client in. Guards
// that are derived from one another share one token, which is verified once, one
// expiry and one refresh; the policies of both hold. Guards that are not derived
// from one another verify separately, and the socket ends when the first of their
// tokens ends. If both have verified the same token, one refresh replaces the token
// for both, and both must accept the new token.
type Guard[T any] struct {
	*shared[T]
	policies []Policy[T]
	events   map[string][]Policy[T]
}

// shared is what a guard and those derived from it have in common.
type shared[T any] struct {
	config   Config[T]
	verifier Verifier[T]                                                      // nil: external
	external func(context.Context, *socketio.Handshake) (*Identity[T], error) // nil: verifier
	live     index
	failures failures.Limiter
	noted    loglimit.Limiter // of what is logged
}

// note logs a line about a socket. Lines of a kind share a limit: clients cannot
// make the log grow as they like.
func (g *shared[T]) note(level slog.Level, kind, msg string, s *socketio.Socket, attrs ...slog.Attr) {
	attrs = append([]slog.Attr{slog.Any("namespace", s.Namespace().LogValue()), slog.Any("socket", s.LogValue())}, attrs...)
	g.noted.Log(g.config.Logger, level, kind, msg, attrs...)
}

// checkHangs logs that a check does not return, or is refused because too many do
// not.
func (g *shared[T]) checkHangs(abandoned int, refused bool) {
	running, limit := slog.Int("running", abandoned), slog.Int("limit", lease.MaxAbandoned)
	if refused {
		g.noted.Log(g.config.Logger, slog.LevelError, "checks refused", "auth: no check begins until earlier checks return", running, limit)
		return
	}
	g.noted.Log(g.config.Logger, slog.LevelError, "check hangs", "auth: a check does not return; policies must not wait, and Config.Watch must return when its context ends", running, limit)
}

var (
	_ socketio.Middleware = (*Guard[struct{}])(nil)
	_ socketio.CookieUser = (*Guard[struct{}])(nil)
	_ socketio.Attacher   = (*Guard[struct{}])(nil)
)

// Custom returns a guard whose tokens v checks. Settings of c that are for JWTs
// must be left empty.
func Custom[T any](v Verifier[T], c Config[T]) *Guard[T] {
	if isNil(v) {
		panic("auth: Custom without a Verifier: give it one, such as a VerifierFunc")
	}
	c.checkNotJWT("a Verifier of your own")
	return newGuard(c.withDefaults(), v, nil)
}

// newGuard takes a configuration that has its defaults.
func newGuard[T any](c Config[T], v Verifier[T], external func(context.Context, *socketio.Handshake) (*Identity[T], error)) *Guard[T] {
	c.check()
	g := &Guard[T]{shared: &shared[T]{config: c, verifier: v, external: external}}
	g.failures.Limit = c.FailuresPerMinute
	g.live.checks.Report = g.checkHangs
	if c.Watch != nil {
		c.Watch.Watch(g.live.revoke)
	}
	return g
}

// Require returns a guard that also asks the policies, all of which must
// agree. It shares everything else with g, so that one connection may be in
// namespaces of both.
func (g *Guard[T]) Require(policies ...Policy[T]) *Guard[T] {
	checkPolicies(policies)
	d := *g
	d.policies = slices.Concat(g.policies, policies)
	return &d
}

// RequireFor returns a guard that also asks the policies before an event is
// handled, each time it comes.
func (g *Guard[T]) RequireFor(event string, policies ...Policy[T]) *Guard[T] {
	if event == "" || len(policies) == 0 {
		panic("auth: RequireFor needs the name of an event, and a policy: without one it would protect nothing")
	}
	checkPolicies(policies)
	d := *g
	d.events = maps.Clone(g.events)
	if d.events == nil {
		d.events = make(map[string][]Policy[T])
	}
	d.events[event] = slices.Concat(g.events[event], policies)
	return &d
}

func checkPolicies[T any](policies []Policy[T]) {
	if slices.ContainsFunc(policies, func(p Policy[T]) bool { return p == nil }) {
		panic("auth: a policy is nil: leave it out, or give a function")
	}
}

// UsesCookies implements [socketio.CookieUser].
func (g *Guard[T]) UsesCookies() bool {
	return g.external != nil || slices.ContainsFunc(g.config.Sources, func(s Source) bool { return s.cookie })
}

// Attach implements [socketio.Attacher]. It panics when a namespace uses two
// guards with the same RefreshEvent.
func (g *Guard[T]) Attach(ns *socketio.Namespace) {
	ns.OnConnect(g.joined)
	ns.UseEvent(g.guardEvents)
	if g.config.RefreshEvent != "" {
		ns.On(g.config.RefreshEvent, g.refresh)
	}
}

// Handshake implements [socketio.Middleware].
func (g *Guard[T]) Handshake(ctx context.Context, s *socketio.Socket) error {
	if l, ok := lives.of(s, g.shared).(*life[T]); ok { // of a guard of the parent
		if err := l.join(g); err != nil {
			return g.refuse(s, err)
		}
		return nil
	}
	l := newLife(g, s)
	// Before the token is looked at: a revocation finds the socket, or the
	// check that follows finds the revocation.
	stop := context.AfterFunc(s.Context(), l.stop)
	admitted := false
	defer func() {
		if !admitted { // code of the application may also have panicked
			stop()
			l.stop()
		}
	}()
	id, err := g.authenticate(ctx, s, l)
	if err != nil {
		return g.refuse(s, err)
	}
	if id != nil {
		s.SetIdentity(id.Subject)
		if err := l.enterRoom(g.room(id)); err != nil {
			return err
		}
	}
	lives.add(s, l)
	if id != nil {
		before, shared := l.id, g.shared // so that the session does not keep the whole life in memory
		s.RecoverIf(func(ctx context.Context, next *socketio.Socket) bool {
			return shared.resumes(ctx, before.Load(), next)
		})
	}
	admitted = true
	return nil
}

// authenticate begins the life of a socket; it returns nil for a client that
// may stay anonymous.
func (g *Guard[T]) authenticate(ctx context.Context, s *socketio.Socket, l *life[T]) (*Identity[T], error) {
	id, token, err := g.identify(ctx, s)
	if err != nil {
		return nil, err
	}
	if e := decide(g.policies, id); e != nil {
		return nil, reject(e, "policy")
	}
	if id == nil {
		return nil, nil
	}
	l.begin(id, token)
	if err := g.revoked(ctx, id); err != nil {
		return nil, err
	}
	if e := l.ended(); e != nil {
		return nil, reject(e, "ended while it was checked")
	}
	return id, nil
}

// identify finds and verifies what the handshake carries. token is empty for
// an External guard.
func (g *Guard[T]) identify(ctx context.Context, s *socketio.Socket) (id *Identity[T], token string, err error) {
	h := s.Handshake()
	if g.external != nil {
		id, err := g.external(ctx, h)
		if err == nil && id == nil && !g.config.Optional {
			err = reject(ErrTokenMissing, "nobody is signed in")
		}
		if err != nil || id == nil {
			return nil, "", err
		}
		id, err = g.accept(id)
		return id, "", err
	}
	token, found := g.config.findToken(h)
	if !found {
		if g.config.Optional {
			return nil, "", nil
		}
		return nil, "", reject(ErrTokenMissing, "no token where Config.Sources look (by default auth.token, and the header Authorization: Bearer …)")
	}
	id, err = g.verify(ctx, h.Address, token)
	return id, token, err
}

// verify is Verify for a client. It counts refused tokens by the client's address.
func (g *Guard[T]) verify(ctx context.Context, address, token string) (id *Identity[T], err error) {
	done, err := g.failures.Begin(ctx, address)
	if errors.Is(err, failures.ErrTooMany) {
		return nil, reject(ErrRateLimited, err.Error())
	}
	if err != nil {
		return nil, err
	}
	failed := true // a panic, too
	defer func() { done(failed) }()
	id, err = g.Verify(ctx, token)
	failed = err != nil && told(err) != ErrUnavailable
	return id, err
}

// Verify checks a token as the handshake does, with revocations and without
// policies, so that a REST API can accept the same tokens. It panics for a guard of
// [External]. Its errors are or wrap an [*Error]; any other error means that keys or
// revocations cannot be read.
func (g *Guard[T]) Verify(ctx context.Context, token string) (*Identity[T], error) {
	if g.verifier == nil {
		panic("auth: Verify of an External guard, which never sees a token: use the guard of JWT or Custom")
	}
	if limit := g.config.MaxTokenSize; limit >= 0 && len(token) > limit {
		return nil, reject(ErrTokenMalformed, "too large")
	}
	id, err := g.verifier.Verify(ctx, token)
	if err != nil {
		return nil, err
	}
	if id == nil {
		return nil, reject(ErrTokenInvalid, "the verifier knows nobody")
	}
	if id, err = g.accept(id); err != nil {
		return nil, err
	}
	if err := g.revoked(ctx, id); err != nil {
		return nil, err
	}
	return id, nil
}

// accept checks what holds for every kind of token, and names its subject.
func (g *Guard[T]) accept(id *Identity[T]) (*Identity[T], error) {
	if id.Claims == nil {
		return nil, reject(ErrTokenInvalid, "no claims")
	}
	if g.config.Subject != nil {
		named := *id
		named.Subject = g.config.Subject(id.Claims)
		id = &named
	}
	switch {
	case id.Subject == "":
		return nil, reject(ErrTokenInvalid, "no subject")
	case id.ExpiresAt.IsZero() && !g.config.AllowNoExpiry:
		return nil, reject(ErrTokenInvalid, "no expiry")
	case !id.ExpiresAt.IsZero() && !time.Now().Before(id.ExpiresAt.Add(g.config.Leeway)):
		return nil, reject(ErrTokenExpired, "expired")
	}
	return id, nil
}

// revoked asks Config.Watch.
func (g *shared[T]) revoked(ctx context.Context, id *Identity[T]) error {
	if g.config.Watch == nil {
		return nil
	}
	revoked, err := g.config.Watch.Revoked(ctx, Token{ID: id.TokenID, Subject: id.Subject, IssuedAt: id.IssuedAt})
	if err == nil && revoked {
		err = reject(ErrTokenRevoked, "revoked")
	}
	return err
}

// refuse logs why a client is refused, and returns what the client is told of it.
func (g *Guard[T]) refuse(s *socketio.Socket, err error) error {
	e := told(err)
	address, code := slog.String("address", clip(s.Handshake().Address)), slog.String("code", string(e.Code))
	if e == ErrUnavailable {
		g.note(slog.LevelError, "cannot verify", "auth: cannot verify", s, address, code, slog.Any("error", err))
	} else {
		g.note(slog.LevelWarn, "refused "+string(e.Code), "auth: refused", s, address, code, slog.Any("reason", err))
	}
	return refusal(e)
}

// clip bounds what a client may have sent, in a log line.
func clip(text string) string { return text[:min(len(text), 256)] }

// joined ends a socket whose authentication has ended while the socket joined its
// namespace: a socket cannot be disconnected before it has joined.
func (g *Guard[T]) joined(s *socketio.Socket) {
	if l, ok := lives.of(s, g.shared).(*life[T]); ok {
		l.lease.Joined()
	}
}

// guardEvents runs before every handler: no event is handled for a socket whose
// authentication has ended, not even an event that arrived before the end.
func (g *Guard[T]) guardEvents(next socketio.EventHandler) socketio.EventHandler {
	return func(ctx context.Context, in *socketio.Incoming) error {
		l, ok := lives.of(in.Socket, g.shared).(*life[T])
		if !ok { // the socket joined before the namespace had the guard
			return failure(ErrTokenMissing)
		}
		if e := l.ended(); e != nil {
			return failure(e)
		}
		if policies := g.events[in.Event]; policies != nil {
			if e := decide(policies, l.id.Load()); e != nil {
				return failure(e)
			}
		}
		return next(ctx, in)
	}
}

// From returns the identity of a socket's client. It returns nil and false if no
// guard with claims of type T has let the client in, or if the client is anonymous.
// The identity changes when the client refreshes its token. If several guards have
// verified tokens, the identity is that of the last guard, as for
// [socketio.Socket.Identity]: a child's guard comes after its parent's.
func From[T any](s *socketio.Socket) (*Identity[T], bool) {
	for _, l := range slices.Backward(lives.all(s)) {
		if l, ok := l.(*life[T]); ok {
			if id := l.id.Load(); id != nil {
				return id, true
			}
		}
	}
	return nil, false
}
