package socketio

import (
	"context"
	"fmt"
	"unicode/utf8"
)

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

// Once is On for a handler that runs once: for the first event, of any socket
// of the namespace or of any child of the parent, whose arguments decode and
// which event middleware lets through. From then on events have the handler
// that they would have without it.
func (ns *Namespace) Once(event string, handler any) (off func()) {
	ns.checkEvent(event)
	ns = ns.ensureLive()
	return ns.handlers.once(event, handler, ns.level(), &ns.mu)
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

// OnServerSide registers the handler of an event that other servers send by
// [Namespace.ServerSideEmit]. It has the shapes of [Namespace.On], but takes no
// *Socket. What it returns is what ServerSideEmitWithAck gets; an error goes
// there as it would go to a client. The handlers of a namespace run one after
// another, those of events of one server in their order: one that has to wait,
// for another server above all, does that in a goroutine of its own, and
// answers by an [Ack]. Its context ends with the wait of the server that asks,
// and with this server.
//
// It panics on a second handler for the event. The returned function takes the
// handler off again.
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

// checkEvent panics on the name of an event that no client can send.
func (ns *Namespace) checkEvent(event string) {
	switch limit := ns.srv.opts.Limits.EventName; {
	case len(event) > limit:
		panic(fmt.Sprintf("socketio: handler of %q: the name has %d bytes, and clients may send %d (Limits.EventName)", event, len(event), limit))
	case !utf8.ValidString(event):
		panic(fmt.Sprintf("socketio: handler of %q: the name is not valid UTF-8, as those are that clients send", event))
	}
}
