package socketio

import (
	"context"
	"fmt"
	"reflect"
)

// Event is an event with the type of its payload and of its answer, declared
// once for handlers and senders. The compiler checks both ends. Make one with
// [NewEvent].
type Event[In, Out any] struct{ name string }

// NewEvent declares an event. In is the type of its one argument, Out that of
// its acknowledgement; [None] where there is none.
func NewEvent[In, Out any](name string) Event[In, Out] { return Event[In, Out]{name} }

// Name is the event's name.
func (e Event[In, Out]) Name() string { return e.name }

// Handle registers the event's handler with a server, a namespace or a
// socket. See [Namespace.On].
func (e Event[In, Out]) Handle(r Registrar, f func(ctx context.Context, s *Socket, in In) (Out, error)) (off func()) {
	if f == nil {
		panic(fmt.Sprintf("socketio: handler of %q is no function", e.name))
	}
	optional := reflect.TypeFor[In]().Kind() == reflect.Pointer
	h := newHandler(e.name, EventHandler(func(ctx context.Context, in *Incoming) error {
		var v In
		if _, none := any(v).(None); !none && (!optional || in.Len() > 0) {
			if err := in.Arg(0, &v); err != nil {
				return badArgument(in, 0, reflect.TypeFor[In](), err)
			}
		}
		out, err := f(ctx, in.Socket, v)
		if err != nil {
			return err
		}
		if _, none := any(out).(None); none {
			return in.Ack()
		}
		return in.Ack(out)
	}))
	h.signature = signatureOf(f)
	return r.On(e.name, h)
}

// Emit sends the event.
func (e Event[In, Out]) Emit(to Emitter, in In) error {
	if _, none := any(in).(None); none {
		return to.Emit(e.name)
	}
	return to.Emit(e.name, in)
}

// Call sends the event and waits for the answer. See [Socket.EmitWithAck] for
// when it fails.
func (e Event[In, Out]) Call(ctx context.Context, to Caller, in In) (Out, error) {
	if _, none := any(in).(None); none {
		return Call[Out](ctx, to, e.name)
	}
	return Call[Out](ctx, to, e.name, in)
}

// CallAll sends the event to clients and waits for the answer of each. See
// [CallAll].
func (e Event[In, Out]) CallAll(ctx context.Context, to GroupCaller, in In) ([]Out, error) {
	if _, none := any(in).(None); none {
		return CallAll[Out](ctx, to, e.name)
	}
	return CallAll[Out](ctx, to, e.name, in)
}
