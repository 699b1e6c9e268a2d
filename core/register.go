package socketio

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// On registers the handler of an event. The package documentation lists the signatures
// that a handler can have. On panics on any other signature, and on a second handler
// for the event: use [Namespace.OnAny] or [Namespace.UseEvent] for code that runs in
// addition to the handler. The returned function removes the handler.
func (ns *Namespace) On(event string, handler any) (off func()) {
	h := newHandler(event, handler)
	ns.checkEvent(event)
	ns = ns.ensureLive()
	h.scope = ns.level()
	ns.mu.Lock()
	defer ns.mu.Unlock()
	return ns.handlers.addLocked(event, h, &ns.mu)
}

// Once is like On for a handler that runs once and is then removed. The handler runs
// for the first event, of any socket of the namespace or of any child of the parent,
// whose arguments decode and that event middleware passes on.
func (ns *Namespace) Once(event string, handler any) (off func()) {
	ns.checkEvent(event)
	ns = ns.ensureLive()
	return ns.handlers.once(event, handler, ns.level(), &ns.mu)
}

// OnConnect adds a hook that runs when a socket has joined. All hooks run before the
// first event of the socket: those of the parent first, then in the order of
// registration.
//
// The server sends the CONNECT packet, by which the client learns that it has joined,
// when the hooks have returned: a client that then acts finds itself in the rooms that
// the hooks have made the socket join. Packets that are sent meanwhile wait behind the
// CONNECT packet. The delay has fixed bounds: the server sends the CONNECT packet after
// 1 s at the latest, when more than 64 packets wait, or when a hook waits for an
// acknowledgement of the client.
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

// OnDisconnect adds a hook that runs when a socket has been disconnected, after the
// handlers of all events that have arrived before. No handler of the socket runs after
// the hook. [Socket.Rooms] still returns the rooms that the socket was in.
func (ns *Namespace) OnDisconnect(f func(*Socket, Reason)) {
	notNil("OnDisconnect", f == nil)
	ns = ns.ensureLive()
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.onDisconnect = append(ns.onDisconnect, f)
}

// OnAny adds a listener to all incoming events, for logging and counting, but not to
// acknowledgements. Listeners run whether or not the event has a handler, before event
// middleware: the listeners of a parent first, then those of its child, then those of
// the socket, each in the order of registration. s is the socket that has received the
// event; in is valid only during the call. Listeners run on the dispatcher of the
// socket: the event waits until the listeners return. The returned function removes the
// listener.
func (ns *Namespace) OnAny(f func(s *Socket, in *Incoming)) (off func()) {
	notNil("OnAny", f == nil)
	return ns.ensureLive().scope.incoming.Add(f)
}

// OnAnyOutgoing adds a listener to all outgoing events, but not to acknowledgements.
// The listener is called once for each event and each socket of this server that the
// event goes to, before the event is queued; with Options.Recovery the listener is
// called for broadcasts after the event is queued. It is also called for volatile
// events that are then dropped. Listeners run on the goroutine that sends, and so
// concurrently; out is valid only during the call. The order is that of
// [Namespace.OnAny]. The returned function removes the listener.
func (ns *Namespace) OnAnyOutgoing(f func(s *Socket, out *Outgoing)) (off func()) {
	notNil("OnAnyOutgoing", f == nil)
	return ns.ensureLive().scope.outgoing.Add(f)
}

// OnRoom adds a listener to the changes of the rooms of the namespace, or of all
// children; the room that each socket has for itself is left out. The listener is
// called for the changes of a namespace one after another, in their order, soon after
// the change, on a goroutine that makes one of these changes. The listener must be
// quick. A socket that disconnects leaves all its rooms. The returned function removes
// the listener.
func (ns *Namespace) OnRoom(f func(RoomEvent)) (off func()) {
	notNil("OnRoom", f == nil)
	return ns.ensureLive().scope.rooms.Add(f)
}

// OnGap adds a hook that runs when the adapter of the namespace, or of one of its
// children, reports that operations are lost: clients of this server have missed events
// of other servers ([adapter.GapIncoming]), or clients of others have missed events of
// this one. Connected clients do not notice a gap: the hook can tell them to load their
// state anew, for example. A client that has got no event since an incoming gap is not
// recovered when it loses its connection, because its state is incomplete; see
// [Recovery].
//
// The hook runs on a goroutine of the adapter, and must be quick. The returned function
// removes the hook. The server also logs each gap and tells Options.Observer.
func (ns *Namespace) OnGap(f func(GapEvent)) (off func()) {
	notNil("OnGap", f == nil)
	return ns.ensureLive().scope.gaps.Add(f)
}

// OnServerSide registers the handler of an event that other servers send with
// [Namespace.ServerSideEmit]. The handler has a signature as for [Namespace.On],
// without *Socket. ServerSideEmitWithAck of the other server returns the results of the
// handler; an error is reported as to a client. The handlers of a namespace run one
// after another, for the events of one server in their order. A handler that has to
// wait, for another server for example, should wait in a goroutine of its own and
// answer with an [Ack]. The context of the handler ends when the other server stops
// waiting, and when this server ends.
//
// OnServerSide panics on a second handler for the event. The returned function removes
// the handler.
func (ns *Namespace) OnServerSide(event string, handler any) (off func()) {
	h := newHandler(event, handler)
	if h.signature.Socket {
		panic(fmt.Sprintf("socketio: handler of %q: what comes from a server has no *Socket", event))
	}
	ns = ns.ensureLive()
	ns.servers.mu.Lock()
	defer ns.servers.mu.Unlock()
	return ns.servers.handlers.addLocked(event, h, &ns.servers.mu)
}

// Use adds middleware. The middleware of a namespace runs once for each socket that
// joins: first that of the parent, then in the order of registration, until one refuses
// the socket.
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

// UseEvent adds middleware around the handlers of the namespace, for logging, rate
// limits or validation. The middleware that is added first is the outermost, and that
// of a parent is outside of that of its children. Event middleware also runs for events
// without a handler. The server calls m once for each handler, and again when more
// middleware is added.
func (ns *Namespace) UseEvent(m func(next EventHandler) EventHandler) {
	notNil("UseEvent", m == nil)
	ns.ensureLive().scope.events.Add(m)
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

// Registered says what is registered with a namespace. See [Namespace.Registered].
type Registered struct {
	// Events are the names of the events that have a handler, in their order; ServerSide
	// those of [Namespace.OnServerSide].
	Events, ServerSide []string
	// Middleware is the number of middlewares of [Namespace.Use], EventMiddleware of
	// [Namespace.UseEvent].
	Middleware, EventMiddleware int
	// Any and AnyOutgoing are the numbers of listeners to all events, Room and Gap of those
	// of OnRoom and OnGap.
	Any, AnyOutgoing, Room, Gap int
	// Connect, Disconnecting and Disconnect are the numbers of hooks.
	Connect, Disconnecting, Disconnect int
}

// Registered returns what is registered with the namespace itself on this server, for
// tools: what its parent has, and what single sockets have, is not in it.
func (ns *Namespace) Registered() Registered {
	r := Registered{
		EventMiddleware: len(ns.scope.events.All()), Any: len(ns.scope.incoming.All()), AnyOutgoing: len(ns.scope.outgoing.All()),
		Room: len(ns.scope.rooms.All()), Gap: len(ns.scope.gaps.All()),
	}
	ns.servers.mu.Lock()
	r.ServerSide = slices.Sorted(maps.Keys(ns.servers.handlers))
	ns.servers.mu.Unlock()
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	r.Events = slices.Sorted(maps.Keys(ns.handlers))
	r.Middleware = len(ns.middleware)
	r.Connect, r.Disconnecting, r.Disconnect = len(ns.onConnect), len(ns.disconnecting), len(ns.onDisconnect)
	return r
}
