// Package apperror calls methods of the application's errors and values, which may
// panic: Error of a nil pointer that was returned as an error above all. Where these
// methods are called outside of the application's own code, this package does it. It
// also bounds what reaches a log line.
package apperror

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/gosio/gosio/internal/loglimit"
)

// Find is errors.As for an error of the application's. It returns nil when
// there is none of that type, when it is a nil pointer, and when a method of
// the error panics.
func Find[E any, P interface {
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

// Text is the text of an error of the application's. It reports false when
// the error has none: then text says what is wrong with it.
func Text(err error) (text string, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			text, ok = faultOf(err, p), false
		}
	}()
	return err.Error(), true
}

// Readable is an error of the application's if that has a text, or else one that
// says what is wrong with it: for observers and log handlers. It returns nil for nil.
func Readable(err error) error {
	if err == nil {
		return nil
	}
	if text, ok := Text(err); !ok {
		return errors.New(Clip(text))
	}
	return err
}

func faultOf(err error, p any) string {
	if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Sprintf("a nil pointer of type %T was returned as an error: return nil instead", err)
	}
	return fmt.Sprintf("the Error method of %T has panicked: %v", err, p)
}

// Marshal is json.Marshal for a value of the application's: a panic is an error.
func Marshal(v any) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			b, err = nil, fmt.Errorf("socketio: encoding a value of type %T has panicked: %v", v, p)
		}
	}()
	return json.Marshal(v)
}

// Logged is an error of the application's as the log has it: the error may
// contain what a client has sent, and its methods may panic.
func Logged(err error) error {
	text, ok := Text(err)
	switch {
	case !ok:
		return errors.New(Clip(text))
	case len(text) > len(Clip(text)):
		return &clipped{err, Clip(text)}
	}
	return err
}

// clipped is an error with less text.
type clipped struct {
	err  error
	text string
}

// Error implements error.
func (e *clipped) Error() string { return e.text }

// Unwrap is for log handlers that look for an error of a kind.
func (e *clipped) Unwrap() error { return e.err }

// Clip bounds what the network puts into a log line: see loglimit.Clip.
func Clip(s string) string { return loglimit.Clip(s) }
