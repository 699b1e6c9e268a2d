package socketio

import (
	linked "container/list"
	"context"
	"maps"
	"net/http"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"

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

// NewServer returns a server. o may be nil. It panics with a text that begins
// with "socketio:" on options that cannot work.
func NewServer(o *Options) *Server {
	var opts Options
	if o != nil {
		opts = *o
	}
	opts = opts.withDefaults()
	if opts.Parser != nil && opts.AllowEIO3 {
		panic("socketio: Options.Parser and Options.AllowEIO3 exclude each other: clients of Socket.IO 2.x speak the standard form")
	}
	srv := &Server{namespaces: make(map[string]*Namespace)}
	srv.prepare(opts)
	eo := srv.opts.engine()
	srv.observeEngine(eo)
	srv.engine = engine.NewServer(acceptor{srv}, eo)
	if !opts.NoClient {
		srv.client = browser.New(opts.Client)
	}
	srv.Namespace = srv.of("/", true)
	watch(opts.Observer, srv)
	return srv
}

// Of returns the namespace of that name, and makes the namespace if there is none.
// Clients can join a namespace that Of has made. A missing leading slash is added.
//
// A name that a parent of [Server.OfRegexp] matches is that parent's child: see
// [Namespace.Child]. A parent of [Server.OfFunc] may want any name, so a server
// that has one makes a namespace only when something is registered with what Of
// returns: a handler, a hook, a listener or middleware. Until then clients cannot
// join because of Of, and what is sent with the returned value, or asked of it,
// is for the namespace that has the name at that moment, most often a child of
// the parent. The namespace that is made by registering has nothing of the
// parent's, its middleware included.
//
// A namespace of Of that nothing was registered with, and that no client has joined,
// gives its name to a parent that is added later and wants the first client. While
// there is a parent of [Server.OfFunc], that parent must want the client.
func (srv *Server) Of(name string) *Namespace { return srv.of(srv.checked(name), false) }

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

// Shutdown ends all connections with [ReasonServerShuttingDown], after what is
// queued for them is sent, and waits for connections and handlers to end. More
// than ten are ended over some time, see Options.ShutdownSpread. New ones are
// refused with 503 and a Retry-After header. Clients reconnect by themselves.
//
// When ctx ends first it cuts what is left and returns the context's error.
// Code of the application that still runs is on its own then: handlers, and
// what holds a connection up, such as the function of [Server.OfFunc], a
// [Parser], an [Observer], a listener of [Namespace.OnRoom], or an adapter's
// Close. What it does then reaches nobody: its sockets are disconnected.
//
// Call it before http.Server.Shutdown, which does not know WebSocket
// connections and would wait for parked polls.
func (srv *Server) Shutdown(ctx context.Context) error {
	srv.endRunning(ErrClosed)
	err := srv.engine.Shutdown(ctx)
	srv.endSubscribing()
	defer srv.workers.Close()
	if e := srv.work.Wait(ctx); err == nil {
		err = e
	}
	if e := srv.leaveClusters(ctx); err == nil {
		err = e
	}
	return err
}

// lastWait is how long Shutdown waits for adapters when its context has ended.
const lastWait = 300 * time.Millisecond

// leaveClusters closes the adapters of all namespaces, and forgets what is kept
// for clients that come back. It returns the first error, in no order. An
// adapter that takes too long holds up no other one.
func (srv *Server) leaveClusters(ctx context.Context) error {
	srv.mu.Lock()
	srv.over.Store(true) // what is made from now on gets no adapter, and keeps nothing
	namespaces := slices.Collect(maps.Values(srv.namespaces))
	srv.mu.Unlock()
	results := make(chan error, len(namespaces))
	var closing sync.WaitGroup
	for _, ns := range namespaces {
		closing.Go(func() { // ends when the adapter's Close returns
			err := ErrPanicked // or Close has ended the goroutine
			defer func() { results <- err }()
			srv.guard("Adapter.Close", ns.name, func() { err = ns.leaveCluster() })
			if ns.recovery != nil {
				ns.recovery.end()
			}
		})
	}
	done := make(chan struct{})
	go func() { closing.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		select {
		case <-done:
		case <-time.After(lastWait):
			return ctx.Err()
		}
	}
	for range namespaces {
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}

// Close is Shutdown without patience: what is queued is dropped, and running
// handlers are not waited for.
func (srv *Server) Close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = srv.Shutdown(ctx) // the context is over, and says so
}

// acceptor implements engine.Handler without making Connect a method of Server.
type acceptor struct{ srv *Server }

// Connect implements engine.Handler.
func (a acceptor) Connect(s *engine.Session, r *http.Request) engine.Receiver {
	c := newConn(a.srv, s, newHandshake(r, a.srv.opts.ContextKeys))
	observeOpened(c, r)
	if c.old() { // from here on it has a socket, which runs
		c.begin()
	}
	return c
}

// WantsUpstream reports whether the server needs to know what a mount knows of a
// request: for handshakes, and with Options.Pin for all requests. It is for package
// mount.
func (srv *Server) WantsUpstream(r *http.Request) bool {
	return srv.opts.Pin != nil || IsHandshake(r)
}
