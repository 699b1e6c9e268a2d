package socketio

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Middleware decides in the handshake whether a client may join a namespace,
// before it has joined a room or any of its events is handled.
type Middleware interface {
	// Handshake returns nil to let the socket in. An error refuses it: a
	// [*ConnectError] goes to the client as it is, anything else is logged and
	// told as "Connection refused". ctx ends when the client is gone and after
	// Limits.MiddlewareTimeout.
	Handshake(ctx context.Context, s *Socket) error
}

// CookieUser is implemented by middleware that trusts cookies. Such a
// namespace must not be open to every web page: using it together with
// CORS.Origins "*" panics.
type CookieUser interface{ UsesCookies() bool }

// Attacher is implemented by middleware that needs more of its namespace than
// the handshakes: hooks, event middleware, handlers. [Namespace.Use] calls
// Attach once, before the middleware decides on any handshake.
type Attacher interface{ Attach(ns *Namespace) }

// MiddlewareFunc is a function as [Middleware].
type MiddlewareFunc func(ctx context.Context, s *Socket) error

// Handshake implements Middleware.
func (f MiddlewareFunc) Handshake(ctx context.Context, s *Socket) error { return f(ctx, s) }

// Use adds middleware; it runs in the order of registration, a parent's before
// its children's, once per connection to the namespace, and none after one has
// refused.
func (ns *Namespace) Use(m Middleware) {
	notNil("Use", m == nil)
	if c, ok := m.(CookieUser); ok && c.UsesCookies() && ns.srv.opts.CORS.AllowsAll() {
		panic(`socketio: CORS.Origins "*" together with middleware that trusts cookies lets every web page act as the signed-in user; list the origins`)
	}
	ns = ns.mine()
	if a, ok := m.(Attacher); ok {
		a.Attach(ns)
	}
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.middleware = append(ns.middleware, m)
}

// UseFunc is Use for a function.
func (ns *Namespace) UseFunc(f func(ctx context.Context, s *Socket) error) {
	notNil("UseFunc", f == nil)
	ns.Use(MiddlewareFunc(f))
}

// UseEvent adds middleware around the handlers of the namespace's events, for
// logging, rate limits, validation. The first one added is the outermost, and a
// parent's is outside of its children's. It also sees events that have no
// handler. m is called once for each handler that it is put around, and anew
// when more is added to the namespace.
func (ns *Namespace) UseEvent(m func(next EventHandler) EventHandler) {
	notNil("UseEvent", m == nil)
	ns.mine().scope.events.add(m)
}

// errTimedOut refuses a client whose middleware has taken too long.
var errTimedOut = &ConnectError{Message: "Connection timed out"}

// lastWord is the time that middleware has for an answer of its own when its
// context has ended.
const lastWord = 100 * time.Millisecond

// admit runs the middleware for a socket. When that takes too long the client
// is refused, though the middleware may go on: it holds the dispatcher until it
// returns, and what it returns then does not matter.
func (s *Socket) admit() error {
	middleware := s.ns.allMiddleware()
	if len(middleware) == 0 {
		return nil
	}
	limit := s.ns.srv.opts.Limits.MiddlewareTimeout
	ctx, cancel := context.WithTimeout(s.Context(), limit)
	defer cancel()
	late := time.AfterFunc(min(limit, forever)+lastWord, func() {
		s.refuse(errTimedOut)
		s.dropEvents()
	})
	defer late.Stop()
	for _, m := range middleware {
		err := m.Handshake(ctx, s)
		if ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())) {
			return errTimedOut
		}
		if err != nil {
			return err
		}
	}
	if !late.Stop() {
		return errTimedOut
	}
	return nil
}

// dropEvents gives back what the events count that wait behind middleware
// which has refused them.
func (s *Socket) dropEvents() {
	var size int64
	s.mu.Lock()
	if s.inbox != nil {
		s.inbox.jobs = slices.DeleteFunc(s.inbox.jobs, func(j job) bool {
			if j.kind != jobEvent {
				return false
			}
			size += s.sizeOf(&j)
			return true
		})
	}
	s.mu.Unlock()
	s.conn.unhold(size)
}
