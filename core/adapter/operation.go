package adapter

import "time"

// OperationType says what an [Operation] does.
type OperationType uint8

// The types of operations.
const (
	// OpBroadcast sends Packet to the target.
	OpBroadcast OperationType = iota + 1
	// OpJoin puts the target's sockets into Rooms.
	OpJoin
	// OpLeave takes the target's sockets out of Rooms.
	OpLeave
	// OpDisconnect disconnects the target's sockets, with Close their connections.
	OpDisconnect
	// OpFetch is a request for the target's sockets. Each server gives one response,
	// with Sockets.
	OpFetch
	// OpCall is a request: it sends Packet to the target's clients, which are to
	// acknowledge it. The first response of each server has Clients, the number of
	// clients that the server waits for. Then comes one response for each client:
	// with Reply when the client has acknowledged, with -1 in Clients when it has
	// left.
	OpCall
	// OpServerSide gives Packet to the server-side handlers of the other servers.
	// As a request, each server gives one response, with Reply if it has a handler.
	// It may also be published.
	OpServerSide
)

// Operation is one thing that all servers of a cluster do to the sockets of a target.
// It holds nothing but data: encoded and decoded by encoding/json, it is the same
// operation, provided that the names of rooms are valid UTF-8.
//
// An operation that an adapter gets is valid until Publish or Request returns, and must
// not be changed. One that it gives to Apply, Respond or Answer belongs to the core from
// then on, with all its slices.
type Operation struct {
	Type   OperationType
	Target Target
	Packet Packet   // OpBroadcast, OpCall, OpServerSide
	Rooms  []string // OpJoin, OpLeave
	Close  bool     // OpDisconnect
	// Timeout is how long the server that requests waits for responses. Zero means
	// Options.AckTimeout of the server that answers.
	Timeout time.Duration
	// Position is where a log has the operation, on the way to Apply and from Replay;
	// otherwise empty. See [Sequencer] and [ValidPosition].
	Position string `json:",omitempty"`
}

// Response is a part of one server's answer to a request. [OperationType] says which
// fields belong to which request. Like an [Operation], it holds nothing but data.
type Response struct {
	Clients int          // OpCall
	Reply   *Packet      // OpCall, OpServerSide
	Sockets []SocketInfo // OpFetch
	// Last marks the last response of a server. Servers of another kind do not mark
	// it. With them, the response to OpFetch and to OpServerSide is the last one,
	// and so is the response to OpCall after which the server has given as many
	// replies as the sum of its Clients.
	Last bool
}

// Packet is an event as it travels between servers.
type Packet struct {
	// Data is the JSON array of the event's name and arguments, with placeholders
	// for the attachments. An acknowledgement has no name.
	Data        []byte
	Attachments [][]byte
	// Volatile drops the event for clients that cannot take it at once. An adapter
	// carries the flag and does not act on it.
	Volatile bool
	// NoCompress says that the event need not be compressed.
	NoCompress bool
	// Newest, if not 0, is how many events of this name and Key may wait for a client: a
	// newer one drops the oldest. An adapter carries both and does not act on them. Servers
	// that do not know them have all events wait.
	Newest int    `json:",omitempty"`
	Key    string `json:",omitempty"`
}

// Target says which sockets of a namespace are meant: those in at least one of
// Rooms, or all if there are no Rooms, that are in none of Except. A socket is in a
// room of its own, named by its id.
type Target struct {
	Rooms, Except []string
	// Own says that Rooms is the id of one socket, and that it alone is meant: not others
	// that have joined a room of that name. [Socket.Emit] of the core sets it, with a log
	// (see [Sequencer]). An adapter carries it beside Rooms. Servers that do not know it
	// take the id for a room.
	Own bool `json:",omitempty"`
}
