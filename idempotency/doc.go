// Package idempotency handles an event once that comes more than once: the stock client
// sends an event again, with its option retries, until it is acknowledged.
//
//	srv.UseEvent(idempotency.New(idempotency.Config{Key: idempotency.Field("key")}))
//
//	const socket = io({ retries: 3, ackTimeout: 10000 });
//	socket.emit("order", { key: crypto.randomUUID(), item: "tea" });
//
// The client names each event, and the server keeps what it was acknowledged with. When the
// name comes again the handler is not called: the client gets the same acknowledgement.
// While the handler runs the second one waits for it. A handler that fails, or panics, has
// not handled the event, and is called again if the client sends the event again; the
// stock client does not once it has an error as acknowledgement.
//
// What is kept is bounded, in memory here or in a [Store] that the servers of a cluster
// share: package idempotency/redis has one.
package idempotency
