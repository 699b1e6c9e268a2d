package socketio

import "context"

// Emit sends an event. Arguments are anything that encodes as JSON, and
// []byte at any depth, which arrives as binary. It does not block. It fails
// with [ErrClosed], [ErrSlowConsumer], [ErrTooManyAttachments], [ErrLookalike], or
// an encoding error. What is not valid UTF-8, in strings or in a json.RawMessage,
// arrives as U+FFFD. A nil error means that the event is queued: it arrives, in
// order, unless the socket is disconnected first.
func (s *Socket) Emit(event string, args ...any) error {
	if o := s.ns.srv.observer; o != nil {
		return SocketEmitter{s: s}.emitObserved(o, event, args)
	}
	f, err := packEvent(s.ns, event, args)
	if err != nil {
		return err
	}
	return emitError(event, s.send(&f))
}

// EmitWithAck sends an event and waits for the client's acknowledgement, until
// ctx ends or, if it has no deadline, for Options.AckTimeout. A disconnect
// ends the wait with [ErrClosed]. It may be called in a handler: the
// acknowledgement does not wait behind the socket's events. It fails with
// [ErrBacklog] when the connection is not read because of them, with
// [ErrTooManyAcks], and like [Socket.Emit].
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (*Reply, error) {
	if o := s.ns.srv.observer; o != nil {
		return askSocketObserved(ctx, s, o, event, args)
	}
	return askSocket(ctx, s, nil, event, args)
}

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

// WithContext returns a [SocketEmitter] whose events Options.Observer gets to see
// with ctx, so that a span of theirs has a parent. It has no other use: what is
// emitted does not wait for anything that ctx could end.
func (s *Socket) WithContext(ctx context.Context) SocketEmitter { return SocketEmitter{s: s, ctx: ctx} }

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

// WithContext is [Socket.WithContext].
func (e SocketEmitter) WithContext(ctx context.Context) SocketEmitter {
	e.ctx = ctx
	return e
}

// Emit sends an event. It fails like [Socket.Emit]; a volatile event that is
// dropped is no error.
func (e SocketEmitter) Emit(event string, args ...any) error {
	if o := e.s.ns.srv.observer; o != nil {
		return e.emitObserved(o, event, args)
	}
	f, err := packEvent(e.s.ns, event, args)
	if err != nil {
		return err
	}
	_, err = e.put(&f)
	return emitError(event, err)
}

// emitObserved is Emit that o hears of.
func (e SocketEmitter) emitObserved(o *observing, event string, args []any) error {
	done := o.emit(background(e.ctx), &EmitInfo{from: &o.strange, Namespace: e.s.ns, Socket: e.s, Name: event, Volatile: e.volatile})
	r := EmitResult{Err: ErrPanicked}
	defer func() { o.emitDone(done, &r) }() // also when an argument panics
	var t tally
	f, err := packEvent(e.s.ns, event, args)
	if err == nil {
		var sent bool
		if sent, err = e.put(&f); sent {
			t.add(1, &f)
		}
		err = emitError(event, err)
	}
	r = t.result(err)
	return err
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

// Broadcast returns a broadcast to all sockets of the namespace but this one.
func (s *Socket) Broadcast() Broadcast { return s.ns.Except(s.ID()) }

// To returns a broadcast to the sockets in at least one of the rooms, but not
// to this one; with no room, to nobody.
func (s *Socket) To(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// In is To.
func (s *Socket) In(rooms ...string) Broadcast { return s.To(rooms...) }

// Except returns a broadcast to the sockets that are in none of the rooms,
// but not to this one.
func (s *Socket) Except(rooms ...string) Broadcast { return s.Broadcast().Except(rooms...) }
