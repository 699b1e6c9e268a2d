package mount

import (
	"context"
	"net/http"

	socketio "github.com/gosio/gosio/core"
)

// Upstream is what a mount knows of a request beyond net/http.
type Upstream = socketio.Upstream

// Server returns srv. It panics, in the name of the package pkg, if srv is nil.
func Server(pkg string, srv *socketio.Server) *socketio.Server {
	if srv == nil {
		panic("socketio: " + pkg + ": the server is nil")
	}
	return srv
}

// WithUpstream returns the request as srv has to get it: with what upstream
// returns if srv needs that, for handshakes, and with socketio.Options.Pin for all
// requests. upstream is called at once or never.
func WithUpstream(srv *socketio.Server, r *http.Request, upstream func() Upstream) *http.Request {
	if srv.WantsUpstream(r) {
		r = socketio.WithUpstream(r, upstream())
	}
	return r
}

// Serve has srv answer the request, with what upstream returns: see [WithUpstream].
func Serve(srv *socketio.Server, w http.ResponseWriter, r *http.Request, upstream func() Upstream) {
	srv.ServeHTTP(w, WithUpstream(srv, r, upstream))
}

// IsUpgrade reports whether a request asks for a WebSocket. It is for mounts that
// have to serve those in another way.
func IsUpgrade(r *http.Request) bool { return socketio.IsUpgrade(r) }

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
// ServeHTTP returns, because the framework closes the connection then, as fasthttp
// does. Without it a WebSocket has a goroutine of its own, with a smaller stack.
func OnCaller(ctx context.Context) context.Context { return socketio.RunOnCaller(ctx) }
