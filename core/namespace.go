package socketio

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/apperror"
)

// Namespace is a part of a server with handlers, rooms and middleware of its
// own; clients join as many as they like over one connection. Its methods may
// be called concurrently, at start-up or later. One that [Server.OfRegexp] or
// [Server.OfFunc] returns is a parent: it stands for all its children.
// See https://socket.io/docs/v4/namespaces/.
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

// Name is the namespace's name, "/" for the main one. That of a parent is its
// regular expression, or "func"; with "#2" and so on behind it when another one
// has that name already.
func (ns *Namespace) Name() string { return ns.name }

// On registers the handler of an event. See the package documentation for the
// shapes that a handler can have; it panics on any other, and on a second
// handler for the event: for code that runs beside the handler there are
// [Namespace.OnAny] and [Namespace.UseEvent]. The returned function takes the
// handler off again.
func (ns *Namespace) On(event string, handler any) (off func()) {
	h := newHandler(event, handler)
	ns.checkEvent(event)
	ns = ns.ensureLive()
	h.scope = ns.level()
	ns.mu.Lock()
	defer ns.mu.Unlock()
	return ns.handlers.addLocked(event, h, &ns.mu)
}

// OnConnect adds a hook that runs when a socket has joined. All hooks run, a
// parent's first, in the order of registration, before the socket's first event.
//
// The CONNECT packet, by which the client learns that it has joined, is held until
// the hooks have returned, so that what the client does then finds the rooms that
// they have put it into; packets that are sent meanwhile are held behind it. The
// delay has fixed bounds, not options: CONNECT leaves after 1 s, or when more than 64
// packets are held, or when a hook waits for an acknowledgement of the client.
func (ns *Namespace) OnConnect(f func(*Socket)) {
	notNil("OnConnect", f == nil)
	ns = ns.ensureLive()
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.onConnect = append(ns.onConnect, f)
}

// OnDisconnecting adds a hook that runs when a socket has been disconnected,
// before those of OnDisconnect.
func (ns *Namespace) OnDisconnecting(f func(*Socket, Reason)) {
	notNil("OnDisconnecting", f == nil)
	ns = ns.ensureLive()
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.disconnecting = append(ns.disconnecting, f)
}

// OnDisconnect adds a hook that runs when a socket has been disconnected,
// after the handlers of all events that came before; no handler of the socket
// runs after it. [Socket.Rooms] still tells the rooms it was in.
func (ns *Namespace) OnDisconnect(f func(*Socket, Reason)) {
	notNil("OnDisconnect", f == nil)
	ns = ns.ensureLive()
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.onDisconnect = append(ns.onDisconnect, f)
}

// OnGap adds a hook that runs when the adapter of the namespace, or of one of its
// children, reports that operations are lost: clients of this server have missed
// events of other servers ([adapter.GapIncoming]), or clients of others have missed
// events of this one. Clients that are connected do not notice it by themselves: tell
// them to load their state anew, for instance. A client that has got no event since an
// incoming gap is not recovered when it loses its connection, so that it does not take
// its state for whole; see [Recovery].
//
// The hook runs on a goroutine of the adapter, which it holds up: it must be quick.
// The returned function takes the hook off again. Each gap is also logged, and
// Options.Observer is told.
func (ns *Namespace) OnGap(f func(GapEvent)) (off func()) {
	notNil("OnGap", f == nil)
	return ns.ensureLive().scope.gaps.Add(f)
}

// LogValue implements slog.LogValuer: the name, of which a child's client may
// have chosen more than fits a log line.
func (ns *Namespace) LogValue() slog.Value { return slog.StringValue(apperror.Clip(ns.name)) }

// Sockets returns the sockets of this server that are in the namespace.
func (ns *Namespace) Sockets() (all []*Socket) {
	ns.here(func(ns *Namespace) { all = ns.rooms.match(&adapter.Target{}, all) })
	return all
}

// Socket returns the socket with that id, if it is connected to this server.
func (ns *Namespace) Socket(id string) (s *Socket, ok bool) {
	ns.here(func(ns *Namespace) {
		if !ok {
			s, ok = ns.rooms.socket(id)
		}
	})
	return s, ok
}

// Rooms returns the names of the rooms that sockets of this server are in,
// without the one that each socket has for itself, each once.
func (ns *Namespace) Rooms() (all []string) {
	ns.here(func(ns *Namespace) { all = append(all, ns.rooms.names()...) })
	if ns.pattern != nil {
		slices.Sort(all)
		all = slices.Compact(all)
	}
	return all
}

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

// OnAny adds a listener to all events that come in, for logging and counting;
// not to acknowledgements. The listeners of a parent run first, then those of its
// child, then the socket's, each in the order of registration, all before
// event middleware and whether or not the event has a handler. s is the socket that
// the event came by; in is valid only during the call. Listeners run on the
// socket's dispatcher: the event waits until they return. The returned function
// takes the listener off again.
func (ns *Namespace) OnAny(f func(s *Socket, in *Incoming)) (off func()) {
	notNil("OnAny", f == nil)
	return ns.ensureLive().scope.incoming.Add(f)
}

// OnAnyOutgoing adds a listener to all events that go out, to one socket or to
// many: it hears of each socket that an event goes to on this server, before
// the event is queued, or with Options.Recovery, if it is a broadcast, right
// after; not of acknowledgements. A volatile event, which may be
// dropped after that, is heard, too. Listeners run on the goroutine that
// sends, and so concurrently; out is valid only during the call. The order is
// that of [Namespace.OnAny]. The returned function takes the listener off
// again.
func (ns *Namespace) OnAnyOutgoing(f func(s *Socket, out *Outgoing)) (off func()) {
	notNil("OnAnyOutgoing", f == nil)
	return ns.ensureLive().scope.outgoing.Add(f)
}

// Once is On for a handler that runs once: for the first event, of any socket
// of the namespace or of any child of the parent, whose arguments decode and
// which event middleware lets through. From then on events have the handler
// that they would have without it.
func (ns *Namespace) Once(event string, handler any) (off func()) {
	ns.checkEvent(event)
	ns = ns.ensureLive()
	return ns.handlers.once(event, handler, ns.level(), &ns.mu)
}

// OnRoom adds a listener to the changes of the namespace's rooms, or of those of
// all children; not to the room that each socket has for itself. It hears of
// the changes of a namespace one after another, in their order, soon after they
// are made, on the goroutine that makes one of them; it must be quick. A
// disconnect leaves all rooms. The returned function takes the listener off
// again.
func (ns *Namespace) OnRoom(f func(RoomEvent)) (off func()) {
	notNil("OnRoom", f == nil)
	return ns.ensureLive().scope.rooms.Add(f)
}

// Use adds middleware; it runs in the order of registration, a parent's before
// its children's, once per connection to the namespace, and none after one has
// refused.
func (ns *Namespace) Use(m Middleware) {
	notNil("Use", m == nil)
	if c, ok := m.(CookieUser); ok && c.UsesCookies() && ns.srv.opts.CORS.AllowsAll() {
		panic(`socketio: CORS.Origins "*" together with middleware that trusts cookies lets every web page act as the signed-in user; list the origins`)
	}
	ns = ns.ensureLive()
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
	ns.ensureLive().scope.events.Add(m)
}

// attrs names the namespace in a log line.
func (ns *Namespace) attrs(more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{slog.Any("namespace", ns)}, more...)
}

// checkEvent panics on the name of an event that no client can send.
func (ns *Namespace) checkEvent(event string) {
	switch limit := ns.srv.opts.Limits.EventName; {
	case len(event) > limit:
		panic(fmt.Sprintf("socketio: handler of %q: the name has %d bytes, and clients may send %d (Limits.EventName)", event, len(event), limit))
	case !utf8.ValidString(event):
		panic(fmt.Sprintf("socketio: handler of %q: the name is not valid UTF-8, as those are that clients send", event))
	}
}
