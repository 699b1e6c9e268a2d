package sioprometheus

import (
	"context"
	"errors"
	"strings"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/engine"
)

// maxLabel bounds a label's value, in bytes.
const maxLabel = 256

// label makes a label's value of a name that a client may have chosen. What is no
// UTF-8 would end every scrape.
func label(name string) string {
	if len(name) > maxLabel {
		name = name[:maxLabel]
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}

// snake makes a label's value of a text of the server's own.
func snake(text string) string { return strings.ToLower(strings.ReplaceAll(text, " ", "_")) }

// codeOf is the label of a refused request. An error of the application's may
// have any code.
func codeOf(e *socketio.RequestError) string {
	switch e.Code {
	case engine.CodeTransportUnknown, engine.CodeSessionIDUnknown, engine.CodeBadHandshakeMethod, engine.CodeBadRequest,
		engine.CodeForbidden, engine.CodeUnsupportedProtocolVersion:
		return snake(e.Code.String())
	}
	return other
}

// refusalOf is why a socket may not join.
func refusalOf(err error) string {
	switch {
	case errors.Is(err, socketio.ErrNoNamespace):
		return "no_namespace"
	case errors.Is(err, socketio.ErrPanicked):
		return "panic"
	case errors.Is(err, context.Canceled), errors.Is(err, socketio.ErrClosed):
		return "gone"
	case errors.As(err, new(*socketio.ConnectError)):
		return "refused"
	}
	return "error"
}

// failureOf is how a handler has failed.
func failureOf(err error) string {
	var e *socketio.Error
	switch {
	case errors.Is(err, socketio.ErrPanicked):
		return "panic"
	case !errors.As(err, &e):
		return "error"
	}
	switch e.Code {
	case socketio.CodeBadRequest, socketio.CodeForbidden, socketio.CodeRateLimited, socketio.CodeTimeout, socketio.CodeInternal:
		return string(e.Code)
	}
	return other // codes are the application's, and may be many
}

// missingFor is why something was not sent, or not acknowledged.
func missingFor(err error) string {
	for _, known := range []struct {
		err  error
		name string
	}{
		{context.DeadlineExceeded, "timeout"},
		{context.Canceled, "canceled"},
		{socketio.ErrSlowConsumer, "slow_consumer"},
		{socketio.ErrClosed, "closed"},
		{socketio.ErrBacklog, "backlog"},
		{socketio.ErrTooManyAcks, "too_many_acks"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return "error"
}
