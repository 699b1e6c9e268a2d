package socketio

import "context"

// Observer is called for what a server does, for metrics and traces. Packages below
// observe/ have Observers for Prometheus and OpenTelemetry. An implementation embeds
// [NopObserver] and overrides the methods that it needs, so that it still compiles when
// Observer gets more methods.
//
// The methods are called concurrently, on the goroutine that causes the event, and must
// not block. All methods but Dropped may call the server, [Server.Stats] included;
// events that they emit are observed, too. A panic of a method is logged, ten times at
// level error with the stack, then at level debug, and has no other effect.
//
// Events are passed by value. Later versions may add fields to them.
type Observer interface {
	// Connection is called when an Engine.IO connection opens, on the goroutine of its
	// first HTTP request and before the response; and when the connection ends, on any
	// goroutine.
	Connection(e ConnectionEvent)
	// Refused is called when an HTTP request is refused, a handshake, poll, POST or
	// upgrade, on the goroutine of the request and before the response.
	Refused(e RefusedEvent)
	// Upgrade is called when an upgrade from polling begins, on the goroutine of the
	// request, and when the upgrade ends, on the same goroutine or that of the
	// connection.
	Upgrade(e UpgradeEvent)
	// Namespace is called on the dispatcher of a socket: when the socket joins a
	// namespace, before the hooks of OnConnect; when it is refused, before the client
	// is told; and when it has left, after the hooks of OnDisconnect. For a namespace
	// that does not exist it is called on the goroutine that reads the connection.
	Namespace(e NamespaceEvent)
	// Event is called before the handler of an event, on the dispatcher of the socket,
	// and after the listeners of OnAny. ctx is the context for the handler, or
	// Background if the handler takes no context. The handler and event middleware get
	// the returned context, which must be derived from ctx. done, unless nil, is called
	// on the same goroutine when the handler has returned. Event is also called for an
	// event without a handler, see EventInfo.Unhandled.
	Event(ctx context.Context, e EventInfo) (_ context.Context, done func(EventResult))
	// Emit is called once per outgoing event, for any number of sockets, on the
	// goroutine that emits the event and before the event is encoded. ctx is the
	// context of EmitWithAck or WithContext, otherwise Background. done, unless nil, is
	// called on the same goroutine when the event is queued for all sockets; with
	// EmitWithAck, when the wait has ended.
	Emit(ctx context.Context, e EmitInfo) (done func(EmitResult))
	// Dropped is called when messages are dropped, on the goroutine that sends them or
	// that notices the loss. Locks of the server may be held: Dropped must not call
	// anything of this package.
	Dropped(e DropEvent)
	// Flushed is called for one message in 64 of all connections, with the time that
	// the message has waited to be written, on the goroutine that has written it.
	Flushed(e FlushEvent)
	// Gap is called when the adapter reports that operations of the cluster are lost,
	// on a goroutine of the adapter and before the hooks of [Namespace.OnGap].
	Gap(e GapEvent)
	// Value is called when the value of a shared key has been set for a socket that has
	// joined, or its identity has changed, on the goroutine that has set it.
	Value(e ValueEvent)

	embedsNopObserver()
}

// Watcher is implemented by observers that call [Server.Stats]: [NewServer] calls Watch
// with the new server.
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

// Value implements Observer.
func (NopObserver) Value(ValueEvent) {}

func (NopObserver) embedsNopObserver() {}
