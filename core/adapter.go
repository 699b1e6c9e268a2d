package socketio

import (
	"bytes"
	"context"
	"fmt"

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
	return l.ns.rooms.any(room) || l.ns.recovery != nil && l.ns.recovery.keepsAny()
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
	if o := l.ns.srv.observer.Load(); o != nil && op.Type == adapter.OpBroadcast {
		var t tally
		done := observeRemote(o, l.ns, op, &t)
		err := apply(l.ns, op, &t)
		done(&t)
		return err
	}
	return apply(l.ns, op, nil)
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
		return receiveServerSide(ctx, l.ns, op, reply)
	}
	return errOperation
}

// eventLimits are the limits of an event of another server: those of [Socket.Emit].
var eventLimits = parser.Limits{Attachments: parser.MaxAttachments, Depth: 1024, EventName: -1}

// checkPacket checks an event of another server, because clients close the connection
// on an invalid packet.
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

// observeRemote tells the Observer of an event of another server. The caller calls done
// when the event is delivered.
func observeRemote(o *observing, ns *Namespace, op *adapter.Operation, t *tally) (done func(*tally)) {
	p := parser.Packet{Type: parser.Event, Data: op.Packet.Data}
	f := o.emit(context.Background(), &EmitInfo{
		from: &o.strange, Namespace: ns, Name: p.Event(), WantsAck: op.Type == adapter.OpCall, Volatile: op.Packet.Volatile, Remote: true,
		Rooms: op.Target.Rooms, Except: op.Target.Except,
	}, t)
	t.carries(op.Packet.Data)
	return func(t *tally) {
		r := t.result(nil)
		o.emitDone(f, &r)
	}
}

// respondCall answers OpCall. If clients have to be waited for, a goroutine does so,
// which ends after op.Timeout at the latest; Shutdown waits for it.
func respondCall(ctx context.Context, ns *Namespace, op *adapter.Operation, reply func(*adapter.Response)) error {
	if err := checkPacket(&op.Packet); err != nil {
		return err
	}
	c := observedCall(ns, op)
	missing := len(c.sockets)
	reply(&adapter.Response{Clients: c.asked, Last: missing == 0})
	if missing == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeoutOf(ns, op))
	ns.srv.work.Add()
	go func() {
		defer ns.srv.work.Done()
		defer cancel()
		_ = c.gather(ctx, func(r *Reply, left bool) { // who asks has the same timeout
			missing--
			response := adapter.Response{Last: missing == 0}
			switch {
			case left:
				response.Clients = -1
			case r != nil:
				response.Reply = r.travelling()
			}
			ns.srv.guard("Adapter taking a response", ns.name, func() { reply(&response) })
		})
	}()
	return nil
}

// observedCall is newCall for another server, and tells the Observer.
func observedCall(ns *Namespace, op *adapter.Operation) *call {
	o := ns.srv.observer.Load()
	if o == nil {
		return newCall(ns, op, nil)
	}
	var t tally
	done := observeRemote(o, ns, op, &t)
	c := newCall(ns, op, &t)
	done(&t)
	c.tally = nil // what it has counted is told
	return c
}
