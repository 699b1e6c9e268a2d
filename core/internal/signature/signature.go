// Package signature reads the signature of a handler, and fills its parameters.
package signature

import (
	"context"
	"fmt"
	"reflect"
)

// Signature is what the parameters and results of a function say about its event: an
// optional context, an optional socket, the event's arguments, an optional Ack; results,
// an optional error. It is kept so that contracts can be generated from what is
// registered.
type Signature struct {
	Context, Socket bool
	Args            []reflect.Type
	Variadic        bool // the last of Args takes what is left
	Ack             bool
	AckFirst        bool           // before the arguments, as the last of them is variadic
	Results         []reflect.Type // without the error
	Error           bool

	special Special
}

// Special are the types of parameters that no argument of an event fills.
type Special struct{ Socket, Ack reflect.Type }

var (
	typeContext = reflect.TypeFor[context.Context]()
	typeError   = reflect.TypeFor[error]()
)

// Of reads the signature of a function.
func Of(fn any, special Special) Signature {
	t := reflect.TypeOf(fn)
	s := Signature{special: special}
	first, last := 0, t.NumIn()
	if first < last && t.In(first) == typeContext {
		s.Context = true
		first++
	}
	if first < last && t.In(first) == special.Socket {
		s.Socket = true
		first++
	}
	switch {
	case first < last && t.In(last-1) == special.Ack:
		s.Ack = true
		last--
	case first < last && t.In(first) == special.Ack && t.IsVariadic(): // which has to be last
		s.Ack, s.AckFirst = true, true
		first++
	}
	for i := first; i < last; i++ {
		s.Args = append(s.Args, t.In(i))
	}
	s.Variadic = t.IsVariadic()
	out := t.NumOut()
	if out > 0 && t.Out(out-1) == typeError {
		s.Error = true
		out--
	}
	for i := range out {
		s.Results = append(s.Results, t.Out(i))
	}
	return s
}

// Check panics on a signature that cannot be that of the event's handler.
func (s *Signature) Check(event string) {
	for _, t := range s.Args {
		switch {
		case t == typeContext, t == s.special.Socket, t == s.special.Ack:
			panic(fmt.Sprintf("socketio: handler of %q: %v is out of place: the order is context.Context, *Socket, the event's arguments, Ack; before variadic arguments the Ack comes first", event, t))
		case t == s.special.Socket.Elem():
			panic(fmt.Sprintf("socketio: handler of %q: a handler takes *%v, a pointer", event, t))
		case !travels(t, true):
			panic(fmt.Sprintf("socketio: handler of %q: no event has an argument of type %v", event, t))
		}
	}
	if s.Ack && len(s.Results) > 0 {
		panic(fmt.Sprintf("socketio: handler of %q: what it returns is the acknowledgement; take either results or an Ack", event))
	}
	for _, t := range s.Results {
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
