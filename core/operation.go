package socketio

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gosio/gosio/core/adapter"
)

// Emit sends an event to all sockets of the namespace.
func (ns *Namespace) Emit(event string, args ...any) error { return ns.all().Emit(event, args...) }

// EmitWithAck sends an event to all clients of the namespace and waits for
// their acknowledgements. See [Broadcast.EmitWithAck].
func (ns *Namespace) EmitWithAck(ctx context.Context, event string, args ...any) ([]*Reply, error) {
	return ns.all().EmitWithAck(ctx, event, args...)
}

// FetchSockets returns the sockets of the namespace, those of other servers
// included. See [Broadcast.FetchSockets].
func (ns *Namespace) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	return ns.all().FetchSockets(ctx)
}

func (ns *Namespace) all() Broadcast { return Broadcast{ns: ns} }

// To returns a broadcast to the sockets that are in at least one of the rooms;
// with no room, to nobody.
func (ns *Namespace) To(rooms ...string) Broadcast { return ns.all().To(rooms...) }

// In is To.
func (ns *Namespace) In(rooms ...string) Broadcast { return ns.all().To(rooms...) }

// Except returns a broadcast to the sockets that are in none of the rooms.
func (ns *Namespace) Except(rooms ...string) Broadcast { return ns.all().Except(rooms...) }

// Local returns a broadcast to the sockets of this server only.
func (ns *Namespace) Local() Broadcast { return ns.all().Local() }

// Volatile returns a broadcast that skips clients that cannot take it at once.
func (ns *Namespace) Volatile() Broadcast { return ns.all().Volatile() }

// WithContext returns a broadcast to all sockets of the namespace. See
// [Broadcast.WithContext].
func (ns *Namespace) WithContext(ctx context.Context) Broadcast { return ns.all().WithContext(ctx) }

// Compress returns a broadcast to all sockets of the namespace. See
// [Broadcast.Compress].
func (ns *Namespace) Compress(on bool) Broadcast { return ns.all().Compress(on) }

// SocketsJoin puts all sockets of the namespace into the rooms.
func (ns *Namespace) SocketsJoin(rooms ...string) error { return ns.all().SocketsJoin(rooms...) }

// SocketsLeave takes all sockets of the namespace out of the rooms.
func (ns *Namespace) SocketsLeave(rooms ...string) error { return ns.all().SocketsLeave(rooms...) }

// DisconnectSockets disconnects all sockets from the namespace, with closeConn
// their whole connections.
func (ns *Namespace) DisconnectSockets(closeConn bool) error {
	return ns.all().DisconnectSockets(closeConn)
}

// run does an operation on all servers, or on this one.
func (ns *Namespace) run(op *adapter.Operation, local bool, t *tally) error {
	if ns.pattern == nil && ns.parent == nil && !ns.alias.Load() {
		return ns.perform(op, local, t)
	}
	return ns.each(!local, func(ns *Namespace) error { return ns.perform(op, local, t) })
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

// here calls f with the namespaces of this server that this one stands for.
func (ns *Namespace) here(f func(*Namespace)) {
	_ = ns.each(false, func(ns *Namespace) error { f(ns); return nil })
}

// members are the namespaces that another one stands for, held.
type members []*Namespace

// members is each for calls that take their time: what it returns must be
// released.
func (ns *Namespace) members(cluster bool) (all members) {
	_ = ns.each(cluster, func(ns *Namespace) error {
		ns.hold()
		all = append(all, ns)
		return nil
	})
	return all
}

func (m members) release() {
	for _, ns := range m {
		ns.release()
	}
}

// each calls f with the namespaces that this one stands for: a parent's
// children that can have sockets, or a child's successor. With cluster, a child
// that is not there is made for the call if it may be on other servers.
func (ns *Namespace) each(cluster bool, f func(*Namespace) error) error {
	switch {
	case ns.pattern != nil:
		return ns.eachChild(f)
	case ns.alias.Load():
		return ns.eachNamed(cluster, f)
	case ns.parent == nil:
		return f(ns)
	}
	live := ns
	if !ns.hold() {
		live = ns.srv.held(ns.name, false)
		if live == nil && cluster && ns.srv.opts.Adapter != nil {
			live, _ = ns.srv.adopt(ns.parent, ns.name, noLimit)
		}
		if live == nil {
			return nil
		}
	}
	defer live.release()
	if live.parent != ns.parent {
		return nil
	}
	return f(live.ready())
}

func (ns *Namespace) eachChild(f func(*Namespace) error) error {
	var errs []error
	for _, child := range ns.Children() {
		if !child.hold() {
			continue
		}
		if child.life.ready.Load() { // one that is being made has no sockets
			errs = append(errs, f(child))
		}
		child.release()
	}
	return errors.Join(errs...)
}

// eachNamed is each for an alias. With cluster, a child that may be on other servers
// is made for the call, of the first of several functions that may want the name.
func (ns *Namespace) eachNamed(cluster bool, f func(*Namespace) error) error {
	srv := ns.srv
	live := srv.held(ns.name, false)
	if live == nil && cluster && srv.opts.Adapter != nil {
		srv.mu.RLock()
		p := srv.parentByNameLocked(ns.name)
		if p == nil {
			p = srv.parentByFuncLocked()
		}
		srv.mu.RUnlock()
		live, _ = srv.adopt(p, ns.name, noLimit) // there is a parent since there is an alias
	}
	if live == nil {
		return nil
	}
	defer live.release()
	return f(live.ready())
}
