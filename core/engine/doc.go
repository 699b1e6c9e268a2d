// Package engine implements the server side of Engine.IO v4: handshake,
// HTTP long-polling, WebSocket, the upgrade from one to the other, and the
// heartbeat. It knows nothing of Socket.IO: package socketio uses it through the
// interfaces [Handler] and [Receiver]. For WebTransport a caller brings the
// stream, see [Server.ServeStream].
//
// Specification: https://socket.io/docs/v4/engine-io-protocol/
//
// # Concurrency
//
// A [Server] and a [Session] may be used from any number of goroutines. The
// messages of one session reach its [Receiver] strictly in order and one at a
// time, also across the upgrade.
//
// # Goroutines
//
// An idle WebSocket session costs one goroutine, its reader, which holds no
// buffer while it waits. A polling session between two polls costs none.
// Three kinds come and go with work: a flusher per shard of the ready list,
// while connections have something to write; a drain per connection whose peer
// does not keep up, while the kernel refuses its bytes; and the timer callbacks
// of heartbeats and timeouts. [Server.Shutdown] waits for readers, flushers and
// drains, and until [Receiver] Closed has returned.
//
// A flusher starts at once if no reader is at work. While one is, and while a
// reader runs a handler, the start is deferred: until a reader has nothing more to
// do, but for 4 ms at most.
//
// # Parts
//
// A [Server] asks its gate which requests get in, and its acceptor for the
// connections of WebSockets. What its sessions have in common is in shared: options,
// clock, table of sessions, ready list. A [Session] is on polling, or on a wsConn,
// which is link, reader, framing and writer; a probe is an upgrade from the one to the
// other. Polling and each writer have an outbox.Queue, and the writers share the
// flushers' ready list.
//
// A type is in the file of its name, with the methods that change its state. What uses
// several types is above them, in this order: ending.go ends sessions; poll.go, post.go
// and send.go carry messages; heartbeat.go and upgrade.go are what the protocol asks for;
// receive.go takes packets; loop.go reads connections; handshake.go opens sessions; and
// serve.go and stream.go take requests. What needs no session is a package in internal.
//
// # Protocol 3
//
// A session of a client of Socket.IO 2.x (Options.AllowEIO3) differs in who sends the
// pings, in how payloads are put together, and in that bytes carry a packet type. All
// else, its limits and the upgrade included, is the same.
// See https://github.com/socketio/engine.io-protocol/tree/v3.
//
// # Locks
//
// table.mu guards the table of sessions; Session.mu everything of a session, of
// its polling, and of the queues and writers of its connections; flusher.mu a
// ready list. No two of them are ever held together, and none while user code or
// I/O runs.
package engine
