// Package adapter is the contract between a server and what joins it to others in
// a cluster. An [Adapter] carries operations from one server to the others and
// responses back; the core of each server does what an operation says to its own
// sockets, behind [Local]. The package depends on the standard library alone, so an
// adapter needs nothing of the core.
//
// An author of an adapter writes how an [Operation] and a [Response] become bytes,
// and how the bytes travel. A [Collector] keeps the requests that this server has
// made, an [Answerer] those that it answers. Package adaptertest has the contract as
// tests.
package adapter

import "context"

// Adapter connects the servers of a cluster for one namespace. Each server applies
// an operation to its own sockets by itself; an adapter carries the operation to the
// other servers, which hand it to their [Local]. The core calls the methods
// concurrently and holds no lock while it does.
type Adapter interface {
	// Publish sends op to all other servers. What one goroutine publishes arrives
	// everywhere in the order of its calls. Emit calls Publish and must not block: so
	// Publish queues op and returns, and does not wait for the network. It encodes op
	// before it returns: afterwards op, and all that it points to, is used again, and the
	// attachments of its packet belong to the caller of Emit again, who may change them.
	//
	// Publish returns an error when the adapter knows at once that op will not arrive:
	// it is closed, it is not connected, the queue is full. The caller of Emit gets
	// that error; the sockets of this server have got the event. What is lost later is
	// a [Gap].
	Publish(op *Operation) error
	// Request sends op to all other servers, in one order with what is published,
	// and returns without waiting for the network, when op is encoded. The other
	// servers answer by [Local.Respond]. The adapter calls each for every response: one
	// call at a time, each response once, those of one server in their order, and none
	// after wait has returned. each does not block.
	//
	// The caller calls wait once. wait returns nil when all other servers have given
	// their last response. A server that leaves meanwhile is not waited for: the
	// adapter gives a response that takes back, by a negative number in Clients, the
	// clients that the server still waited for. When ctx or this adapter ends first,
	// wait returns a [*PartialError] that counts servers. The adapter then tells the
	// other servers that nobody waits any more, if that is cheap: they give up by
	// themselves after op.Timeout.
	//
	// A [Collector] does all of this but the sending.
	Request(ctx context.Context, op *Operation, each func(*Response)) (wait func() error, err error)
	// Close leaves the cluster and ends the requests under way. No operation and no
	// response is delivered after Close has returned. The adapter of a namespace
	// that clients have made is closed when that namespace is removed; another
	// adapter may be made for the same name afterwards.
	Close() error
}

// Local is the part of a namespace that lives on this server. The core implements
// it, and it may get more methods: embed it in a type that stands in for it.
type Local interface {
	// Namespace is the namespace's name.
	Namespace() string
	// HasRoom reports whether a socket of this server is in the room, or may be: while
	// sessions are kept for recovery all rooms have somebody. A socket's id is a room of
	// its own. What is for a room that this server does not have need not be applied.
	HasRoom(room string) bool
	// Apply does to this server's sockets what another server has published. It
	// does not wait for clients or handlers. Operations of one server must be
	// applied in the order in which it has published them. An error means that
	// nobody has got the event, because clients could not take it, or the operation
	// is of a later version.
	Apply(op *Operation) error
	// Respond answers a request of another server. It does at once what op says, in
	// one order with Apply, and does not wait for clients or handlers: it calls reply
	// before it returns and, until the last response, later from other goroutines,
	// one call at a time. reply may be called after ctx has ended, when nobody needs
	// the answer any more, and after op.Timeout. An error means that there is no
	// answer.
	Respond(ctx context.Context, op *Operation, reply func(*Response)) error
	// Gap reports that operations are lost, or may be, in the order of Apply: after
	// what came before the gap and before what came after it. So a gap of an outage is
	// reported when that is over; one more at its beginning lets hooks hear of it
	// earlier. An adapter must never lose anything in silence. The core logs the gap, tells observers and hooks, and
	// recovers no client across a [GapIncoming].
	Gap(g Gap)
	// Follow says that the adapter hands over everything in the log behind a position
	// from now on: see [Sequencer]. It is called before the first entry, with the newest
	// position that the log has, asked for before the first read: what is appended in
	// between is then read, too. It is called again after a [GapIncoming] from the log, with
	// the position of the next entry's predecessor; after any other GapIncoming it need not
	// be. In one epoch the core never goes back: what is handed over again is not done again.
	//
	// It is called with another epoch when the log has begun anew. An epoch names a log, and
	// is the same on all servers: a client that was lost with one epoch is not recovered
	// with another. Another epoch is a gap, of which the core tells as of one that Gap has
	// reported. Positions of the epoch before may come again.
	Follow(epoch, position string)
	// Placed says that an operation of this server is in the log: the one for which n
	// was given to Append. It does not wait for clients or handlers.
	Placed(n uint64, position string)
	// Reached says that the log has nothing for this namespace between the entry that was
	// handed over last and a position, where the adapter is in the log. Of several
	// namespaces in one log each is told once a second, or whenever its adapter has been
	// further for a second: a client of a quiet namespace is then recovered by a server that
	// has not followed for as long, and when the log has forgotten what was before.
	Reached(position string)
}
