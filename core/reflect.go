package socketio

import (
	"context"
	"fmt"
	"reflect"
)

// shape is what a handler's signature says about its event. It is kept so that
// contracts can be generated from what is registered.
type shape struct {
	ctx, socket bool
	args        []reflect.Type
	variadic    bool
	ack         bool
	ackFirst    bool           // before the arguments, as the last of them is variadic
	results     []reflect.Type // without the error
	err         bool
}

var (
	typeContext = reflect.TypeFor[context.Context]()
	typeSocket  = reflect.TypeFor[*Socket]()
	typeAck     = reflect.TypeFor[Ack]()
	typeError   = reflect.TypeFor[error]()
)

// shapeOf reads a signature: optional context, optional socket, the event's
// arguments, optional Ack; results, optional error.
func shapeOf(fn any) shape {
	t := reflect.TypeOf(fn)
	var s shape
	first, last := 0, t.NumIn()
	if first < last && t.In(first) == typeContext {
		s.ctx = true
		first++
	}
	if first < last && t.In(first) == typeSocket {
		s.socket = true
		first++
	}
	switch {
	case first < last && t.In(last-1) == typeAck:
		s.ack = true
		last--
	case first < last && t.In(first) == typeAck && t.IsVariadic(): // which has to be last
		s.ack, s.ackFirst = true, true
		first++
	}
	for i := first; i < last; i++ {
		s.args = append(s.args, t.In(i))
	}
	s.variadic = t.IsVariadic()
	out := t.NumOut()
	if out > 0 && t.Out(out-1) == typeError {
		s.err = true
		out--
	}
	for i := range out {
		s.results = append(s.results, t.Out(i))
	}
	return s
}

// check panics on a signature that cannot be a handler's.
func (s *shape) check(event string) {
	for _, t := range s.args {
		switch {
		case t == typeContext, t == typeSocket, t == typeAck:
			panic(fmt.Sprintf("socketio: handler of %q: %v is out of place: the order is context.Context, *Socket, the event's arguments, Ack; before variadic arguments the Ack comes first", event, t))
		case !travels(t, true):
			panic(fmt.Sprintf("socketio: handler of %q: no event has an argument of type %v", event, t))
		}
	}
	if s.ack && len(s.results) > 0 {
		panic(fmt.Sprintf("socketio: handler of %q: what it returns is the acknowledgement; take either results or an Ack", event))
	}
	for _, t := range s.results {
		switch {
		case t == typeError:
			panic(fmt.Sprintf("socketio: handler of %q: the error has to be the last result", event))
		case !travels(t, false):
			panic(fmt.Sprintf("socketio: handler of %q: no acknowledgement has an argument of type %v", event, t))
		}
	}
}

// travels reports whether values of a type can come from, or with in false go
// to, a client. It looks at the type itself, not at what it is made of.
func travels(t reflect.Type, in bool) bool {
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return false
	case reflect.Interface: // nothing decodes into one that has methods
		return !in || t.NumMethod() == 0
	case reflect.Slice, reflect.Pointer:
		return travels(t.Elem(), in)
	}
	return true
}

// newReflected makes a handler of a function of any allowed shape.
func newReflected(event string, fn any) *handler {
	v := reflect.ValueOf(fn)
	s := shapeOf(fn)
	s.check(event)
	return &handler{event: event, noContext: !s.ctx, shape: s, call: s.caller(v, nil)}
}

// caller returns what calls a function of that shape. take, unless it is nil,
// may object when there are arguments to call it with.
func (s *shape) caller(v reflect.Value, take func() error) EventHandler {
	return func(ctx context.Context, in *Incoming) error {
		args, err := s.decode(ctx, in)
		if err != nil {
			return err
		}
		if take != nil {
			if err := take(); err != nil {
				return err
			}
		}
		if s.variadic {
			return s.finish(in, v.CallSlice(args))
		}
		return s.finish(in, v.Call(args))
	}
}

// decode fills the parameters.
func (s *shape) decode(ctx context.Context, in *Incoming) ([]reflect.Value, error) {
	args := make([]reflect.Value, 0, len(s.args)+3)
	if s.ctx {
		args = append(args, reflect.ValueOf(ctx))
	}
	if s.socket {
		args = append(args, reflect.ValueOf(in.Socket))
	}
	ack := reflect.ValueOf(Ack(in.Ack))
	if s.ackFirst {
		args = append(args, ack)
	}
	for i, t := range s.args {
		v := reflect.New(t)
		var err error
		switch {
		case s.variadic && i == len(s.args)-1:
			err = decodeRest(in, i, v.Elem())
		case i >= in.Len() && t.Kind() == reflect.Pointer: // optional
		default:
			if e := in.Arg(i, v.Interface()); e != nil {
				err = badArgument(in, i, t, e)
			}
		}
		if err != nil {
			return nil, err
		}
		args = append(args, v.Elem())
	}
	if s.ack && !s.ackFirst {
		args = append(args, ack)
	}
	return args, nil
}

// decodeRest fills a variadic parameter with what is left.
func decodeRest(in *Incoming, from int, slice reflect.Value) error {
	for i := from; i < in.Len(); i++ {
		v := reflect.New(slice.Type().Elem())
		if err := in.Arg(i, v.Interface()); err != nil {
			return badArgument(in, i, v.Type().Elem(), err)
		}
		slice.Set(reflect.Append(slice, v.Elem()))
	}
	return nil
}

// finish acknowledges with what the handler has returned. A handler that took
// an Ack has that to itself.
func (s *shape) finish(in *Incoming, out []reflect.Value) error {
	if s.err {
		if err, _ := out[len(out)-1].Interface().(error); err != nil {
			return err
		}
		out = out[:len(out)-1]
	}
	if s.ack || !in.WantsAck() {
		return nil
	}
	results := make([]any, len(out))
	for i, v := range out {
		results[i] = v.Interface()
	}
	return in.Ack(results...)
}
