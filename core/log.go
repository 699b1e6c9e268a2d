package socketio

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// What the application got wrong is logged at level error, what clients got
// wrong at level warn, all else at level debug. Clients cannot make the log
// grow as they like, see package loglimit, and nothing of theirs that is
// longer than 256 bytes is logged.

// note logs a line of a kind, which no client has chosen.
func (srv *Server) note(level slog.Level, kind, msg string, attrs ...slog.Attr) {
	for i, a := range attrs {
		if err, ok := a.Value.Any().(error); ok {
			attrs[i].Value = slog.AnyValue(logged(err))
		}
	}
	srv.noted.Log(srv.log, level, kind, msg, attrs...)
}

// logged is an error of the application's as the log has it: the error may
// contain what a client has sent, and its methods may panic.
func logged(err error) error {
	text, ok := textOf(err)
	switch {
	case !ok:
		return errors.New(clip(text))
	case len(text) > len(clip(text)):
		return &clipped{err, clip(text)}
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

// notePanic logs a panic of the application, which goes no further.
func (srv *Server) notePanic(in string, p any, attrs ...slog.Attr) {
	srv.note(slog.LevelError, "panic "+in, "socketio: panic", append(attrs, slog.String("in", in),
		slog.String("panic", clip(fmt.Sprint(p))), slog.String("stack", string(debug.Stack())))...)
}

// noteExit says what runtime.Goexit has done.
func (srv *Server) noteExit(attrs ...slog.Attr) {
	srv.note(slog.LevelError, "goexit", "socketio: the application has ended the goroutine that called it (runtime.Goexit)", attrs...)
}

// clip bounds what the network puts into a log line.
func clip(s string) string {
	const limit = 256
	if len(s) <= limit {
		return s
	}
	return s[:limit]
}
