package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Errors and values of the application have methods of their own, which may
// panic: Error of a nil pointer that was returned as an error above all. Where
// these methods are called outside of the application's own code, this file
// does it.

// find is errors.As for an error of the application's. It returns nil when
// there is none of that type, when it is a nil pointer, and when a method of
// the error panics.
func find[E any, P interface {
	*E
	error
}](err error) (e P) {
	defer func() {
		if recover() != nil {
			e = nil
		}
	}()
	e, _ = errors.AsType[P](err)
	return e
}

// textOf is the text of an error of the application's. It reports false when
// the error has none: then text says what is wrong with it.
func textOf(err error) (text string, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			text, ok = faultOf(err, p), false
		}
	}()
	return err.Error(), true
}

// readable is an error of the application's if that has a text, or else one that
// says what is wrong with it: for observers and log handlers. It returns nil for nil.
func readable(err error) error {
	if err == nil {
		return nil
	}
	if text, ok := textOf(err); !ok {
		return errors.New(clip(text))
	}
	return err
}

func faultOf(err error, p any) string {
	if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Sprintf("a nil pointer of type %T was returned as an error: return nil instead", err)
	}
	return fmt.Sprintf("the Error method of %T has panicked: %v", err, p)
}

// marshal is json.Marshal for a value of the application's: a panic is an error.
func marshal(v any) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			b, err = nil, fmt.Errorf("socketio: encoding a value of type %T has panicked: %v", v, p)
		}
	}()
	return json.Marshal(v)
}
