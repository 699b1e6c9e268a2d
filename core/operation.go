package socketio

import (
	"context"
	"slices"
	"time"

	"github.com/gosio/gosio/core/adapter"
)

// run performs an operation on all servers or, with local, on this server.
func run(ns *Namespace, op *adapter.Operation, local bool, t *tally) error {
	if ns.pattern == nil && ns.parent == nil && !ns.alias.Load() {
		return perform(ns, op, local, t)
	}
	return each(ns, !local, func(ns *Namespace) error { return perform(ns, op, local, t) })
}

// perform publishes an operation, unless local, and applies it on this server.
func perform(ns *Namespace, op *adapter.Operation, local bool, t *tally) error {
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
		// Publish first: an operation that a client causes in answer must not overtake
		// this operation on another server.
		err := ns.adapter.Publish(op)
		if e := apply(ns, op, t); e != nil {
			return e
		}
		return err
	}
	return apply(ns, op, t)
}

// apply applies an operation to the sockets of this server. t, if not nil, counts the
// deliveries of a broadcast.
func apply(ns *Namespace, op *adapter.Operation, t *tally) error {
	switch op.Type {
	case adapter.OpBroadcast:
		if nobodyHere(ns, &op.Target) {
			return nil
		}
		f, err := framesFor(ns, &op.Packet)
		if err == nil {
			t.add(deliver(ns, &op.Target, f, op.Position, t), f)
		}
		return err
	case adapter.OpServerSide:
		return receiveServerSide(context.Background(), ns, op, nil)
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

// nobodyHere reports that a broadcast is for no socket of this server: it need not be
// encoded for clients then.
func nobodyHere(ns *Namespace, t *adapter.Target) bool {
	if len(t.Rooms) == 0 || ns.recovery != nil || ns.srv.opts.Parser != nil { // which may refuse the packet
		return false
	}
	return !slices.ContainsFunc(t.Rooms, ns.rooms.any)
}

// request sends op to the other servers, unless local. wait waits for their answers.
func request(ctx context.Context, ns *Namespace, op *adapter.Operation, local bool, each func(*adapter.Response)) (wait func() error) {
	if local || ns.adapter == nil {
		return func() error { return nil }
	}
	wait, err := ns.adapter.Request(ctx, op, each)
	if err != nil {
		return func() error { return err }
	}
	return wait
}

// within bounds the wait for answers to op by Options.AckTimeout if ctx has no
// deadline, and stores the time in op.
func within(ctx context.Context, ns *Namespace, op *adapter.Operation) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if ok {
		op.Timeout = max(time.Until(end), 1)
		return ctx, func() {}
	}
	op.Timeout = ns.srv.opts.AckTimeout
	return context.WithTimeout(ctx, op.Timeout)
}
