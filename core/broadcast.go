package socketio

import (
	"context"
	"slices"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/apperror"
)

// Broadcast is a set of sockets of one namespace, on all servers of the cluster. Its
// methods send events to these sockets, or make them join rooms, leave rooms and
// disconnect. A Broadcast is a value: each modifier returns a new Broadcast. See
// https://socket.io/docs/v4/broadcasting-events/.
type Broadcast struct {
	ns       *Namespace
	target   adapter.Target
	chosen   bool // To has said whom, be it nobody
	local    bool
	volatile bool
	plain    bool            // see Compress
	ctx      context.Context // see WithContext; nil: Background
	key      string          // see Newest
	newest   int             // 0: all wait
}

// To adds the sockets that are in at least one of the rooms. To without a room adds no
// socket: a broadcast to an empty list of rooms reaches nobody, on no server, and does
// not mean everybody.
func (b Broadcast) To(rooms ...string) Broadcast {
	b.chosen = true
	b.target.Rooms = append(slices.Clip(b.target.Rooms), rooms...)
	return b
}

// In is To.
func (b Broadcast) In(rooms ...string) Broadcast { return b.To(rooms...) }

// Except removes the sockets that are in at least one of the rooms.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b.target.Except = append(slices.Clip(b.target.Except), rooms...)
	return b
}

// Local removes the sockets of other servers.
func (b Broadcast) Local() Broadcast {
	b.local = true
	return b
}

// Volatile skips a client that cannot take the event at once: a client on polling that
// has no request waiting, and a client whose connection has not taken all bytes of
// earlier messages.
func (b Broadcast) Volatile() Broadcast {
	b.volatile = true
	return b
}

// Latest keeps the newest value only: an event replaces the one of the same name and key
// that still waits for a client. Use Latest for positions, prices and states, of which a
// slow client needs the last one, with the name of the thing as the key:
//
//	srv.To("board").Latest(user).Emit("cursor", x, y)
//
// The new event goes to the end of what waits: a client gets events in the order of
// sending, some of them left out. What is being written already stays, so that a slow
// client gets an older value before the newest. A client that keeps up gets nearly every
// event; of those that are sent within a fraction of a millisecond, or between two polls,
// it gets the newest. Events with another name or key, of another namespace or without a
// key are not replaced, and those that wait for an acknowledgement replace none.
//
// With [Broadcast.Volatile] the event waits, too, but may be dropped to make room for
// others. [Recovery] keeps every event, volatile ones aside, and gives a client that comes
// back the newest of each key. Observers hear of what is replaced as [DropPolicyReplaced].
//
// Each server of a cluster replaces events for its own clients. Servers in Node, and
// adapters that do not carry the key, send every event.
func (b Broadcast) Latest(key string) Broadcast { return b.Newest(key, 1) }

// Newest is like Latest, and keeps the n newest events of the same name and key: when more
// wait for a client the oldest is dropped. With less than 1 it keeps one.
func (b Broadcast) Newest(key string, n int) Broadcast {
	b.key, b.newest = key, max(n, 1)
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

// Emit sends an event to each socket once. Emit does not block. It returns an error
// when the arguments cannot be encoded, and when an adapter cannot reach the other
// servers.
func (b Broadcast) Emit(event string, args ...any) error {
	if o := b.ns.srv.observer.Load(); o != nil {
		return b.emitObserved(o, event, args)
	}
	return b.emit(nil, event, args)
}

// emit is Emit; t, if not nil, counts deliveries.
func (b Broadcast) emit(t *tally, event string, args []any) error {
	if b.ns.srv.opts.Recovery == nil && !t.keeps() {
		return b.pass(t, event, args)
	}
	p, err := encodeEvent(event, args)
	if err != nil || b.nobody() {
		return err
	}
	t.carries(p.Data)
	return emitError(event, run(b.ns, b.operation(p), b.local, t))
}

// operation sends an event.
func (b Broadcast) operation(p adapter.Packet) *adapter.Operation {
	p.Volatile, p.NoCompress, p.Newest, p.Key = b.volatile, b.plain, b.newest, b.key
	return &adapter.Operation{Type: adapter.OpBroadcast, Target: b.target, Packet: p}
}

// pass is emit for an event that nobody keeps.
func (b Broadcast) pass(t *tally, event string, args []any) error {
	p := passed.Get().(*passing)
	defer p.free()
	packet, err := p.encode(event, args)
	if err != nil || b.nobody() {
		return err
	}
	p.op = *b.operation(packet)
	return emitError(event, run(b.ns, &p.op, b.local, t))
}

// info describes an event for the Observer.
func (b Broadcast) info(o *observing, event string, ack bool) *EmitInfo {
	return &EmitInfo{
		from: &o.strange, Namespace: b.ns, Name: event, WantsAck: ack, Volatile: b.volatile,
		Rooms: b.target.Rooms, Except: b.target.Except, Nobody: b.nobody(), Local: b.local,
	}
}

// emitObserved is Emit that o hears of.
func (b Broadcast) emitObserved(o *observing, event string, args []any) error {
	var t tally
	done := o.emit(background(b.ctx), b.info(o, event, false), &t)
	r := EmitResult{Err: ErrPanicked}
	defer func() { o.emitDone(done, &r) }()
	err := b.emit(&t, event, args)
	r = t.result(err)
	return err
}

// SocketsJoin puts the sockets into the rooms. A socket that would be in more rooms
// than Limits.Rooms joins none beyond the limit. SocketsJoin returns [ErrRoomName], and
// no socket joins, if a name is longer than Limits.RoomName.
func (b Broadcast) SocketsJoin(rooms ...string) error {
	return b.run(&adapter.Operation{Type: adapter.OpJoin, Rooms: slices.Clone(rooms)}) // kept beyond the call
}

// SocketsLeave takes the sockets out of the rooms.
func (b Broadcast) SocketsLeave(rooms ...string) error {
	return b.run(&adapter.Operation{Type: adapter.OpLeave, Rooms: slices.Clone(rooms)})
}

// DisconnectSockets disconnects the sockets from the namespace. With closeConn the
// server also closes the connections of the sockets.
func (b Broadcast) DisconnectSockets(closeConn bool) error {
	return b.run(&adapter.Operation{Type: adapter.OpDisconnect, Close: closeConn})
}

// WithContext returns a broadcast whose events Options.Observer is told of with ctx.
// See [Socket.WithContext]. EmitWithAck uses its own context instead.
func (b Broadcast) WithContext(ctx context.Context) Broadcast {
	b.ctx = ctx
	return b
}

// Compress sets whether the servers of the cluster compress the events. See
// [Socket.Compress].
func (b Broadcast) Compress(on bool) Broadcast {
	b.plain = !on
	return b
}

// EmitWithAck sends an event and waits until every client, of all servers, has
// acknowledged the event. The wait ends with ctx or, if ctx has no deadline, after
// Options.AckTimeout. EmitWithAck returns one reply per client, in the order of
// arrival, and an empty list at once if there is no client. It does not wait for
// clients that disconnect, or that [Broadcast.Volatile] skips.
//
// When replies are missing, EmitWithAck returns the replies that have arrived and a
// [*PartialError]. A client with Limits.PendingAcks acknowledgements outstanding, or
// whose connection is not read (Limits.ReceiveBuffer), gets the event and counts as
// missing. EmitWithAck also returns the errors of [Broadcast.Emit]. Handlers may call
// it.
func (b Broadcast) EmitWithAck(ctx context.Context, event string, args ...any) ([]*Reply, error) {
	if o := b.ns.srv.observer.Load(); o != nil {
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
	t.carries(p.Data)
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
	var t tally
	done := o.emit(ctx, b.info(o, event, true), &t)
	r := EmitResult{Err: ErrPanicked}
	defer func() { o.emitDone(done, &r) }()
	start := time.Now()
	replies, err := b.ask(ctx, &t, event, args)
	r = t.result(err)
	r.Duration, r.Answers = time.Since(start), len(replies)
	if e := apperror.Find[PartialError](err); e != nil {
		r.Missing = max(e.Expected-e.Answered, 0)
	}
	return replies, err
}
