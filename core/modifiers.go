package socketio

import "context"

// SocketEmitter sends events to one socket in its own way. It is a value: each
// of its modifiers returns another one. See [Socket.Volatile] and
// [Socket.Compress].
type SocketEmitter struct {
	s        *Socket
	ctx      context.Context // for the observer; nil: Background
	volatile bool
	plain    bool
}

// Volatile returns a [SocketEmitter] whose events are dropped when the client
// cannot take them at once: on polling when no request waits, on WebSocket
// when the connection still has bytes of earlier messages to take.
func (s *Socket) Volatile() SocketEmitter { return SocketEmitter{s: s, volatile: true} }

// Compress returns a [SocketEmitter] whose events want the response that they
// travel in to be compressed, as events do anyway, or do not: a response is
// compressed when at least one event in it wants that. It matters only with
// Options.HTTPCompression, while the client is polling, and, for each event by
// itself, on a WebSocket with Options.PerMessageDeflate.
func (s *Socket) Compress(on bool) SocketEmitter { return SocketEmitter{s: s, plain: !on} }

// Volatile is [Socket.Volatile].
func (e SocketEmitter) Volatile() SocketEmitter {
	e.volatile = true
	return e
}

// Compress is [Socket.Compress].
func (e SocketEmitter) Compress(on bool) SocketEmitter {
	e.plain = !on
	return e
}

// Emit sends an event. It fails like [Socket.Emit]; a volatile event that is
// dropped is no error.
func (e SocketEmitter) Emit(event string, args ...any) error {
	if o := e.s.ns.srv.observer; o != nil {
		return o.emitTo(e, event, args)
	}
	f, err := e.s.ns.pack(event, args)
	if err != nil {
		return err
	}
	_, err = e.put(&f)
	return emitError(event, err)
}

// put queues an event. One that is dropped is no error, and not sent.
func (e SocketEmitter) put(f *frames) (sent bool, err error) {
	if e.plain {
		f.uncompressed()
	}
	if !e.volatile {
		err = e.s.send(f)
		return err == nil, err
	}
	if e.s.state.Load() == disconnected {
		return false, ErrClosed
	}
	return e.s.sendVolatile(f), nil
}

// WithContext returns a [SocketEmitter] whose events Options.Observer gets to see
// with ctx, so that a span of theirs has a parent. It has no other use: what is
// emitted does not wait for anything that ctx could end.
func (s *Socket) WithContext(ctx context.Context) SocketEmitter { return SocketEmitter{s: s, ctx: ctx} }

// WithContext is [Socket.WithContext].
func (e SocketEmitter) WithContext(ctx context.Context) SocketEmitter {
	e.ctx = ctx
	return e
}

// WithContext returns a broadcast that Options.Observer gets to see with ctx.
// See [Socket.WithContext]. It does not matter to EmitWithAck, which has one.
func (b Broadcast) WithContext(ctx context.Context) Broadcast {
	b.ctx = ctx
	return b
}

// WithContext returns a broadcast to all sockets of the namespace. See
// [Broadcast.WithContext].
func (ns *Namespace) WithContext(ctx context.Context) Broadcast { return ns.all().WithContext(ctx) }

// Compress says whether the events want the responses that they travel in to
// be compressed, also by other servers of the cluster. See [Socket.Compress].
func (b Broadcast) Compress(on bool) Broadcast {
	b.plain = !on
	return b
}

// Compress returns a broadcast to all sockets of the namespace. See
// [Broadcast.Compress].
func (ns *Namespace) Compress(on bool) Broadcast { return ns.all().Compress(on) }

// uncompressed takes the wish to be compressed off a packet.
func (f *frames) uncompressed() {
	f.plain = true
	f.text = f.text.Compress(false)
	for i, m := range f.binary {
		f.binary[i] = m.Compress(false)
	}
}
