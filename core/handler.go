package socketio

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/internal/signature"
	"github.com/gosio/gosio/core/parser"
)

// handler is a registered handler.
type handler struct {
	event     string
	call      EventHandler
	noContext bool // call does not look at its context
	signature signature.Signature
	others    bool                            // it is that of events without one
	scope     int                             // where it is registered
	chains    [scopes]atomic.Pointer[chained] // see scope.chained
}

func (h *handler) key() chainKey { return chainKey{h.event, h.others} }

// handlers maps event names to handlers. Its owner's lock guards it.
type handlers map[string]*handler

// addLocked adds a handler. mu is the owner's lock, which off takes, too.
func (hs *handlers) addLocked(event string, h *handler, mu sync.Locker) (off func()) {
	if (*hs)[event] != nil {
		panic(fmt.Sprintf("socketio: event %q has a handler already: OnAny adds listeners to events, UseEvent puts code around handlers, and the function that On returns takes a handler off", event))
	}
	if *hs == nil {
		*hs = make(handlers)
	}
	(*hs)[event] = h
	return func() {
		mu.Lock()
		defer mu.Unlock()
		if (*hs)[event] == h {
			delete(*hs, event)
		}
	}
}

// unhandled is the handler of events without a handler, behind event middleware, such as
// that of a guard. Like the reference it does not acknowledge.
func unhandled(_ context.Context, in *Incoming) error {
	if s := in.Socket; !in.acked.Load() && !hasIncomingListeners(s) {
		noteUnhandled(s, &in.packet)
	}
	return nil
}

// noteUnhandled logs that nobody has handled an event.
func noteUnhandled(s *Socket, p *parser.Packet) {
	s.ns.srv.note(slog.LevelWarn, "no handler", "socketio: an event has no handler: its name is to be the same on both sides",
		s.attrs(slog.String("event", apperror.Clip(string(p.EventName()))), slog.Bool("ack", p.HasID))...)
}

// newHandler returns a handler that calls fn: directly for the most common signatures,
// by reflection for all others.
func newHandler(event string, fn any) *handler {
	if parser.IsReserved(event) || event == "connection" { // the name that Node's server has for it
		panic(fmt.Sprintf("socketio: event %q is reserved; for joining and leaving there are OnConnect and OnDisconnect", event))
	}
	if h, typed := fn.(*handler); typed { // of an Event; it may be registered more than once
		return &handler{event: event, call: h.call, noContext: h.noContext, signature: h.signature}
	}
	if v := reflect.ValueOf(fn); fn == nil || v.Kind() != reflect.Func || v.IsNil() {
		panic(fmt.Sprintf("socketio: handler of %q is no function", event))
	}
	switch f := fn.(type) {
	case EventHandler:
		return &handler{event: event, call: f}
	case func(context.Context, *Incoming) error:
		return &handler{event: event, call: f}
	case func(*Socket, string):
		return direct(event, fn, func(in *Incoming, v string) error { f(in.Socket, v); return in.Ack() })
	case func(*Socket, json.RawMessage):
		return direct(event, fn, func(in *Incoming, v json.RawMessage) error { f(in.Socket, v); return in.Ack() })
	case func(*Socket, any):
		return direct(event, fn, func(in *Incoming, v any) error { f(in.Socket, v); return in.Ack() })
	case func(*Socket, []byte):
		return direct(event, fn, func(in *Incoming, v []byte) error { f(in.Socket, v); return in.Ack() })
	case func(string, Ack):
		return direct(event, fn, func(in *Incoming, v string) error { f(v, in.Ack); return nil })
	case func(any, Ack):
		return direct(event, fn, func(in *Incoming, v any) error { f(v, in.Ack); return nil })
	}
	return newReflected(event, fn)
}

// direct returns a handler of a function with one argument.
func direct[T any](event string, fn any, call func(*Incoming, T) error) *handler {
	return &handler{event: event, noContext: true, signature: signatureOf(fn), call: func(_ context.Context, in *Incoming) error {
		var v T
		if err := in.Arg(0, &v); err != nil {
			return badArgument(in, 0, reflect.TypeFor[T](), err)
		}
		return call(in, v)
	}}
}

var special = signature.Special{Socket: reflect.TypeFor[*Socket](), Ack: reflect.TypeFor[Ack]()}

func signatureOf(fn any) signature.Signature { return signature.Of(fn, special) }

// newReflected returns a handler of a function with any allowed signature.
func newReflected(event string, fn any) *handler {
	s := signatureOf(fn)
	s.Check(event)
	return &handler{event: event, noContext: !s.Context, signature: s, call: reflected(&s, reflect.ValueOf(fn), nil)}
}

// reflected returns an EventHandler that calls fn by reflection. take, unless nil, is
// called when the arguments are decoded, and may return an error instead.
func reflected(s *signature.Signature, fn reflect.Value, take func() error) EventHandler {
	return func(ctx context.Context, in *Incoming) error {
		args, err := s.Bind(ctx, reflect.ValueOf(in.Socket), reflect.ValueOf(Ack(in.Ack)), in,
			func(i int, t reflect.Type, err error) error { return badArgument(in, i, t, err) })
		if err != nil {
			return err
		}
		if take != nil {
			if err := take(); err != nil {
				return err
			}
		}
		out, err := s.Call(fn, args)
		if err != nil || s.Ack || !in.WantsAck() { // a handler that took an Ack has that to itself
			return err
		}
		results := make([]any, len(out))
		for i, v := range out {
			results[i] = v.Interface()
		}
		return in.Ack(results...)
	}
}
