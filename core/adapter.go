package socketio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosio/gosio/core/parser"
)

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
	// Request sends op to all other servers, in one order with what is
	// published, and returns when it is on its way. Their [Local.Respond]
	// answers; each is called for every response that comes: one call at a time,
	// each response once, those of one server in their order, and none after
	// wait has returned. It does not block.
	//
	// The caller calls wait once. It returns nil when all servers have given
	// their last response, those that have left meanwhile excepted: for them the
	// adapter gives a response that takes back, by a negative number in Clients,
	// whom they still waited for. When ctx or this adapter ends first, wait
	// returns a [*PartialError] that counts servers.
	// The other servers are told then, if that is cheap: they give up by
	// themselves after op.Timeout.
	Request(ctx context.Context, op *Operation, each func(*Response)) (wait func() error, err error)
	// Close leaves the cluster and ends the requests under way. No operation and
	// no response is delivered after it returns. The adapter of a child, see
	// [Server.OfRegexp], is closed when the child is removed; another one may be
	// made for that name afterwards.
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
	// OpFetch asks for the target's sockets. Its one response has Sockets.
	OpFetch
	// OpCall sends Packet to the target's clients, which are to acknowledge it.
	// The first response of each server has Clients, how many it waits for.
	// Then come the acknowledgements, one response each, and for clients that
	// have left some with a negative number in Clients.
	OpCall
	// OpServerSide gives Packet to the handlers of [Namespace.OnServerSide].
	// Requested, its one response has what the handler answers as Reply, or
	// nothing if the server has no handler. It may be published, too.
	OpServerSide
)

// Operation is one thing that all servers of a cluster do to the sockets of a
// target. It must not be changed once it is published.
type Operation struct {
	Type   OperationType
	Target Target
	Packet Packet   // OpBroadcast, OpCall, OpServerSide
	Rooms  []string // OpJoin, OpLeave
	Close  bool     // OpDisconnect
	// Timeout is how long the responses to a request are waited for. Zero means
	// the answering server's Options.AckTimeout.
	Timeout time.Duration
}

// Response is a part of what one server answers to a request. See the
// operations for which part is whose.
type Response struct {
	Clients int          // OpCall
	Reply   *Packet      // OpCall, OpServerSide
	Sockets []SocketInfo // OpFetch
	// Last says that the server has answered completely. Servers of another
	// kind do not tell: with them an adapter counts. The response to OpFetch and
	// OpServerSide is the last one, and to OpCall the one after which there are
	// as many replies as Clients, added up, says.
	Last bool
}

// Packet is an event as it travels between servers: the JSON array of name
// and arguments, with placeholders for the attachments. That of an
// acknowledgement has no name.
type Packet struct {
	Data        []byte
	Attachments [][]byte
	Volatile    bool
	NoCompress  bool // see Broadcast.Compress
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
// Operations of one server are to be applied in their order. An error is of an
// event that clients could not take, or of an operation of a later version: nobody
// has got it.
func (l *Local) Apply(op *Operation) error {
	if op.Type == OpBroadcast {
		if err := op.Packet.check(); err != nil {
			return err
		}
	}
	if o := l.ns.srv.observer; o != nil && op.Type == OpBroadcast {
		done := o.remote(l.ns, op)
		var t tally
		err := l.ns.apply(op, &t)
		done(&t)
		return err
	}
	return l.ns.apply(op, nil)
}

// Respond answers what another server has requested. It does at once what is
// to be done, in one order with Apply, and does not wait for clients and
// handlers: reply is called before it returns and, until the last response,
// later. It is called once at a time. It may be called when ctx has ended,
// which is when the answer has no use any more, or op.Timeout is over. An error
// means that there is no answer.
func (l *Local) Respond(ctx context.Context, op *Operation, reply func(*Response)) error {
	switch op.Type {
	case OpFetch:
		reply(&Response{Sockets: l.ns.infos(&op.Target), Last: true})
		return nil
	case OpCall:
		return l.ns.respondCall(ctx, op, reply)
	case OpServerSide:
		return l.ns.receiveServerSide(ctx, op, reply)
	}
	return errOperation
}

// eventLimits are those of events that another server may send to clients here:
// what [Socket.Emit] can have made.
var eventLimits = parser.Limits{Attachments: parser.MaxAttachments, Depth: 1024, EventName: -1}

// check makes sure that an event of another server harms no client here: they
// drop a connection that brings what is not valid.
func (p *Packet) check() error {
	if !bytes.HasSuffix(p.Data, []byte("]")) { // where recovery puts an offset
		return errOperation
	}
	event := parser.Packet{Type: parser.Event, Namespace: parser.DefaultNamespace, Data: p.Data, Attachments: p.Attachments}
	if len(p.Attachments) > 0 {
		event.Type = parser.BinaryEvent
	}
	if err := event.Check(&eventLimits); err != nil {
		return fmt.Errorf("socketio: event of another server: %w", err)
	}
	return nil
}

// errOperation says that a server of a later version has asked.
var errOperation = errors.New("socketio: operation that cannot be answered")

// apply does an operation to the sockets of this server. t, if not nil, counts
// the deliveries of a broadcast.
func (ns *Namespace) apply(op *Operation, t *tally) error {
	switch op.Type {
	case OpBroadcast:
		f, err := ns.frames(&op.Packet)
		if err == nil {
			t.add(ns.deliver(&op.Target, f), f)
		}
		return err
	case OpServerSide:
		return ns.receiveServerSide(context.Background(), op, nil)
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

// perform does an operation here and publishes it.
func (ns *Namespace) perform(op *Operation, local bool, t *tally) error {
	if !local && ns.adapter != nil {
		// Published first: what a client does in answer to it on another
		// server must not overtake it there.
		err := ns.adapter.Publish(context.Background(), op)
		if e := ns.apply(op, t); e != nil {
			return e
		}
		return err
	}
	return ns.apply(op, t)
}

// within bounds a wait for answers by Options.AckTimeout if nothing else does,
// and notes in op how long it may take.
func (ns *Namespace) within(ctx context.Context, op *Operation) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if ok {
		op.Timeout = max(time.Until(end), 1)
		return ctx, func() {}
	}
	op.Timeout = ns.srv.opts.AckTimeout
	return context.WithTimeout(ctx, op.Timeout)
}

// timeout is how long another server waits for the answer to op.
func (ns *Namespace) timeout(op *Operation) time.Duration {
	if op.Timeout > 0 {
		return op.Timeout
	}
	return ns.srv.opts.AckTimeout
}

// request sends op to the other servers, if there are any that it is for.
func (ns *Namespace) request(ctx context.Context, op *Operation, local bool, each func(*Response)) (wait func() error) {
	if local || ns.adapter == nil {
		return func() error { return nil }
	}
	wait, err := ns.adapter.Request(ctx, op, each)
	if err != nil {
		return func() error { return err }
	}
	return wait
}
