package socketio

import (
	"context"
	"log/slog"

	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/parser"
)

// handleEvent runs the handler of one event and acknowledges a failure.
func handleEvent(s *Socket, p *parser.Packet) {
	name := p.EventName()
	h := find(s, name)
	heard := hasIncomingListeners(s)
	if h == nil && !heard {
		noteUnhandled(s, p)
		observeUnhandled(s, p)
		return
	}
	in := &Incoming{Socket: s, packet: *p}
	if h != nil && h.event != "" {
		in.Event, in.registered = h.event, true
	} else {
		in.Event = string(name)
	}
	in.args = p.AppendArgs(in.argsBuf[:0])
	returned := false
	defer func() {
		if !returned { // the application has ended this goroutine, see replaceDispatcher
			in.fail(errPanicked, s.ns.srv, s.attrs())
		}
	}()
	answer(s, in, h, heard)
	returned = true
}

// answer calls the listeners and the handler of an event, and acknowledges a failure.
func answer(s *Socket, in *Incoming, h *handler, heard bool) {
	if heard {
		if o := s.ns.srv.observer.Load(); o != nil && (h == nil || h.others) { // a listener may pass it on
			defer o.strange.Enter(in.Event)()
		}
		tellIncoming(s, in)
		h = find(s, in.packet.EventName()) // what a listener has registered is there
	}
	if h == nil {
		observeUnhandled(s, &in.packet)
		return
	}
	err := invoke(s, h, in)
	if err == nil {
		return
	}
	in.fail(err, s.ns.srv, s.attrs())
	if err == errPanicked { //nolint:errorlint // as it is
		s.closePanicked() // the client has its answer
	}
}

// invoke calls a handler, and returns errPanicked after a panic.
func invoke(s *Socket, h *handler, in *Incoming) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(in.kind("handler of "), p, slog.String("event", apperror.Clip(in.Event)))
			err = errPanicked
		}
	}()
	call, wrapped := withinScopes(s, inParent, h)
	ctx := context.Background()
	if !h.noContext || wrapped {
		ctx = s.Context()
	}
	if o := s.ns.srv.observer.Load(); o != nil {
		return callObserved(ctx, o, h, call, in)
	}
	return call(ctx, in)
}

// tellIncoming calls the listeners to incoming events. Their panics are logged.
func tellIncoming(s *Socket, in *Incoming) {
	for at := range scopes {
		if c := scopeOf(s, at); c != nil {
			for _, f := range c.incoming.All() {
				s.guard("OnAny", func() { (*f)(s, in) })
			}
		}
	}
}

// eventInfoOf describes an incoming event for the Observer.
func eventInfoOf(s *Socket, p *parser.Packet, name string) EventInfo {
	n := len(p.Data)
	for _, a := range p.Attachments {
		n += len(a)
	}
	return EventInfo{Namespace: s.ns, Socket: s, Name: name, Bytes: n, WantsAck: p.HasID, Data: p.Data}
}

// observeUnhandled tells the Observer of an event without a handler.
func observeUnhandled(s *Socket, p *parser.Packet) {
	o := s.ns.srv.observer.Load()
	if o == nil {
		return
	}
	e := eventInfoOf(s, p, string(p.EventName()))
	e.Unhandled = true
	o.strange.Note(e.Name)
	_, done := o.event(context.Background(), &e)
	o.eventDone(done, EventResult{})
}

// callObserved calls a handler and tells the Observer.
func callObserved(ctx context.Context, o *observing, h *handler, call EventHandler, in *Incoming) error {
	e := eventInfoOf(in.Socket, &in.packet, in.Event)
	e.Registered = !h.others
	if h.others {
		defer o.strange.Enter(e.Name)()
	}
	ctx, done := o.event(ctx, &e)
	if done == nil {
		return call(ctx, in)
	}
	result := EventResult{Err: ErrPanicked}
	start := o.now()
	defer func() { // also when it panics
		result.Duration = o.now() - start
		o.eventDone(done, result)
	}()
	err := call(ctx, in)
	result.Err = apperror.Readable(err)
	return err
}
