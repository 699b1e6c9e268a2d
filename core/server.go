package socketio

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/browser"
	"github.com/gosio/gosio/core/parser"
)

// Server is a Socket.IO server: an http.Handler for the path that a router
// gives it, and the namespaces behind it. Its methods may be called
// concurrently. Create one with [NewServer].
//
// The embedded Namespace is "/", the one every client starts in: srv.On is
// srv.Of("/").On.
type Server struct {
	*Namespace

	opts   Options
	limits parser.Limits
	log    *slog.Logger
	engine *engine.Server
	client http.Handler // nil: none is served

	mu         sync.RWMutex
	namespaces map[string]*Namespace

	work work            // running dispatchers, and answers to other servers
	life context.Context // ends with Shutdown; of handlers that have no socket
	end  context.CancelCauseFunc
}

// NewServer returns a server. o may be nil. It panics with a text that begins
// with "socketio:" on options that cannot work.
func NewServer(o *Options) *Server {
	var opts Options
	if o != nil {
		opts = *o
	}
	opts = opts.withDefaults()
	srv := &Server{opts: opts, log: opts.Logger, namespaces: make(map[string]*Namespace)}
	srv.life, srv.end = context.WithCancelCause(context.Background())
	l := &srv.opts.Limits
	srv.limits = parser.Limits{
		Attachments: l.Attachments, Depth: l.JSONDepth, EventName: l.EventName,
		Namespace: l.NamespaceName, Total: l.MaxHTTPBufferSize,
	}
	srv.engine = engine.NewServer(acceptor{srv}, srv.opts.engine())
	if !opts.NoClient {
		srv.client = browser.New(opts.Client)
	}
	srv.Namespace = srv.Of("/")
	return srv
}

// Of returns the namespace, which it makes when it is asked for first. Clients
// can join it from then on. A missing leading slash is added.
func (srv *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	if len(name) > srv.opts.Limits.NamespaceName || strings.ContainsRune(name, ',') {
		panic("socketio: namespace name " + name + " cannot be used: it is too long or has a comma")
	}
	srv.mu.Lock()
	ns := srv.namespaces[name]
	if ns == nil {
		ns = newNamespace(srv, name)
		srv.namespaces[name] = ns
	}
	srv.mu.Unlock()
	return ns.ready()
}

// lookup returns the namespace if it exists.
func (srv *Server) lookup(name string) *Namespace {
	srv.mu.RLock()
	ns := srv.namespaces[name]
	srv.mu.RUnlock()
	if ns == nil {
		return nil
	}
	return ns.ready()
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
		srv.client.ServeHTTP(w, r)
	}
}

// IsHandshake reports whether a request opens a connection: the others, each
// poll and POST, belong to one. Middleware in front of the server runs for
// all of them and can use it to do expensive work once. It must be asked of
// requests for the server alone: any other can be given a "sid", too.
func IsHandshake(r *http.Request) bool { return engine.IsHandshake(r) }

// RunOnCaller is for integrations. See [engine.RunOnCaller].
func RunOnCaller(ctx context.Context) context.Context { return engine.RunOnCaller(ctx) }

// Connections is the number of open connections. One connection carries all
// namespaces of a client.
func (srv *Server) Connections() int { return srv.engine.Count() }

// Shutdown ends all connections with [ServerShuttingDown], after what is
// queued for them is sent, and waits for connections and handlers to end. When
// ctx ends first it cuts what is left and returns the context's error; handlers
// that still run are then on their own. Clients reconnect by themselves.
//
// Call it before http.Server.Shutdown, which does not know WebSocket
// connections and would wait for parked polls.
func (srv *Server) Shutdown(ctx context.Context) error {
	srv.end(ErrClosed)
	err := srv.engine.Shutdown(ctx)
	if e := srv.work.wait(ctx); err == nil {
		err = e
	}
	for _, adapter := range srv.adapters() {
		if e := adapter.Close(); err == nil {
			err = e
		}
	}
	return err
}

func (srv *Server) adapters() []Adapter {
	srv.mu.RLock()
	namespaces := slices.Collect(maps.Values(srv.namespaces))
	srv.mu.RUnlock()
	var all []Adapter
	for _, ns := range namespaces {
		if a := ns.ready().adapter; a != nil {
			all = append(all, a)
		}
	}
	return all
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
	return newConn(a.srv, s, newHandshake(r, a.srv.opts.ContextKeys))
}

// work counts what has to end before the server has.
type work struct {
	n    atomic.Int64
	mu   sync.Mutex
	idle chan struct{} // made by those who wait; closed when n becomes 0
}

func (w *work) add() { w.n.Add(1) }

func (w *work) done() {
	if w.n.Add(-1) > 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
}

func (w *work) wait(ctx context.Context) error {
	for {
		w.mu.Lock()
		if w.n.Load() == 0 {
			w.mu.Unlock()
			return nil
		}
		if w.idle == nil {
			w.idle = make(chan struct{})
		}
		idle := w.idle
		w.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
