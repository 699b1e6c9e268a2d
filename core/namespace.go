package socketio

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Namespace is a part of a server with handlers, rooms and middleware of its
// own; clients join as many as they like over one connection. Its methods may
// be called concurrently, at start-up or later.
// See https://socket.io/docs/v4/namespaces/.
type Namespace struct {
	srv     *Server
	name    string
	rooms   rooms
	once    sync.Once
	adapter Adapter // nil: alone; see ready
	lastAck atomic.Uint64
	servers serverSide

	recovery *recovery // nil: off

	mu            sync.RWMutex
	handlers      handlers
	middleware    []Middleware
	events        []func(EventHandler) EventHandler
	unhandled     *handler // of events that have none, for event middleware
	onConnect     []func(*Socket)
	onDisconnect  []func(*Socket, Reason)
	disconnecting []func(*Socket, Reason)
}

func newNamespace(srv *Server, name string) *Namespace {
	ns := &Namespace{srv: srv, name: name, unhandled: &handler{call: unhandled}}
	ns.rooms.init()
	if srv.opts.Recovery != nil {
		ns.recovery = newRecovery(ns)
	}
	return ns
}

// ready gives the namespace its adapter, once and without a lock of the
// server's: the factory is the application's, and may ask for namespaces.
func (ns *Namespace) ready() *Namespace {
	ns.once.Do(func() {
		if ns.srv.opts.Adapter != nil {
			ns.adapter = ns.srv.opts.Adapter(&Local{ns})
			ns.rooms.watch, _ = ns.adapter.(RoomWatcher)
		}
	})
	return ns
}

// Name is the namespace's name, "/" for the main one.
func (ns *Namespace) Name() string { return ns.name }

// On registers the handler of an event. See the package documentation for the
// shapes that a handler can have; it panics on any other, and on a second
// handler for the event. The returned function takes the handler off again.
func (ns *Namespace) On(event string, handler any) (off func()) {
	h := newHandler(event, handler)
	ns.mu.Lock()
	defer ns.mu.Unlock()
	return ns.handlers.add(event, h, &ns.mu)
}

// OnConnect adds a hook that runs when a socket has joined. All of them run,
// in the order of registration, before the socket's first event.
func (ns *Namespace) OnConnect(f func(*Socket)) {
	notNil("OnConnect", f == nil)
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.onConnect = append(ns.onConnect, f)
}

// OnDisconnecting adds a hook that runs when a socket has been disconnected,
// before those of OnDisconnect.
func (ns *Namespace) OnDisconnecting(f func(*Socket, Reason)) {
	notNil("OnDisconnecting", f == nil)
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.disconnecting = append(ns.disconnecting, f)
}

// OnDisconnect adds a hook that runs when a socket has been disconnected,
// after the handlers of all events that came before; no handler of the socket
// runs after it. [Socket.Rooms] still tells the rooms it was in.
func (ns *Namespace) OnDisconnect(f func(*Socket, Reason)) {
	notNil("OnDisconnect", f == nil)
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.onDisconnect = append(ns.onDisconnect, f)
}

// Emit sends an event to all sockets of the namespace.
func (ns *Namespace) Emit(event string, args ...any) error { return ns.all().Emit(event, args...) }

// EmitWithAck sends an event to all clients of the namespace and waits for
// their acknowledgements. See [Broadcast.EmitWithAck].
func (ns *Namespace) EmitWithAck(ctx context.Context, event string, args ...any) ([]*Reply, error) {
	return ns.all().EmitWithAck(ctx, event, args...)
}

// FetchSockets returns the sockets of the namespace, those of other servers
// included. See [Broadcast.FetchSockets].
func (ns *Namespace) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	return ns.all().FetchSockets(ctx)
}

func (ns *Namespace) all() Broadcast { return Broadcast{ns: ns} }

// To returns a broadcast to the sockets that are in at least one of the rooms.
func (ns *Namespace) To(rooms ...string) Broadcast { return ns.all().To(rooms...) }

// In is To.
func (ns *Namespace) In(rooms ...string) Broadcast { return ns.all().To(rooms...) }

// Except returns a broadcast to the sockets that are in none of the rooms.
func (ns *Namespace) Except(rooms ...string) Broadcast { return ns.all().Except(rooms...) }

// Local returns a broadcast to the sockets of this server only.
func (ns *Namespace) Local() Broadcast { return ns.all().Local() }

// Volatile returns a broadcast that skips clients that cannot take it at once.
func (ns *Namespace) Volatile() Broadcast { return ns.all().Volatile() }

// SocketsJoin puts all sockets of the namespace into the rooms.
func (ns *Namespace) SocketsJoin(rooms ...string) error { return ns.all().SocketsJoin(rooms...) }

// SocketsLeave takes all sockets of the namespace out of the rooms.
func (ns *Namespace) SocketsLeave(rooms ...string) error { return ns.all().SocketsLeave(rooms...) }

// DisconnectSockets disconnects all sockets from the namespace, with closeConn
// their whole connections.
func (ns *Namespace) DisconnectSockets(closeConn bool) error {
	return ns.all().DisconnectSockets(closeConn)
}

// Sockets returns the sockets of this server that are in the namespace.
func (ns *Namespace) Sockets() []*Socket { return ns.rooms.match(&Target{}, nil) }

// Socket returns the socket with that id, if it is connected to this server.
func (ns *Namespace) Socket(id string) (*Socket, bool) { return ns.rooms.socket(id) }

// Rooms returns the names of the rooms that sockets of this server are in,
// without the one that each socket has for itself.
func (ns *Namespace) Rooms() []string { return ns.rooms.names() }

// notNil panics on a hook that cannot be called.
func notNil(method string, isNil bool) {
	if isNil {
		panic("socketio: " + method + ": nil function")
	}
}

func (ns *Namespace) connectHooks() []func(*Socket) {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return slices.Clone(ns.onConnect)
}

func (ns *Namespace) disconnectHooks() []func(*Socket, Reason) {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return append(slices.Clone(ns.disconnecting), ns.onDisconnect...)
}
