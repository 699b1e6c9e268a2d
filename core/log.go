package socketio

import (
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/gosio/gosio/core/internal/apperror"
)

// What the application got wrong is logged at level error, what clients got
// wrong at level warn, all else at level debug. Clients cannot make the log
// grow as they like, see package loglimit, and nothing of theirs that is
// longer than 256 bytes is logged.

// note logs a line of a kind, which no client has chosen.
func (srv *Server) note(level slog.Level, kind, msg string, attrs ...slog.Attr) {
	for i, a := range attrs {
		if err, ok := a.Value.Any().(error); ok {
			attrs[i].Value = slog.AnyValue(apperror.Logged(err))
		}
	}
	srv.noted.Log(srv.log, level, kind, msg, attrs...)
}

// notePanic logs a panic of the application, which goes no further.
func (srv *Server) notePanic(in string, p any, attrs ...slog.Attr) {
	srv.note(slog.LevelError, "panic "+in, "socketio: panic", append(attrs, slog.String("in", in),
		slog.String("panic", apperror.Clip(fmt.Sprint(p))), slog.String("stack", string(debug.Stack())))...)
}

// noteExit says what runtime.Goexit has done.
func (srv *Server) noteExit(attrs ...slog.Attr) {
	srv.note(slog.LevelError, "goexit", "socketio: the application has ended the goroutine that called it (runtime.Goexit)", attrs...)
}
