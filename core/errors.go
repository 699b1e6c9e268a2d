package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/parser"
)

// The states and failures that callers can ask for with errors.Is.
var (
	// ErrClosed: the socket is disconnected, or the server closed.
	ErrClosed = fmt.Errorf("socketio: socket is disconnected: %w", net.ErrClosed)
	// ErrSlowConsumer: the client does not read its messages fast enough, and is
	// disconnected.
	ErrSlowConsumer = errors.New("socketio: client does not read fast enough (Limits.SendBuffer, Limits.WriteTimeout)")
	// ErrBacklog: the client cannot acknowledge an event, because so many of its events
	// wait for handlers that the server does not read its connection.
	ErrBacklog = errors.New("socketio: too many events of this client wait for their handlers (Limits.ReceiveBuffer)")
	// ErrTooManyAcks: Limits.PendingAcks acknowledgements of the socket are
	// outstanding.
	ErrTooManyAcks = errors.New("socketio: too many acknowledgements are awaited from this socket (Limits.PendingAcks)")
	// ErrTooManyAttachments: the arguments contain more than 10 binary values; stock
	// clients disconnect on 11.
	ErrTooManyAttachments = parser.ErrTooManyAttachments
	// ErrLookalike: the arguments contain []byte, and also an object that clients would
	// decode as binary data, such as {"_placeholder": true, "num": 0}.
	ErrLookalike = parser.ErrLookalike
	// ErrTooManyRooms: the socket is in Limits.Rooms rooms.
	ErrTooManyRooms = errors.New("socketio: socket is in too many rooms (Limits.Rooms)")
	// ErrRoomName: a room's name is longer than Limits.RoomName.
	ErrRoomName = errors.New("socketio: room name is too long (Limits.RoomName)")
	// ErrMissingArgument: the client has sent fewer arguments.
	ErrMissingArgument = errors.New("socketio: argument is missing")
)

// Errors in the events of an [Observer], besides those of handlers and middleware.
var (
	// ErrPanicked: a handler, middleware, or the encoding of an argument has panicked.
	ErrPanicked = errors.New("socketio: panicked")
	// ErrNoNamespace: the client has asked for a namespace that does not exist.
	ErrNoNamespace = errors.New("socketio: no such namespace")
)

// errPanicked is what a failed call of the application counts as.
var errPanicked = ErrPanicked

// DisconnectError is the cause of a socket's context that has ended. See
// [Socket.Context].
type DisconnectError struct{ Reason Reason }

// Error implements error.
func (e *DisconnectError) Error() string { return "socketio: disconnected: " + string(e.Reason) }

// Is makes errors.Is(err, ErrClosed) true.
func (e *DisconnectError) Is(target error) bool { return target == ErrClosed }

// emitError says which event was not sent. It returns nil for nil.
func emitError(event string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("socketio: cannot emit %q: %w", apperror.Clip(event), err)
}

// unanswered says which event has no acknowledgement. It returns nil for nil.
func unanswered(event string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("socketio: no acknowledgement of %q: %w", apperror.Clip(event), err)
}

// sendError maps the engine's errors.
func sendError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, engine.ErrSlowConsumer):
		return ErrSlowConsumer
	}
	return ErrClosed
}

// ConnectError is an error of middleware that refuses a socket. The client gets a
// connect_error event with Message as err.message and Data as err.data.
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

// errOperation says that a server of a later version has asked.
var errOperation = errors.New("socketio: operation that cannot be answered")

// PartialError says that not all who were asked have answered: clients, or the
// servers of a cluster. It comes together with the answers that there are. Adapters
// return it, too: so it belongs to package adapter.
type PartialError = adapter.PartialError
