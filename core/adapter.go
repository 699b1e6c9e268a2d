package socketio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/parser"
)

// local is the part of a namespace that lives on this server, as its adapter
// sees it.
type local struct{ ns *Namespace }

// Namespace implements adapter.Local.
func (l *local) Namespace() string { return l.ns.name }

// HasRoom implements adapter.Local.
func (l *local) HasRoom(room string) bool {
	// Sessions that are kept are in rooms, too, and miss nothing that is for them.
	return l.ns.recovery != nil && l.ns.recovery.kept.Load() > 0 || l.ns.rooms.any(room)
}

// Apply implements adapter.Local.
func (l *local) Apply(op *adapter.Operation) error {
	if op.Type == adapter.OpBroadcast {
		if err := checkPacket(&op.Packet); err != nil {
			return err
		}
	}
	position, todo := l.ns.recovery.placeOf(op)
	if !todo {
		return nil
	}
	if op.Position = position; position != "" {
		defer l.ns.recovery.passed(position)
	}
	if o := l.ns.srv.observer; o != nil && op.Type == adapter.OpBroadcast {
		done := observeRemote(o, l.ns, op)
		var t tally
		err := l.ns.apply(op, &t)
		done(&t)
		return err
	}
	return l.ns.apply(op, nil)
}

// Respond implements adapter.Local.
func (l *local) Respond(ctx context.Context, op *adapter.Operation, reply func(*adapter.Response)) error {
	switch op.Type {
	case adapter.OpFetch:
		reply(&adapter.Response{Sockets: socketInfos(l.ns, &op.Target), Last: true})
		return nil
	case adapter.OpCall:
		return respondCall(ctx, l.ns, op, reply)
	case adapter.OpServerSide:
		return l.ns.receiveServerSide(ctx, op, reply)
	}
	return errOperation
}

// eventLimits are those of events that another server may send to clients here:
// what [Socket.Emit] can have made.
var eventLimits = parser.Limits{Attachments: parser.MaxAttachments, Depth: 1024, EventName: -1}

// checkPacket makes sure that an event of another server harms no client here: they
// drop a connection that brings what is not valid.
func checkPacket(p *adapter.Packet) error {
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
func (ns *Namespace) apply(op *adapter.Operation, t *tally) error {
	switch op.Type {
	case adapter.OpBroadcast:
		f, err := framesFor(ns, &op.Packet)
		if err == nil {
			t.add(deliver(ns, &op.Target, f, op.Position), f)
		}
		return err
	case adapter.OpServerSide:
		return ns.receiveServerSide(context.Background(), op, nil)
	case adapter.OpJoin, adapter.OpLeave, adapter.OpDisconnect:
	default:
		return errOperation
	}
	if ns.recovery != nil {
		ns.recovery.operate(op, op.Position)
		return nil
	}
	switch op.Type {
	case adapter.OpJoin:
		for _, s := range ns.rooms.match(&op.Target, nil) {
			_ = s.joinNow(op.Rooms) // a full socket stays where it is
		}
	case adapter.OpLeave:
		for _, s := range ns.rooms.match(&op.Target, nil) {
			s.Leave(op.Rooms...)
		}
	case adapter.OpDisconnect:
		for _, s := range ns.rooms.match(&op.Target, nil) {
			s.Disconnect(op.Close)
		}
	}
	return nil
}

// perform does an operation here and publishes it.
func (ns *Namespace) perform(op *adapter.Operation, local bool, t *tally) error {
	if op.Type == adapter.OpJoin && slices.ContainsFunc(op.Rooms, ns.srv.opts.Limits.tooLong) {
		return ErrRoomName
	}
	if op.Type == adapter.OpJoin && ns.rooms.subs != nil {
		ns.rooms.subs.Await(context.Background(), op.Rooms...)
		defer ns.rooms.subs.Release(op.Rooms...)
	}
	if ns.recovery.sequenced() {
		return ns.recovery.perform(op, local, t)
	}
	if !local && ns.adapter != nil {
		// Published first: what a client does in answer to it on another
		// server must not overtake it there.
		err := ns.adapter.Publish(op)
		if e := ns.apply(op, t); e != nil {
			return e
		}
		return err
	}
	return ns.apply(op, t)
}

// within bounds a wait for answers by Options.AckTimeout if nothing else does,
// and notes in op how long it may take.
func (ns *Namespace) within(ctx context.Context, op *adapter.Operation) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if ok {
		op.Timeout = max(time.Until(end), 1)
		return ctx, func() {}
	}
	op.Timeout = ns.srv.opts.AckTimeout
	return context.WithTimeout(ctx, op.Timeout)
}

// timeout is how long another server waits for the answer to op.
func (ns *Namespace) timeout(op *adapter.Operation) time.Duration {
	if op.Timeout > 0 {
		return op.Timeout
	}
	return ns.srv.opts.AckTimeout
}

// request sends op to the other servers, if there are any that it is for.
func (ns *Namespace) request(ctx context.Context, op *adapter.Operation, local bool, each func(*adapter.Response)) (wait func() error) {
	if local || ns.adapter == nil {
		return func() error { return nil }
	}
	wait, err := ns.adapter.Request(ctx, op, each)
	if err != nil {
		return func() error { return err }
	}
	return wait
}

// observeRemote tells of an event of another server. done is called when it is
// delivered here.
func observeRemote(o *observing, ns *Namespace, op *adapter.Operation) (done func(t *tally)) {
	p := parser.Packet{Type: parser.Event, Data: op.Packet.Data}
	f := o.emit(context.Background(), &EmitInfo{
		from: o, Namespace: ns, Name: p.Event(), WantsAck: op.Type == adapter.OpCall, Volatile: op.Packet.Volatile, Remote: true,
	})
	return func(t *tally) {
		r := t.result(nil)
		o.emitDone(f, &r)
	}
}
