package socketio

import "context"

// Observer hears of what a server does: for metrics and for traces. Ready ones
// are in the packages below observe/. An implementation embeds [NopObserver] and
// overrides the methods that it needs; so it still compiles when there are more.
//
// Its methods are called concurrently, on the goroutine that does what they tell
// of, which they hold up: they must not block. All but Dropped may ask the server
// anything, [Server.Stats] included; what they send is observed in turn. One that
// panics is logged, ten times at level error with its stack, then at level debug,
// and counts as one that has done nothing: neither clients nor handlers notice.
//
// Events are passed by value and get more fields over time.
type Observer interface {
	// Connection tells of an Engine.IO connection that opens, on the goroutine
	// of its first HTTP request and before the client knows; and once of its
	// end, when its sockets are being disconnected, on any goroutine.
	Connection(e ConnectionEvent)
	// Refused tells of an HTTP request that is refused, handshakes, polls,
	// POSTs and upgrades, on the request's goroutine, before it is answered.
	Refused(e RefusedEvent)
	// Upgrade tells that an upgrade from polling is tried, on the request's
	// goroutine, and then how it has ended, on that or the connection's.
	Upgrade(e UpgradeEvent)
	// Namespace tells of a socket that joins a namespace, before the hooks of
	// OnConnect; is refused, before the client knows; or has left, after the hooks
	// of OnDisconnect: on the socket's dispatcher. A namespace that does not exist
	// is refused on the goroutine that reads the connection.
	Namespace(e NamespaceEvent)
	// Event is called before the handler of an event, on the socket's
	// dispatcher. ctx is what the handler would get, or Background if it takes
	// none. The handler, and event middleware, get the returned one, which must
	// be derived from ctx; done, unless nil, is called on the same goroutine
	// when they have returned. For an event without a handler both are called,
	// too, see EventInfo.Unhandled. Listeners of OnAny have run before.
	Event(ctx context.Context, e EventInfo) (_ context.Context, done func(EventResult))
	// Emit is called once per event that goes out, however many sockets it is
	// for, on the goroutine that emits it and before it is encoded. ctx is that
	// of EmitWithAck or WithContext, else Background. done, unless nil, is called
	// on the same goroutine when the event is queued for all, and with an
	// acknowledgement when the wait is over.
	Emit(ctx context.Context, e EmitInfo) (done func(EmitResult))
	// Dropped tells of messages that clients will not get, on the goroutine
	// that has sent them, or that finds out. It may be called while locks are
	// held, and must not call anything of this package.
	Dropped(e DropEvent)
	// Flushed tells how long one message in 64, of all connections, has waited
	// to leave, on the goroutine that has written it.
	Flushed(e FlushEvent)
	// Gap tells that the adapter has lost operations of the cluster, on a goroutine
	// of the adapter and before the hooks of [Namespace.OnGap].
	Gap(e GapEvent)

	embedsNopObserver()
}

// Watcher is implemented by observers that want to ask for [Server.Stats]:
// [NewServer] gives them the server before it returns it.
type Watcher interface{ Watch(srv *Server) }

// NopObserver is an [Observer] that does nothing. Embed it.
type NopObserver struct{}

// Connection implements Observer.
func (NopObserver) Connection(ConnectionEvent) {}

// Refused implements Observer.
func (NopObserver) Refused(RefusedEvent) {}

// Upgrade implements Observer.
func (NopObserver) Upgrade(UpgradeEvent) {}

// Namespace implements Observer.
func (NopObserver) Namespace(NamespaceEvent) {}

// Event implements Observer.
func (NopObserver) Event(ctx context.Context, _ EventInfo) (context.Context, func(EventResult)) {
	return ctx, nil
}

// Emit implements Observer.
func (NopObserver) Emit(context.Context, EmitInfo) func(EmitResult) { return nil }

// Dropped implements Observer.
func (NopObserver) Dropped(DropEvent) {}

// Flushed implements Observer.
func (NopObserver) Flushed(FlushEvent) {}

// Gap implements Observer.
func (NopObserver) Gap(GapEvent) {}

func (NopObserver) embedsNopObserver() {}
