// Package socketio is a Socket.IO v5 server: events with acknowledgements in
// both directions, namespaces, rooms, broadcasting, middleware, for stock
// Socket.IO 4.x clients of every language, over HTTP long-polling and
// WebSocket.
//
//	srv := socketio.NewServer(nil)
//	srv.OnConnect(func(s *socketio.Socket) { s.Join("lobby") })
//	srv.On("message", func(s *socketio.Socket, text string) {
//		s.To("lobby").Emit("message", text)
//	})
//	http.Handle("/socket.io/", srv)
//
// # Handlers
//
// A handler is a function whose parameters are filled by type: an optional
// [context.Context], an optional [*Socket], the event's arguments in order (any
// type that encoding/json decodes, []byte for binary; the last may be
// variadic), and an optional [Ack], which stands before the arguments if they are
// variadic. A missing argument is an error, unless the
// parameter is a pointer or variadic; extra ones are ignored.
//
// What a handler returns is the acknowledgement; when it returns nothing, the
// acknowledgement is empty. With an Ack parameter it acknowledges by itself. An
// error as the last result acknowledges a failure, {"error": {"code",
// "message", "data"}}: an [*Error] as it is, anything else as "internal error",
// and logged. A panic does the same, and the socket lives on.
//
// [NewEvent] declares an event with its types, so that the compiler checks
// handlers and senders.
//
// # Namespaces that clients make
//
// [Server.OfRegexp] and [Server.OfFunc] return parents: namespaces that stand
// for all those whose names match. A client makes a child by joining it; the
// child has what the parent has, and is removed with its last client.
//
// # Binary
//
// A []byte, at any depth of an argument, travels as binary, and arrives as
// []byte. Named byte-slice types, json.RawMessage and types that marshal
// themselves are left to encoding/json. A base64 string decodes into []byte,
// too.
//
// # Order
//
// The packets of a connection are processed in the order in which the client
// sent them, also across the upgrade from polling to WebSocket. The handlers of
// one socket run one after another; those of different sockets concurrently.
// Events that arrived before a disconnect are still handled, the hooks of
// OnDisconnect run last, and no handler runs after them. Acknowledgements do
// not wait behind events, so a handler may wait for its own client's.
//
// Emit never blocks. A client that leaves too much unread is disconnected;
// events that wait for their handlers hold up the reading of their own
// connection only. See [Limits].
//
// # Clusters
//
// With Options.Adapter a server is one of many: broadcasts, and what is done to
// a broadcast's sockets, reach those of all servers, and so does what is asked:
// [Broadcast.EmitWithAck], [Broadcast.FetchSockets],
// [Namespace.ServerSideEmitWithAck]. All of it means the same on a server that
// is alone. Answers that are missing come as a [*PartialError], beside those
// that have come.
//
// # Concurrency
//
// All methods may be called concurrently unless they say otherwise.
//
// # Goroutines
//
// Beside the goroutines of package engine there is one dispatcher per socket, which
// exists only while that socket has something queued: a dispatcher runs middleware,
// hooks and handlers, and makes and removes children and their adapters. When a
// dispatcher ends, its goroutine waits for another dispatcher for at most 250 ms; at
// most 32 goroutines wait. There is also one goroutine per namespace while events of
// other servers wait for their handlers, and one for each request of another server
// while its clients have not acknowledged. With an adapter that subscribes there is one
// per namespace for rooms, and one for sockets, while they are subscribed to.
// [Server.Shutdown] waits for all of them. Listeners to what goes out and to rooms run
// on the goroutine that sends, joins or leaves. Timers end connections that join no
// namespace and packets whose attachments do not come.
//
// # Locks
//
// From outer to inner: Server.mu, Namespace.mu, recovery.mu, conn.mu, Socket.mu,
// rooms.mu, that of a subscription.Names, those of scopes and lists, then those of package engine. That of the
// events of other servers, a child's before its parent's, and that of the answers
// that a request collects, are held alone. None is held while code of the
// application or of an adapter runs, but for Options.Parser: with Options.Recovery
// it encodes under recovery.mu, as an event's offset is part of it, and so must not
// call the server. (What it cannot encode is logged there, too.) What makes a namespace, its adapter and the
// hooks of OnNewNamespace, runs once, and those who need the namespace wait for it.
package socketio
