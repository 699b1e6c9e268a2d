package socketio

import (
	"context"
	"slices"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/apperror"
)

// Broadcast is a set of sockets of one namespace, on all servers of the
// cluster, to which something is sent or done. It is a value: each of its
// modifiers returns another one. See https://socket.io/docs/v4/broadcasting-events/.
type Broadcast struct {
	ns       *Namespace
	target   adapter.Target
	chosen   bool // To has said whom, be it nobody
	local    bool
	volatile bool
	plain    bool            // see Compress
	ctx      context.Context // see WithContext; nil: Background
}

// To adds the sockets that are in at least one of the rooms. With no room it
// adds nobody, and what is sent or done then reaches nobody, here or on other
// servers: a list of rooms that happens to be empty does not mean everybody.
func (b Broadcast) To(rooms ...string) Broadcast {
	b.chosen = true
	b.target.Rooms = append(slices.Clip(b.target.Rooms), rooms...)
	return b
}

// In is To.
func (b Broadcast) In(rooms ...string) Broadcast { return b.To(rooms...) }

// Except takes out the sockets that are in one of the rooms.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b.target.Except = append(slices.Clip(b.target.Except), rooms...)
	return b
}

// Local leaves out the sockets of other servers.
func (b Broadcast) Local() Broadcast {
	b.local = true
	return b
}

// Volatile skips clients that cannot take the event at once: those on polling
// without a waiting request, and those whose connection still has bytes of
// earlier messages to take.
func (b Broadcast) Volatile() Broadcast {
	b.volatile = true
	return b
}

// nobody reports that no room was chosen, which an empty Target could not say.
func (b Broadcast) nobody() bool { return b.chosen && len(b.target.Rooms) == 0 }

// run does an operation to the sockets, on all servers unless Local says no.
func (b Broadcast) run(op *adapter.Operation) error {
	if b.nobody() {
		return nil
	}
	op.Target = b.target
	return run(b.ns, op, b.local, nil)
}

// Emit sends an event to each of the sockets once. It does not block. It fails
// when the arguments cannot be encoded, and when an adapter could not reach
// the other servers.
func (b Broadcast) Emit(event string, args ...any) error {
	if o := b.ns.srv.observer; o != nil {
		return b.emitObserved(o, event, args)
	}
	return b.emit(nil, event, args)
}

// emit is Emit; t, if not nil, counts deliveries.
func (b Broadcast) emit(t *tally, event string, args []any) error {
	p, err := encodeEvent(event, args)
	if err != nil || b.nobody() {
		return err
	}
	p.Volatile, p.NoCompress = b.volatile, b.plain
	return emitError(event, run(b.ns, &adapter.Operation{Type: adapter.OpBroadcast, Target: b.target, Packet: p}, b.local, t))
}

// emitObserved is Emit that o hears of.
func (b Broadcast) emitObserved(o *observing, event string, args []any) error {
	done := o.emit(background(b.ctx), &EmitInfo{from: &o.strange, Namespace: b.ns, Name: event, Volatile: b.volatile})
	r := EmitResult{Err: ErrPanicked}
	defer func() { o.emitDone(done, &r) }()
	var t tally
	err := b.emit(&t, event, args)
	r = t.result(err)
	return err
}

// SocketsJoin puts the sockets into the rooms. A socket that cannot be in so many stays
// where it is. With a name that is too long SocketsJoin returns [ErrRoomName], and no
// socket joins.
func (b Broadcast) SocketsJoin(rooms ...string) error {
	return b.run(&adapter.Operation{Type: adapter.OpJoin, Rooms: slices.Clone(rooms)}) // kept beyond the call
}

// SocketsLeave takes the sockets out of the rooms.
func (b Broadcast) SocketsLeave(rooms ...string) error {
	return b.run(&adapter.Operation{Type: adapter.OpLeave, Rooms: slices.Clone(rooms)})
}

// DisconnectSockets disconnects the sockets from the namespace, with close
// their whole connections.
func (b Broadcast) DisconnectSockets(closeConn bool) error {
	return b.run(&adapter.Operation{Type: adapter.OpDisconnect, Close: closeConn})
}

// WithContext returns a broadcast that Options.Observer gets to see with ctx.
// See [Socket.WithContext]. It does not matter to EmitWithAck, which has one.
func (b Broadcast) WithContext(ctx context.Context) Broadcast {
	b.ctx = ctx
	return b
}

// Compress says whether the events want the responses that they travel in to
// be compressed, also by other servers of the cluster. See [Socket.Compress].
func (b Broadcast) Compress(on bool) Broadcast {
	b.plain = !on
	return b
}

// EmitWithAck sends an event and waits until each client has acknowledged it,
// those of other servers included, or ctx ends; if that has no deadline, for
// Options.AckTimeout. It returns one reply per client, in the order in which
// they came; nobody to ask is an empty list, at once. Clients that leave are
// not waited for, nor are those that [Broadcast.Volatile] skips.
//
// When some have not answered it returns the replies there are and a
// [*PartialError]. Clients of which Limits.PendingAcks acknowledgements are
// awaited already, and those that cannot answer because their connection is
// not read, get the event and count as not answered. It fails like
// [Broadcast.Emit], too. It may be called in a handler.
func (b Broadcast) EmitWithAck(ctx context.Context, event string, args ...any) ([]*Reply, error) {
	if o := b.ns.srv.observer; o != nil {
		return b.askObserved(ctx, o, event, args)
	}
	return b.ask(ctx, nil, event, args)
}

// ask is EmitWithAck; t, if not nil, counts deliveries.
func (b Broadcast) ask(ctx context.Context, t *tally, event string, args []any) ([]*Reply, error) {
	p, err := encodeEvent(event, args)
	if err != nil {
		return nil, err
	}
	if b.nobody() {
		return nil, nil
	}
	p.Volatile, p.NoCompress = b.volatile, b.plain
	op := &adapter.Operation{Type: adapter.OpCall, Target: b.target, Packet: p}
	ctx, cancel := within(ctx, b.ns, op)
	defer cancel()

	var a answers
	members := membersOf(b.ns, !b.local)
	defer members.release()
	waits, calls := make([]func() error, len(members)), make([]*call, len(members))
	for i, ns := range members {
		waits[i] = request(ctx, ns, op, b.local, a.response) // first, as in run
		if ns.recovery.sequenced() {
			ns.recovery.awaitSteps(ctx)
		}
		calls[i] = newCall(ns, op, t)
		a.response(&adapter.Response{Clients: calls[i].asked})
	}
	var why error
	for i := range members {
		if err := a.gather(ctx, calls[i], waits[i]); err != nil {
			why = err
		}
	}
	return a.result(event, why)
}

// askObserved is EmitWithAck that o hears of.
func (b Broadcast) askObserved(ctx context.Context, o *observing, event string, args []any) ([]*Reply, error) {
	done := o.emit(ctx, &EmitInfo{from: &o.strange, Namespace: b.ns, Name: event, WantsAck: true, Volatile: b.volatile})
	r := EmitResult{Err: ErrPanicked}
	defer func() { o.emitDone(done, &r) }()
	var t tally
	start := time.Now()
	replies, err := b.ask(ctx, &t, event, args)
	r = t.result(err)
	r.Duration, r.Answers = time.Since(start), len(replies)
	if e := apperror.Find[PartialError](err); e != nil {
		r.Missing = max(e.Expected-e.Answered, 0)
	}
	return replies, err
}
