package socketio

import (
	"context"
	"errors"
	"log/slog"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/apperror"
)

// Ack acknowledges the event, as an [Ack] does.
func (in *Incoming) Ack(args ...any) error {
	if in.acked.Load() || !in.packet.HasID && in.onAck == nil {
		return nil
	}
	if in.onAck != nil {
		return in.ackHeard(args)
	}
	if in.reply != nil {
		return in.ackServer(args)
	}
	f, err := packAck(in.Socket.ns, in.packet.ID, args)
	if err != nil || in.acked.Swap(true) { // what does not encode acknowledges nothing
		return err
	}
	return in.Socket.send(&f)
}

// ackServer is Ack for a server-side event.
func (in *Incoming) ackServer(args []any) error {
	p, err := encodeAck(args)
	if err != nil || in.acked.Swap(true) {
		return err
	}
	in.reply(&adapter.Response{Reply: &p, Last: true})
	return nil
}

// fail acknowledges that the handler has failed, and logs the error with attrs. Methods
// of the error and of its Data may panic or end the goroutine.
func (in *Incoming) fail(err error, srv *Server, attrs []slog.Attr) {
	defer func() {
		if p := recover(); p != nil {
			srv.notePanic(in.kind("answer of "), p, attrs...)
		}
		_ = in.Ack(failedAck{errInternal}) // unless there is an answer
	}()
	e, known := failureOf(err)
	attrs = append(attrs, slog.String("event", apperror.Clip(in.Event)))
	switch {
	case known && e.args != nil:
		srv.note(slog.LevelWarn, in.kind("arguments of "), "socketio: the arguments of an event do not fit its handler, which was not called",
			append(attrs, slog.String("problem", e.Message), slog.String("type", e.args.goType()))...)
	case left(in.Socket, err):
		srv.note(slog.LevelDebug, in.kind("handler of "), "socketio: the client of a handler has left", append(attrs, slog.Any("error", err))...)
	case !known && err != errPanicked: //nolint:errorlint // as it is
		srv.note(slog.LevelError, in.kind("handler of "), "socketio: handler failed", append(attrs, slog.Any("error", err))...)
	}
	if e := in.Ack(failedAck{e}); e != nil && !errors.Is(e, ErrClosed) { // its Data does not encode
		srv.note(slog.LevelError, in.kind("answer of "), "socketio: the failure of a handler does not encode", append(attrs, slog.Any("error", e))...)
	}
}

// left reports whether a handler has failed because its client has left. That is no
// fault, and happens whenever a server is shut down under load.
func left(s *Socket, err error) bool {
	return s != nil && !s.connected() && (errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled))
}

// kind is the kind of a log line about the event. The name of an event without
// a handler is the client's choice.
func (in *Incoming) kind(what string) string {
	if in.registered {
		return what + in.Event
	}
	return what + "any event"
}
