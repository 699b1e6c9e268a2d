package socketio

import (
	"fmt"
	"reflect"

	"github.com/gosio/gosio/core/internal/apperror"
)

// Code says what kind of failure an acknowledgement reports.
type Code string

// The codes of failed handlers.
const (
	// CodeBadRequest: the arguments do not decode; the handler was not called.
	CodeBadRequest Code = "bad_request"
	// CodeForbidden: the client may not do that.
	CodeForbidden Code = "forbidden"
	// CodeRateLimited: the client does that too often.
	CodeRateLimited Code = "rate_limited"
	// CodeTimeout: something the handler needed took too long.
	CodeTimeout Code = "timeout"
	// CodeInternal: any other error, and panics. Its text never goes to a client.
	CodeInternal Code = "internal"
)

// Error is the error of a handler that the client gets, as the acknowledgement
// {"error": {"code", "message", "data"}}.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`

	args *argumentError // what the arguments of an event are not
}

// Unwrap returns why arguments of an event do not decode; nil for any other failure.
func (e *Error) Unwrap() error {
	if e.args == nil {
		return nil
	}
	return e.args
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("socketio: %s: %s", e.Code, e.Message) }

// failedAck is the one argument that acknowledges a failed event.
type failedAck struct {
	Error *Error `json:"error"`
}

var errInternal = &Error{Code: CodeInternal, Message: "internal error"}

// failureOf decides what a client hears of a handler's error. known reports
// whether the error was meant for it.
func failureOf(err error) (e *Error, known bool) {
	if e = apperror.Find[Error](err); e != nil {
		return e, true
	}
	return errInternal, false
}

// argumentError says which argument of an event does not decode.
type argumentError struct {
	typ reflect.Type // the parameter's
	err error
}

// Error implements error.
func (e *argumentError) Error() string { return e.err.Error() }

// Unwrap is why the argument does not decode: [ErrMissingArgument] or what
// the decoder says.
func (e *argumentError) Unwrap() error { return e.err }

func (e *argumentError) goType() string { return e.typ.String() }
