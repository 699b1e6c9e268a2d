package socketio

import "context"

// Adapter connects the servers of a cluster for one namespace. Each server
// applies what it does to its own sockets by itself; an adapter only carries
// operations to the other servers, which give them to their [Local]. Its
// methods are called concurrently and without any lock held.
//
// Package adaptertest holds the contract as tests.
type Adapter interface {
	// Publish sends op to all other servers. It returns when the operation is
	// on its way; an error means that other servers may not get it, and is
	// what the caller of Emit gets: its own clients have been served.
	Publish(ctx context.Context, op *Operation) error
	// Close leaves the cluster. No operation is delivered after it returns.
	Close() error
}

// RoomWatcher is implemented by adapters that subscribe by room. The calls are
// made without a lock held, so those of one room may come out of order: ask
// [Local.HasRoom] when it matters.
type RoomWatcher interface {
	RoomCreated(room string)
	RoomDeleted(room string)
}

// OperationType says what an [Operation] does.
type OperationType uint8

// The operations.
const (
	// OpBroadcast sends Packet to the target.
	OpBroadcast OperationType = iota + 1
	// OpJoin puts the target's sockets into Rooms.
	OpJoin
	// OpLeave takes the target's sockets out of Rooms.
	OpLeave
	// OpDisconnect disconnects the target's sockets, with Close their connections.
	OpDisconnect
)

// Operation is one thing that all servers of a cluster do to the sockets of a
// target. It must not be changed once it is published.
type Operation struct {
	Type   OperationType
	Target Target
	Packet Packet   // OpBroadcast
	Rooms  []string // OpJoin, OpLeave
	Close  bool     // OpDisconnect
}

// Packet is an event as it travels between servers: the JSON array of name
// and arguments, with placeholders for the attachments.
type Packet struct {
	Data        []byte
	Attachments [][]byte
	Volatile    bool
}

// Target says which sockets of a namespace are meant: those in at least one of
// Rooms, or all if there are none, that are in none of Except.
type Target struct {
	Rooms, Except []string
}

// Local is the part of a namespace that lives on this server, as its adapter
// sees it.
type Local struct{ ns *Namespace }

// Namespace is the namespace's name.
func (l *Local) Namespace() string { return l.ns.name }

// HasRoom reports whether a socket of this server is in the room.
func (l *Local) HasRoom(room string) bool {
	return len(l.ns.rooms.match(&Target{Rooms: []string{room}}, nil)) > 0
}

// Apply does to this server's sockets what another server has published.
// Operations of one server are to be applied in their order.
func (l *Local) Apply(op *Operation) error { return l.ns.apply(op) }

// apply does an operation to the sockets of this server.
func (ns *Namespace) apply(op *Operation) error {
	switch op.Type {
	case OpBroadcast:
		f, err := ns.frames(&op.Packet)
		if err != nil {
			return err
		}
		ns.deliver(&op.Target, f)
		return nil
	}
	if ns.recovery != nil {
		ns.recovery.operate(op)
		return nil
	}
	switch op.Type {
	case OpJoin:
		for _, s := range ns.rooms.match(&op.Target, nil) {
			_ = s.Join(op.Rooms...) // a full socket stays where it is
		}
	case OpLeave:
		for _, s := range ns.rooms.match(&op.Target, nil) {
			s.Leave(op.Rooms...)
		}
	case OpDisconnect:
		for _, s := range ns.rooms.match(&op.Target, nil) {
			s.Disconnect(op.Close)
		}
	}
	return nil
}

// run does an operation here and publishes it.
func (ns *Namespace) run(op *Operation, local bool) error {
	if !local && ns.adapter != nil {
		// Published first: what a client does in answer to it on another
		// server must not overtake it there.
		err := ns.adapter.Publish(context.Background(), op)
		if e := ns.apply(op); e != nil {
			return e
		}
		return err
	}
	return ns.apply(op)
}
