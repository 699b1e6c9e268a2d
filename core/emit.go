package socketio

import "context"

// Emit sends an event. Arguments are values that encoding/json encodes; []byte, at any
// depth, arrives as binary. Invalid UTF-8, in strings and in a json.RawMessage, arrives
// as U+FFFD. Emit does not block. It returns [ErrClosed], [ErrSlowConsumer],
// [ErrTooManyAttachments], [ErrLookalike] or an encoding error. A nil error means that
// the event is queued: the event arrives, in order, unless the socket is disconnected
// first.
func (s *Socket) Emit(event string, args ...any) error {
	if o := s.ns.srv.observer.Load(); o != nil {
		return SocketEmitter{s: s}.emitObserved(o, event, args)
	}
	f, err := packEvent(s.ns, event, args)
	if err != nil {
		return err
	}
	return emitError(event, s.send(&f))
}

// EmitWithAck sends an event and waits for the acknowledgement of the client. The wait
// ends with ctx or, if ctx has no deadline, after Options.AckTimeout, and with
// [ErrClosed] when the socket is disconnected. Handlers may call EmitWithAck:
// acknowledgements do not wait for handlers of earlier events. EmitWithAck returns
// [ErrBacklog] when so many events wait for handlers that the connection is not read,
// [ErrTooManyAcks], and the errors of [Socket.Emit].
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (*Reply, error) {
	if o := s.ns.srv.observer.Load(); o != nil {
		return askSocketObserved(ctx, s, o, event, args)
	}
	return askSocket(ctx, s, nil, event, args)
}

// SocketEmitter sends events to one socket with other settings than [Socket.Emit]. A
// SocketEmitter is a value: each modifier returns a new SocketEmitter. See
// [Socket.Volatile], [Socket.Latest] and [Socket.Compress].
type SocketEmitter struct {
	s        *Socket
	ctx      context.Context // for the observer; nil: Background
	volatile bool
	plain    bool
	key      string // see Newest
	newest   int    // 0: all wait
}

// Volatile returns a [SocketEmitter] whose events are dropped when the client
// cannot take them at once: on polling when no request waits, on WebSocket
// when the connection still has bytes of earlier messages to take.
func (s *Socket) Volatile() SocketEmitter { return SocketEmitter{s: s, volatile: true} }

// Compress returns a [SocketEmitter] whose events may be compressed, which is the
// default, or not. Compress has an effect with Options.HTTPCompression, where a
// response to a poll is compressed if at least one of its events may be, and with
// Options.PerMessageDeflate, where each event on a WebSocket is compressed by itself.
func (s *Socket) Compress(on bool) SocketEmitter { return SocketEmitter{s: s, plain: !on} }

// Latest returns a [SocketEmitter] of whose events only the newest waits for a client that
// does not keep up. See [Broadcast.Latest].
func (s *Socket) Latest(key string) SocketEmitter { return s.Newest(key, 1) }

// Newest returns a [SocketEmitter] of whose events only the n newest wait. See
// [Broadcast.Newest].
func (s *Socket) Newest(key string, n int) SocketEmitter { return SocketEmitter{s: s}.Newest(key, n) }

// WithContext returns a [SocketEmitter] whose events Options.Observer is told of with
// ctx, as the parent of a span for example. The end of ctx does not stop an event: Emit
// does not wait.
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

// Latest is [Socket.Latest].
func (e SocketEmitter) Latest(key string) SocketEmitter { return e.Newest(key, 1) }

// Newest is [Socket.Newest].
func (e SocketEmitter) Newest(key string, n int) SocketEmitter {
	e.key, e.newest = key, max(n, 1)
	return e
}

// WithContext is [Socket.WithContext].
func (e SocketEmitter) WithContext(ctx context.Context) SocketEmitter {
	e.ctx = ctx
	return e
}

// Emit sends an event. It returns the errors of [Socket.Emit], and nil for a volatile
// event that is dropped.
func (e SocketEmitter) Emit(event string, args ...any) error {
	if o := e.s.ns.srv.observer.Load(); o != nil {
		return e.emitObserved(o, event, args)
	}
	f, err := packEvent(e.s.ns, event, args)
	if err != nil {
		return err
	}
	_, err = e.put(event, &f)
	return emitError(event, err)
}

// emitObserved is Emit that o hears of.
func (e SocketEmitter) emitObserved(o *observing, event string, args []any) error {
	var t tally
	done := o.emit(background(e.ctx), &EmitInfo{from: &o.strange, Namespace: e.s.ns, Socket: e.s, Name: event, Volatile: e.volatile}, &t)
	r := EmitResult{Err: ErrPanicked}
	defer func() { o.emitDone(done, &r) }() // also when an argument panics
	f, err := packEvent(e.s.ns, event, args)
	if err == nil {
		t.event(&f)
		f.written = t.mark()
		var sent bool
		if sent, err = e.put(event, &f); sent {
			t.add(1, &f)
		}
		t.sent(e.s, sent, err)
		err = emitError(event, err)
	}
	r = t.result(err)
	return err
}

// put queues an event. One that is dropped is no error, and not sent.
func (e SocketEmitter) put(event string, f *frames) (sent bool, err error) {
	f.newest = newestOf(e.s.ns.name, event, e.key, e.newest)
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

// Broadcast returns a broadcast to all sockets of the namespace without this socket.
func (s *Socket) Broadcast() Broadcast { return s.ns.Except(s.ID()) }

// To returns a broadcast to the sockets that are in at least one of the rooms, without
// this socket. To without a room reaches nobody.
func (s *Socket) To(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// In is To.
func (s *Socket) In(rooms ...string) Broadcast { return s.To(rooms...) }

// Except returns a broadcast to the sockets that are in none of the rooms, without this
// socket.
func (s *Socket) Except(rooms ...string) Broadcast { return s.Broadcast().Except(rooms...) }
