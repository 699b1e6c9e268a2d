package socketio

import (
	linked "container/list"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/apperror"
)

// Namespace is a part of a server with its own handlers, rooms and middleware. A client
// can join several namespaces over one connection. The methods may be called
// concurrently, at start-up or later. A namespace that [Server.OfRegexp] or
// [Server.OfFunc] returns is a parent: it stands for all its children. See
// https://socket.io/docs/v4/namespaces/.
type Namespace struct {
	srv       *Server
	name      string
	rooms     rooms
	once      sync.Once
	adapter   adapter.Adapter // nil: alone; see ready
	announced sync.Once
	scope     scope
	unhandled *handler    // of events that have none, for event middleware
	pattern   *pattern    // of a parent
	parent    *Namespace  // of a child
	life      lifetime    // of a child
	alias     atomic.Bool // not there itself: see newAlias
	claimed   atomic.Bool // no parent takes the name; changed with Server.mu held
	lastAck   atomic.Uint64
	servers   serverSide

	recovery *recovery // nil: off

	mu            sync.RWMutex
	handlers      handlers
	middleware    []Middleware
	onConnect     []func(*Socket)
	onDisconnect  []func(*Socket, Reason)
	disconnecting []func(*Socket, Reason)
}

func newNamespace(srv *Server, name string) *Namespace {
	ns := &Namespace{srv: srv, name: name}
	ns.rooms.init(
		func(step RoomStep, room, socket string) { noteRoom(ns, step, room, socket) },
		func(e RoomEvent) { tellRoom(ns, e) })
	ns.unhandled = &handler{call: unhandled, others: true, scope: inNamespace}
	if srv.opts.Recovery != nil {
		ns.recovery = newRecovery(ns)
	}
	return ns
}

// ready gives the namespace its adapter, once and without a lock of the
// server's: the factory is the application's, and may ask for namespaces.
func (ns *Namespace) ready() *Namespace {
	ns.once.Do(func() {
		if ns.life.after != nil {
			<-ns.life.after
		}
		if ns.srv.opts.Adapter != nil && !ns.srv.over.Load() { // nobody would close it
			ns.life.left = make(chan struct{})
			if ns.adapter = ns.srv.opts.Adapter(&local{ns}); ns.adapter == nil {
				panic("socketio: Options.Adapter has returned nil for " + ns.name + ": leave the option out where a server is alone")
			}
			subscribe(ns)
			if ns.recovery != nil {
				ns.recovery.sequenceBy(ns.adapter)
			}
		}
		ns.life.ready.Store(true)
	})
	return ns
}

// Name returns the name of the namespace, "/" for the main namespace. The name of a
// parent is its regular expression, or "func", with a suffix such as "#2" if the name
// is taken.
func (ns *Namespace) Name() string { return ns.name }

// Stats returns the numbers of this namespace on this server; of a parent those of all
// its children.
func (ns *Namespace) Stats() (st NamespaceStats) {
	eachLocal(ns, func(ns *Namespace) { st = st.plus(namespaceStats(ns)) })
	return st
}

// LogValue implements slog.LogValuer: the name, shortened, because clients choose the
// names of children.
func (ns *Namespace) LogValue() slog.Value { return slog.StringValue(apperror.Clip(ns.name)) }

// notNil panics on a hook that cannot be called.
func notNil(method string, isNil bool) {
	if isNil {
		panic("socketio: " + method + ": nil function")
	}
}

// shared is what a namespace has of a list, its parent's first.
func shared[T any](ns *Namespace, of func(ns *Namespace) []T) []T {
	var all []T
	if ns.parent != nil {
		ns.parent.mu.RLock()
		all = slices.Clone(of(ns.parent))
		ns.parent.mu.RUnlock()
	}
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return append(all, of(ns)...)
}

func (ns *Namespace) allMiddleware() []Middleware {
	return shared(ns, func(ns *Namespace) []Middleware { return ns.middleware })
}

func (ns *Namespace) connectHooks() []func(*Socket) {
	return shared(ns, func(ns *Namespace) []func(*Socket) { return ns.onConnect })
}

func (ns *Namespace) disconnectHooks() []func(*Socket, Reason) {
	return append(
		shared(ns, func(ns *Namespace) []func(*Socket, Reason) { return ns.disconnecting }),
		shared(ns, func(ns *Namespace) []func(*Socket, Reason) { return ns.onDisconnect })...)
}

// attrs names the namespace in a log line.
func (ns *Namespace) attrs(more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{slog.Any("namespace", ns)}, more...)
}

// pattern is what makes a namespace a parent.
type pattern struct {
	re       *regexp.Regexp // nil: only match knows
	match    func(name string, h *Handshake) bool
	children map[string]*Namespace // guarded by Server.mu
}

// announce tells the hooks of OnNewNamespace, once.
func (ns *Namespace) announce() {
	ns.announced.Do(func() {
		ns.srv.mu.RLock()
		hooks := ns.srv.onNew
		ns.srv.mu.RUnlock()
		ns.life.announcing.Store(true)
		defer ns.life.announcing.Store(false)
		for _, hook := range hooks {
			hook(ns)
		}
		ns.life.known.Store(true)
	})
}

// introduce announces the namespace before a socket's middleware runs. It fails
// when a hook has panicked: what it was to register may be what protects it.
func (ns *Namespace) introduce() error {
	ns.announce()
	if !ns.life.known.Load() {
		return errPanicked
	}
	return nil
}

// connect makes the adapter before a socket is let in: one that middleware
// refuses costs the cluster nothing. It fails when making it has panicked.
func (ns *Namespace) connect() error {
	ns.ready()
	if !ns.life.ready.Load() {
		return errPanicked
	}
	return nil
}

// level is the scope of what is registered with the namespace.
func (ns *Namespace) level() int {
	if ns.pattern != nil {
		return inParent
	}
	return inNamespace
}

// lifetime is how long a child is there.
type lifetime struct {
	// users are its sockets, from the moment they connect until their last
	// hook has run, and calls under way; removed once it is not there. Sessions that
	// are kept for recovery are none: a child that has only these rests.
	users      atomic.Int64
	kept       bool            // the application has registered something; guarded by Server.mu
	resting    *linked.Element // of Server.resting; guarded by Server.mu
	rests      atomic.Bool     // resting is not nil
	visited    atomic.Bool     // a socket has left it since it began to rest
	after      <-chan struct{} // closed when the adapter of the one before is
	ready      atomic.Bool     // it has its adapter
	known      atomic.Bool     // the hooks of OnNewNamespace have run
	announcing atomic.Bool     // they run
	leaving    atomic.Bool     // its adapter is being closed
	left       chan struct{}   // closed when that has returned; made with the adapter
}
