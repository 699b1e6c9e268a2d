package socketio

import (
	"context"
	"errors"

	"github.com/gosio/gosio/core/internal/apperror"
)

// Emitter sends events: [*Socket], [Broadcast], [*Namespace], [*Server].
type Emitter interface {
	Emit(event string, args ...any) error
}

// Caller sends events that one client acknowledges: [*Socket], [RemoteSocket].
type Caller interface {
	EmitWithAck(ctx context.Context, event string, args ...any) (*Reply, error)
}

// GroupCaller sends events that any number of clients acknowledge:
// [Broadcast], [*Namespace], [*Server].
type GroupCaller interface {
	EmitWithAck(ctx context.Context, event string, args ...any) ([]*Reply, error)
}

// Registrar takes handlers: [*Server], [*Namespace], [*Socket].
type Registrar interface {
	On(event string, handler any) (off func())
}

// None is the type of a payload or an answer that does not exist. See [NewEvent].
type None struct{}

// Call sends an event and returns the first argument of the client's
// acknowledgement. See [Socket.EmitWithAck] for when it fails.
func Call[Answer any](ctx context.Context, c Caller, event string, args ...any) (Answer, error) {
	var answer Answer
	reply, err := c.EmitWithAck(ctx, event, args...)
	if err != nil {
		return answer, err
	}
	if _, none := any(answer).(None); none {
		return answer, nil
	}
	if err := reply.Decode(&answer); err != nil {
		return answer, errors.Join(errAnswer, err)
	}
	return answer, nil
}

// CallAll sends an event and returns the first argument of each client's
// acknowledgement, in the order of arrival. It omits acknowledgements that do not
// decode as Answer, and then returns a [*PartialError]. Otherwise it is like
// [Broadcast.EmitWithAck].
func CallAll[Answer any](ctx context.Context, to GroupCaller, event string, args ...any) ([]Answer, error) {
	replies, err := to.EmitWithAck(ctx, event, args...)
	answers := make([]Answer, 0, len(replies))
	var unfit error
	for _, r := range replies {
		var answer Answer
		if _, none := any(answer).(None); !none {
			if e := r.Decode(&answer); e != nil {
				if unfit == nil { // one tells enough
					unfit = errors.Join(errAnswer, e)
				}
				continue
			}
		}
		answers = append(answers, answer)
	}
	if unfit == nil {
		return answers, err
	}
	partial := &PartialError{Event: event, Expected: len(replies), Answered: len(answers), Err: unfit}
	if e := apperror.Find[PartialError](err); e != nil {
		partial.Expected, partial.Missing = e.Expected, e.Missing
		partial.Err = errors.Join(e.Err, unfit)
	}
	return answers, partial
}

var errAnswer = errors.New("socketio: the client's acknowledgement does not fit")
