package socketio

import (
	"context"
)

// Middleware decides in the handshake whether a client may join a namespace,
// before it has joined a room or any of its events is handled.
type Middleware interface {
	// Handshake returns nil to accept the socket, or an error to refuse it. The client
	// gets a [*ConnectError] as it is. Any other error is logged, and the client gets
	// "Connection refused". ctx ends when the client disconnects, and after
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
