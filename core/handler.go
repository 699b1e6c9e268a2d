package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/internal/signature"
	"github.com/gosio/gosio/core/parser"
)

// EventHandler is a handler as event middleware sees it.
type EventHandler func(ctx context.Context, in *Incoming) error

// Incoming is an event on its way to its handler. It is valid, and may be
// used, only during the call.
type Incoming struct {
	// Socket is the socket that the event came by, or nil: see
	// [Namespace.OnServerSide].
	Socket *Socket
	// Event is the event's name.
	Event string

	packet     parser.Packet
	registered bool // there is a handler of that name
	args       [][]byte
	few        [3][]byte // what args is made of, for most events
	acked      atomic.Bool
	reply      func(*adapter.Response) // to the server that has sent it
}

// Len is the number of arguments.
func (in *Incoming) Len() int { return len(in.args) }

// Arg decodes argument i into the variable that dst points to.
func (in *Incoming) Arg(i int, dst any) error {
	if i >= len(in.args) {
		return ErrMissingArgument
	}
	return parser.Unmarshal(in.args[i], in.packet.Attachments, dst)
}

// WantsAck reports whether the client waits for an acknowledgement.
func (in *Incoming) WantsAck() bool { return in.packet.HasID }

// Registered reports whether there is a handler of the event's name. The names of all
// other events are the client's choice, and as many as it likes.
func (in *Incoming) Registered() bool { return in.registered }

// NoAck has no acknowledgement sent, whatever the handler returns, unless one has been
// sent: for event middleware that drops an event. What middleware returns is still what
// an [Observer] hears.
func (in *Incoming) NoAck() { in.acked.Store(true) }

// Ack acknowledges an event. Only the first acknowledgement is sent, and none
// if the client does not wait for one. It may be called at any time, by any
// goroutine. It fails like [Socket.Emit].
type Ack func(args ...any) error

// Ack acknowledges the event, as an [Ack] does.
func (in *Incoming) Ack(args ...any) error {
	if !in.packet.HasID || in.acked.Load() {
		return nil
	}
	if in.reply != nil {
		return in.ackServer(args)
	}
	f, err := packAck(in.Socket.ns, in.packet.ID, args)
	if err != nil || in.acked.Swap(true) { // what does not encode acknowledges nothing
		return err
	}
	return in.Socket.send(&f)
}

// ackServer is Ack for an event of another server.
func (in *Incoming) ackServer(args []any) error {
	p, err := encodeAck(args)
	if err != nil || in.acked.Swap(true) {
		return err
	}
	in.reply(&adapter.Response{Reply: &p, Last: true})
	return nil
}

// fail acknowledges that the handler has failed. attrs say whose it is. Methods
// of the error and of its Data may panic or end the goroutine.
func (in *Incoming) fail(err error, srv *Server, attrs []slog.Attr) {
	defer func() {
		if p := recover(); p != nil {
			srv.notePanic(in.kind("answer of "), p, attrs...)
		}
		_ = in.Ack(failedAck{errInternal}) // unless there is an answer
	}()
	e, known := failureOf(err)
	attrs = append(attrs, slog.String("event", apperror.Clip(in.Event)))
	switch {
	case known && e.args != nil:
		srv.note(slog.LevelWarn, in.kind("arguments of "), "socketio: the arguments of an event do not fit its handler, which was not called",
			append(attrs, slog.String("problem", e.Message), slog.String("type", e.args.goType()))...)
	case !known && err != errPanicked: //nolint:errorlint // as it is
		srv.note(slog.LevelError, in.kind("handler of "), "socketio: handler failed", append(attrs, slog.Any("error", err))...)
	}
	if e := in.Ack(failedAck{e}); e != nil && !errors.Is(e, ErrClosed) { // its Data does not encode
		srv.note(slog.LevelError, in.kind("answer of "), "socketio: the failure of a handler does not encode", append(attrs, slog.Any("error", e))...)
	}
}

// kind is the kind of a log line about the event. The name of an event without
// a handler is the client's choice.
func (in *Incoming) kind(what string) string {
	if in.registered {
		return what + in.Event
	}
	return what + "any event"
}

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

// addLocked is called with mu, the owner's lock, held.
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

// unhandled is the handler of events that have none. Like the reference it
// does not acknowledge.
func unhandled(context.Context, *Incoming) error { return nil }

// newHandler makes a handler of a function. The signatures that are used most are
// called directly, all others by reflection.
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

// direct is a handler with one argument.
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

// newReflected makes a handler of a function of any allowed signature.
func newReflected(event string, fn any) *handler {
	s := signatureOf(fn)
	s.Check(event)
	return &handler{event: event, noContext: !s.Context, signature: s, call: reflected(&s, reflect.ValueOf(fn), nil)}
}

// reflected returns what calls a function of that signature. take, unless it is nil,
// may object when there are arguments to call the function with.
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
