package mount

import (
	"context"
	"net/http"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/upstream"
)

// Upstream is what a mount knows of a request beyond net/http.
type Upstream struct {
	// Address is the client's IP address as the framework finds it, without a port;
	// empty: that of the connection's peer.
	Address string
	// Values are what middleware has stored, by its keys, and the URL's parameters,
	// by [Param]. They live as long as the socket, so they must not refer to
	// anything that the framework uses again: its context, its buffers.
	Values map[any]any
}

// Server returns srv. It panics, in the name of the package pkg, if srv is nil.
func Server(pkg string, srv *socketio.Server) *socketio.Server {
	if srv == nil {
		panic("socketio: " + pkg + ": the server is nil")
	}
	return srv
}

// WithUpstream returns the request with u, for the server that is to answer it.
func WithUpstream(r *http.Request, u Upstream) *http.Request {
	return upstream.With(r, upstream.Upstream(u))
}

// Prepare returns the request with what find returns, if srv needs to know that:
// for handshakes, and with socketio.Options.Pin for all requests. It calls find at
// once or never.
func Prepare(srv *socketio.Server, r *http.Request, find func() Upstream) *http.Request {
	if srv.WantsUpstream(r) {
		r = WithUpstream(r, find())
	}
	return r
}

// Serve has srv answer the request, with what find returns: see [Prepare].
func Serve(srv *socketio.Server, w http.ResponseWriter, r *http.Request, find func() Upstream) {
	srv.ServeHTTP(w, Prepare(srv, r, find))
}

// IsUpgrade reports whether a request asks for a WebSocket. It is for mounts that
// have to serve those in another way.
func IsUpgrade(r *http.Request) bool { return engine.IsUpgrade(r) }

// Bare is a writer for a request that asks for a WebSocket, between which and the
// connection there is nobody who has to learn of the answer. The server writes the
// 101 and its first packet to the connection together then, which saves a sixth of
// the CPU time that a new connection takes. For any other writer it calls
// WriteHeader(101) first, and looks whether that has reached the connection.
type Bare interface {
	http.ResponseWriter
	http.Hijacker
	// Bare marks the writer.
	Bare()
}

// OnCaller returns the context for a request whose WebSocket must end before
// ServeHTTP returns, because the framework closes the connection then. Without
// OnCaller a WebSocket has a goroutine of its own, with a smaller stack.
func OnCaller(ctx context.Context) context.Context { return engine.RunOnCaller(ctx) }
