package socketio

import (
	linked "container/list"
	"context"
	"net/http"
	"path"
	"sync"
	"sync/atomic"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/browser"
)

// Server is a Socket.IO server: an http.Handler for the path that a router
// gives it, and the namespaces behind it. Its methods may be called
// concurrently. Create one with [NewServer].
//
// The embedded Namespace is "/", the one every client starts in: srv.On is
// srv.Of("/").On.
type Server struct {
	*Namespace

	host

	engine *engine.Server
	client http.Handler // nil: none is served

	mu         sync.RWMutex
	namespaces map[string]*Namespace    // concrete ones and children
	parents    []*Namespace             // in the order of registration
	children   int                      // of all parents
	resting    linked.List              // of *Namespace: children of which only sessions are kept, some in use again
	evicted    int                      // children that are being removed for others
	over       atomic.Bool              // Shutdown has closed the adapters; changed with mu held
	leaving    map[string]chan struct{} // closed when a removed child's adapter is
	onNew      []func(*Namespace)
}

// ServeHTTP serves Engine.IO requests and, unless Options.NoClient is set, the
// browser client under its well-known names. The router owns the path:
//
//	http.Handle("/socket.io/", srv)
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if srv.client == nil || !browser.Lookup(path.Base(r.URL.Path)) {
		srv.engine.ServeHTTP(w, r)
		return
	}
	if srv.engine.CheckOrigin(w, r) {
		srv.engine.LeaveBody(w, r)
		srv.client.ServeHTTP(w, r)
	}
}

// Stream is what [Server.ServeStream] serves. See [engine.Stream].
type Stream = engine.Stream

// ServeStream serves a request for WebTransport, on the stream that accept
// returns. It is for packages that speak WebTransport, as transports/webtransport
// does; Options.Transports has to have "webtransport". See
// [engine.Server.ServeStream].
func (srv *Server) ServeStream(w http.ResponseWriter, r *http.Request, accept func(context.Context) (Stream, error)) {
	srv.engine.ServeStream(w, r, accept)
}

// IsHandshake reports whether a request opens a connection: the others, each
// poll and POST, belong to one. Middleware in front of the server runs for
// all of them and can use it to do expensive work once. It must be asked of
// requests for the server alone: any other can be given a "sid", too.
func IsHandshake(r *http.Request) bool { return engine.IsHandshake(r) }

// Connections is the number of open connections. One connection carries all
// namespaces of a client.
func (srv *Server) Connections() int { return srv.engine.Count() }

// WantsUpstream reports whether the server needs to know what a mount knows of a
// request: for handshakes, and with Options.Pin for all requests. It is for package
// mount.
func (srv *Server) WantsUpstream(r *http.Request) bool {
	return srv.opts.Pin != nil || IsHandshake(r)
}
