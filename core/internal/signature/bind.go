package signature

import (
	"context"
	"reflect"
)

// Event is an event whose arguments fill parameters.
type Event interface {
	Len() int
	Arg(i int, dst any) error
}

// Unfit makes the error for argument i, which should be of type t: err is what
// Event.Arg says.
type Unfit func(i int, t reflect.Type, err error) error

// Bind returns what to call a function of that signature with. socket and ack are of the
// special types. It fails with what
// unfit returns.
func (s *Signature) Bind(ctx context.Context, socket, ack reflect.Value, e Event, unfit Unfit) ([]reflect.Value, error) {
	args := make([]reflect.Value, 0, len(s.Args)+3)
	if s.Context {
		args = append(args, reflect.ValueOf(ctx))
	}
	if s.Socket {
		args = append(args, socket)
	}
	if s.AckFirst {
		args = append(args, ack)
	}
	for i, t := range s.Args {
		v := reflect.New(t)
		var err error
		switch {
		case s.Variadic && i == len(s.Args)-1:
			err = bindRest(e, i, v.Elem(), unfit)
		case i >= e.Len() && t.Kind() == reflect.Pointer: // optional
		default:
			if wrong := e.Arg(i, v.Interface()); wrong != nil {
				err = unfit(i, t, wrong)
			}
		}
		if err != nil {
			return nil, err
		}
		args = append(args, v.Elem())
	}
	if s.Ack && !s.AckFirst {
		args = append(args, ack)
	}
	return args, nil
}

// bindRest fills a variadic parameter with what is left.
func bindRest(e Event, from int, slice reflect.Value, unfit Unfit) error {
	for i := from; i < e.Len(); i++ {
		v := reflect.New(slice.Type().Elem())
		if err := e.Arg(i, v.Interface()); err != nil {
			return unfit(i, v.Type().Elem(), err)
		}
		slice.Set(reflect.Append(slice, v.Elem()))
	}
	return nil
}

// Call calls fn, which has that signature, with what Bind has returned, and returns the
// results without the error, or the error.
func (s *Signature) Call(fn reflect.Value, args []reflect.Value) (out []reflect.Value, err error) {
	if s.Variadic {
		out = fn.CallSlice(args)
	} else {
		out = fn.Call(args)
	}
	if s.Error {
		if err, _ = out[len(out)-1].Interface().(error); err != nil {
			return nil, err
		}
		out = out[:len(out)-1]
	}
	return out, nil
}
