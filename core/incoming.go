package socketio

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/argument"
	"github.com/gosio/gosio/core/parser"
)

// EventHandler is a handler as event middleware sees it.
type EventHandler func(ctx context.Context, in *Incoming) error

// Incoming is an incoming event, as listeners, event middleware and handlers get it. It
// is valid only during the call.
type Incoming struct {
	// Socket is the socket that has received the event; nil in a handler of
	// [Namespace.OnServerSide].
	Socket *Socket
	// Event is the event's name.
	Event string

	packet     parser.Packet
	registered bool // there is a handler of that name
	args       [][]byte
	argsBuf    [3][]byte // what args is made of, for most events
	acked      atomic.Bool
	reply      func(*adapter.Response) // to the server that has sent it
	onAck      func(*Acknowledgement)  // nil: nobody wants to have it
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

// Registered reports whether a handler is registered for the event. The client chooses
// the names of all other events, any number of names.
func (in *Incoming) Registered() bool { return in.registered }

// NoAck prevents the acknowledgement of the event, unless it has been sent. It is for
// event middleware that drops an event; an [Observer] still gets the error that the
// middleware returns.
func (in *Incoming) NoAck() { in.acked.Store(true) }

// Ack acknowledges an event. An Ack sends the first acknowledgement only, and none if
// the client does not wait for an acknowledgement. It may be called at any time, by any
// goroutine. It returns the errors of [Socket.Emit].
type Ack func(args ...any) error

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
