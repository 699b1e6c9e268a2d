package socketio

import (
	linked "container/list"
	"context"
	"net/http"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/browser"
)

// Server is a Socket.IO server: an http.Handler for the path at which a router mounts
// the server, and the namespaces of that server. Its methods may be called
// concurrently. [NewServer] makes a Server.
//
// The embedded Namespace is the main namespace, "/": srv.On is srv.Of("/").On.
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

// ServeHTTP serves Engine.IO requests and, unless Options.NoClient is set, the files of
// the browser client, such as socket.io.js. The application chooses the path:
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

// ServeStream serves a WebTransport request on the stream that accept returns. Packages
// that implement WebTransport call it, such as transports/webtransport;
// Options.Transports must contain "webtransport". See [engine.Server.ServeStream].
func (srv *Server) ServeStream(w http.ResponseWriter, r *http.Request, accept func(context.Context) (Stream, error)) {
	srv.engine.ServeStream(w, r, accept)
}

// IsHandshake reports whether a request opens a connection. All other requests, polls
// and POSTs, belong to an open connection. HTTP middleware runs for all requests, and
// can use IsHandshake to do expensive work once per connection. Call IsHandshake only
// for requests to the server's path: a request is no handshake if it has a query
// parameter "sid", and on another path any client can add that. The preflight (OPTIONS)
// of a browser is no handshake, either: it never has the credentials that middleware asks
// for, and opens nothing.
func IsHandshake(r *http.Request) bool { return engine.IsHandshake(r) }

// Observe adds an Observer to those of Options.Observer: for packages that are given a
// server that somebody else has made. It may be called at any time: o hears what
// happens from then on, and cannot be removed. Observe panics if o is nil.
func (srv *Server) Observe(o Observer) {
	notNil("Observe", o == nil)
	srv.eyes.Lock()
	if old := srv.observer.Load(); old != nil {
		srv.observer.Store(old.with(o))
	} else {
		srv.observer.Store(guard(o, srv.log, time.Now()))
		srv.engine.Observe(fromEngine{&srv.host})
	}
	srv.eyes.Unlock()
	watch(o, srv)
}

// Options returns the options that are in force, for tools: defaults stand in the place of
// zeros, and -1 in the place of limits and times that have no bound. Limits.Memory is 0
// if GOMEMLIMIT decides.
func (srv *Server) Options() Options { return srv.opts.inForce(srv.engine.Options()) }

// Context returns a context that ends when Shutdown or Close begins to end the server:
// for what works for the server beside its handlers.
func (srv *Server) Context() context.Context { return srv.running }

// Connections returns the number of open connections. One connection carries all
// namespaces of a client.
func (srv *Server) Connections() int { return srv.engine.Count() }

// WantsUpstream reports whether the server needs the upstream values of a request: it
// needs those of handshakes and, with Options.Pin, those of all requests. Package mount
// calls it.
func (srv *Server) WantsUpstream(r *http.Request) bool {
	return srv.opts.Pin != nil || IsHandshake(r)
}
