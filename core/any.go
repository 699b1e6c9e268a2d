package socketio

import "github.com/gosio/gosio/core/parser"

// OnAny adds a listener to all events that come in, for logging and counting;
// not to acknowledgements. The listeners of a parent run first, then those of its
// child, then the socket's, each in the order of registration, all before
// event middleware and whether or not the event has a handler. s is the socket that
// the event came by; in is valid only during the call. Listeners run on the
// socket's dispatcher: the event waits until they return. The returned function
// takes the listener off again.
func (ns *Namespace) OnAny(f func(s *Socket, in *Incoming)) (off func()) {
	notNil("OnAny", f == nil)
	return ns.mine().scope.incoming.add(f)
}

// OnAny adds a listener to all events that come in by this socket. See
// [Namespace.OnAny].
func (s *Socket) OnAny(f func(s *Socket, in *Incoming)) (off func()) {
	notNil("OnAny", f == nil)
	return s.ownScope().incoming.add(f)
}

// OnAnyOutgoing adds a listener to all events that go out, to one socket or to
// many: it hears of each socket that an event goes to on this server, before
// the event is queued, or with Options.Recovery, if it is a broadcast, right
// after; not of acknowledgements. A volatile event, which may be
// dropped after that, is heard, too. Listeners run on the goroutine that
// sends, and so concurrently; out is valid only during the call. The order is
// that of [Namespace.OnAny]. The returned function takes the listener off
// again.
func (ns *Namespace) OnAnyOutgoing(f func(s *Socket, out *Outgoing)) (off func()) {
	notNil("OnAnyOutgoing", f == nil)
	return ns.mine().scope.outgoing.add(f)
}

// OnAnyOutgoing adds a listener to all events that go out to this socket,
// broadcasts included. See [Namespace.OnAnyOutgoing].
func (s *Socket) OnAnyOutgoing(f func(s *Socket, out *Outgoing)) (off func()) {
	notNil("OnAnyOutgoing", f == nil)
	return s.ownScope().outgoing.add(f)
}

// Outgoing is an event on its way to a client. It may be used only during the
// call.
type Outgoing struct {
	// Event is the event's name.
	Event string

	packet parser.Packet
	args   [][]byte
}

// Len is the number of arguments.
func (o *Outgoing) Len() int { return len(o.args) }

// Arg decodes argument i, as the client will see it, into the variable that
// dst points to.
func (o *Outgoing) Arg(i int, dst any) error {
	if i >= len(o.args) {
		return ErrMissingArgument
	}
	return parser.Unmarshal(o.args[i], o.packet.Attachments, dst)
}

// outgoing reads an event back from the form that clients get; nil if the
// packet is an acknowledgement.
func (f *frames) outgoing() *Outgoing {
	if f.canonical != nil {
		f = f.canonical
	}
	p := f.packet()
	if !p.Type.IsEvent() {
		return nil
	}
	return &Outgoing{Event: p.Event(), packet: p, args: p.AppendArgs(nil)}
}

// hears reports whether anybody listens to what comes in.
func (s *Socket) hears() bool {
	for at := range scopes {
		if c := s.scope(at); c != nil && !c.incoming.empty() {
			return true
		}
	}
	return false
}

// hear tells the listeners of an event. Their panics are logged.
func (s *Socket) hear(in *Incoming) {
	for at := range scopes {
		if c := s.scope(at); c != nil {
			for _, f := range c.incoming.get() {
				s.guard("OnAny", func() { (*f)(s, in) })
			}
		}
	}
}

// tells reports whether anybody listens to what goes out.
func (s *Socket) tells() bool {
	if c := s.own.Load(); c != nil && !c.outgoing.empty() {
		return true
	}
	return !s.ns.scope.outgoing.empty() || s.ns.parent != nil && !s.ns.parent.scope.outgoing.empty()
}

// tell tells the listeners of an event that goes out. Their panics are logged.
func (s *Socket) tell(f *frames) {
	out := f.outgoing()
	if out == nil {
		return
	}
	for at := range scopes {
		if c := s.scope(at); c != nil {
			for _, f := range c.outgoing.get() {
				s.guard("OnAnyOutgoing", func() { (*f)(s, out) })
			}
		}
	}
}
