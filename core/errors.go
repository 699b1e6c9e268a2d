package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"reflect"

	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/internal/argument"
	"github.com/gosio/gosio/core/parser"
)

// The states and failures that callers can ask for with errors.Is.
var (
	// ErrClosed: the socket is disconnected, or the server closed.
	ErrClosed = fmt.Errorf("socketio: socket is disconnected: %w", net.ErrClosed)
	// ErrSlowConsumer: the client leaves too much unread and is disconnected.
	ErrSlowConsumer = errors.New("socketio: client does not read fast enough (Limits.SendBuffer, Limits.WriteTimeout)")
	// ErrBacklog: a [Call] cannot be answered, because so many events of the
	// client wait for their handlers that its connection is not read.
	ErrBacklog = errors.New("socketio: too many events of this client wait for their handlers (Limits.ReceiveBuffer)")
	// ErrTooManyAcks: Limits.PendingAcks acknowledgements are awaited already.
	ErrTooManyAcks = errors.New("socketio: too many acknowledgements are awaited from this socket (Limits.PendingAcks)")
	// ErrTooManyAttachments: the arguments hold more than 10 binary values;
	// stock clients disconnect on 11.
	ErrTooManyAttachments = parser.ErrTooManyAttachments
	// ErrLookalike: beside []byte the arguments hold an object that clients would
	// take for the placeholder of binary data, such as {"_placeholder": true, "num": 0}.
	ErrLookalike = parser.ErrLookalike
	// ErrTooManyRooms: the socket is in Limits.Rooms rooms already.
	ErrTooManyRooms = errors.New("socketio: socket is in too many rooms (Limits.Rooms)")
	// ErrRoomName: a room's name is longer than Limits.RoomName.
	ErrRoomName = errors.New("socketio: room name is too long (Limits.RoomName)")
	// ErrMissingArgument: the client sent fewer arguments than asked for.
	ErrMissingArgument = errors.New("socketio: argument is missing")
)

// ConnectError refuses a connection to a namespace: middleware returns it, and
// the client gets it as its connect_error event, with Data as err.data.
type ConnectError struct {
	Message string
	// Data is encoded as JSON; nil is left out.
	Data any
}

// Error implements error.
func (e *ConnectError) Error() string { return "socketio: connection refused: " + e.Message }

// refusal is the payload of a CONNECT_ERROR packet.
type refusal struct {
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

// refusalOf decides what a client hears of an error of middleware: a
// [*ConnectError] goes as it is; of anything else, a nil one included, only that
// there was one.
func refusalOf(err error) []byte {
	r := refusal{Message: "Connection refused"}
	if e := apperror.Find[ConnectError](err); e != nil {
		r = refusal{Message: e.Message, Data: e.Data}
	}
	b, err := apperror.Marshal(r)
	if err != nil {
		b, _ = json.Marshal(refusal{Message: r.Message}) // a string always encodes
	}
	return bytes.ToValidUTF8(b, []byte("\uFFFD")) // Data may hold JSON of anybody's
}

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

// Error is a failure that a handler reports to its client: the event is
// acknowledged with {"error": {"code", "message", "data"}}.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`

	args *argumentError // what the arguments of an event are not
}

// Unwrap returns what is wrong with the arguments of an event; nil for any
// other failure.
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

// badArgument is the failure of an event whose argument i does not decode into
// a parameter of type t.
func badArgument(in *Incoming, i int, t reflect.Type, err error) *Error {
	var problem string
	if errors.Is(err, ErrMissingArgument) {
		problem = argument.Missing(i, t)
	} else {
		problem = argument.Unfit(i, t, in.args[i], len(in.packet.Attachments), err)
	}
	return &Error{Code: CodeBadRequest, Message: "arguments do not match the event: " + problem, args: &argumentError{t, err}}
}
