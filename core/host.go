package socketio

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/internal/tasks"
	"github.com/gosio/gosio/core/internal/workers"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/loglimit"
)

// host has what all parts of a server use: options, log, observer, goroutines. It
// refers to none of the parts.
type host struct {
	opts     Options
	limits   parser.Limits
	limits3  parser.Limits // of old clients: a namespace has a query behind it
	log      *slog.Logger
	noted    loglimit.Limiter
	observer atomic.Pointer[observing] // nil: nobody wants to know
	eyes     sync.Mutex                // held while an Observer is added
	lives    lives

	joins      chan struct{}   // one for each client for which middleware runs; nil: no limit
	workers    workers.Pool    // runs dispatchers
	work       tasks.Group     // running dispatchers, and answers to other servers
	running    context.Context // ends with Shutdown; of handlers that have no socket
	endRunning context.CancelCauseFunc

	subscribing    context.Context // ends when Shutdown has ended all sockets
	endSubscribing context.CancelFunc
}

// prepare takes options that have their defaults.
func (h *host) prepare(opts Options) {
	h.opts, h.log = opts, opts.Logger
	h.running, h.endRunning = context.WithCancelCause(context.Background())
	h.subscribing, h.endSubscribing = context.WithCancel(context.Background())
	l := &h.opts.Limits
	h.limits = parser.Limits{
		Attachments: l.Attachments, Depth: l.JSONDepth, EventName: l.EventName,
		Namespace: l.NamespaceName, Total: l.MaxHTTPBufferSize,
	}
	if l.Joins != noLimit {
		h.joins = make(chan struct{}, l.Joins)
	}
	h.limits3 = h.limits
	h.limits3.Namespace = l.NamespaceName + 1 + l.Auth // over the largest int it is negative: no limit
}

// What the application got wrong is logged at level error, what clients got
// wrong at level warn, all else at level debug. Clients cannot make the log
// grow as they like, see package loglimit, and nothing of theirs that is
// longer than 256 bytes is logged.

// note logs a line. kind must not contain text of a client: lines of one kind are
// limited in rate.
func (h *host) note(level slog.Level, kind, msg string, attrs ...slog.Attr) {
	for i, a := range attrs {
		if err, ok := a.Value.Any().(error); ok {
			attrs[i].Value = slog.AnyValue(apperror.Logged(err))
		}
	}
	h.noted.Log(h.log, level, kind, msg, attrs...)
}

// notePanic logs a recovered panic of the application.
func (h *host) notePanic(in string, p any, attrs ...slog.Attr) {
	h.note(slog.LevelError, "panic "+in, "socketio: panic", append(attrs, slog.String("in", in),
		slog.String("panic", apperror.Clip(fmt.Sprint(p))), slog.String("stack", string(debug.Stack())))...)
}

// noteExit logs that the application has called runtime.Goexit.
func (h *host) noteExit(attrs ...slog.Attr) {
	h.note(slog.LevelError, "goexit", "socketio: the application has ended the goroutine that called it (runtime.Goexit)", attrs...)
}

// guard runs code of the application that belongs to no socket. A panic is
// logged once, with its stack, and goes no further.
func (h *host) guard(what, namespace string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			h.notePanic(what, p, slog.String("namespace", apperror.Clip(namespace)))
		}
	}()
	f()
}
