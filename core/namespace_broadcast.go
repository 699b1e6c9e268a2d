package socketio

import (
	"context"
	"slices"

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

// To returns a broadcast to the sockets that are in at least one of the rooms. To
// without a room reaches nobody.
func (ns *Namespace) To(rooms ...string) Broadcast { return ns.all().To(rooms...) }

// In is To.
func (ns *Namespace) In(rooms ...string) Broadcast { return ns.all().To(rooms...) }

// Except returns a broadcast to the sockets that are in none of the rooms.
func (ns *Namespace) Except(rooms ...string) Broadcast { return ns.all().Except(rooms...) }

// Local returns a broadcast to the sockets of this server only.
func (ns *Namespace) Local() Broadcast { return ns.all().Local() }

// Volatile returns a broadcast that skips clients that cannot take the event at once.
// See [Broadcast.Volatile].
func (ns *Namespace) Volatile() Broadcast { return ns.all().Volatile() }

// Latest returns a broadcast to all sockets of the namespace. See [Broadcast.Latest].
func (ns *Namespace) Latest(key string) Broadcast { return ns.all().Latest(key) }

// Newest returns a broadcast to all sockets of the namespace. See [Broadcast.Newest].
func (ns *Namespace) Newest(key string, n int) Broadcast { return ns.all().Newest(key, n) }

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

// DisconnectSockets disconnects all sockets from the namespace. With closeConn the
// server also closes the connections of the sockets.
func (ns *Namespace) DisconnectSockets(closeConn bool) error {
	return ns.all().DisconnectSockets(closeConn)
}

// ServerSideEmit sends an event to the handlers of [Namespace.OnServerSide] on all
// other servers of the cluster. ServerSideEmit of a parent sends the event once for
// each child that exists on both servers; the handlers of the parent there get it.
// ServerSideEmit does nothing on a server without an adapter. It returns an error when
// the arguments cannot be encoded, and when an adapter cannot reach the other servers.
func (ns *Namespace) ServerSideEmit(event string, args ...any) error {
	p, err := encodeEvent(event, args)
	if err != nil {
		return err
	}
	return emitError(event, each(ns, true, func(ns *Namespace) error {
		if ns.adapter == nil {
			return nil
		}
		return ns.adapter.Publish(&adapter.Operation{Type: adapter.OpServerSide, Packet: p})
	}))
}

// ServerSideEmitWithAck is like ServerSideEmit, and waits for the answers of the
// handlers. The wait ends with ctx or, if ctx has no deadline, after
// Options.AckTimeout. ServerSideEmitWithAck returns one reply per server, in the order
// of arrival; a server without a handler gives no reply. A server without an adapter
// gets an empty list at once. When servers do not answer, ServerSideEmitWithAck returns
// the replies that have arrived and a [*PartialError] that counts servers.
func (ns *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]*Reply, error) {
	p, err := encodeEvent(event, args)
	if err != nil {
		return nil, err
	}
	op := &adapter.Operation{Type: adapter.OpServerSide, Packet: p}
	ctx, cancel := within(ctx, ns, op)
	defer cancel()
	members := membersOf(ns, true)
	defer members.release()
	var a answers
	waits := make([]func() error, len(members))
	for i, ns := range members {
		waits[i] = request(ctx, ns, op, false, func(r *adapter.Response) {
			if r.Reply != nil {
				a.response(r)
			}
		})
	}
	for _, wait := range waits {
		if e := wait(); e != nil {
			err = ofEvent(event, e)
		}
	}
	return a.replies, err
}

// ofEvent says which event the servers were asked to answer.
func ofEvent(event string, err error) error {
	if e, ok := err.(*PartialError); ok { //nolint:errorlint // what Request returns
		partial := *e
		partial.Event = event
		return &partial
	}
	return emitError(event, err)
}

// Sockets returns the sockets of this server that are in the namespace.
func (ns *Namespace) Sockets() (all []*Socket) {
	eachLocal(ns, func(ns *Namespace) { all = ns.rooms.match(&adapter.Target{}, all) })
	return all
}

// Socket returns the socket with that id, if the socket is connected to this server.
func (ns *Namespace) Socket(id string) (s *Socket, ok bool) {
	eachLocal(ns, func(ns *Namespace) {
		if !ok {
			s, ok = ns.rooms.socket(id)
		}
	})
	return s, ok
}

// Rooms returns the names of the rooms that sockets of this server are in, each once,
// without the rooms that sockets have for themselves.
func (ns *Namespace) Rooms() (all []string) {
	eachLocal(ns, func(ns *Namespace) { all = append(all, ns.rooms.names()...) })
	if ns.pattern != nil {
		slices.Sort(all)
		all = slices.Compact(all)
	}
	return all
}
