package socketio

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/internal/strangers"
)

// observing calls the application's Observer. It is nil in a server without an
// Observer: such a server checks for nil, and reads no clock.
type observing struct {
	to     Observer
	tracer Tracer // nil: nobody wants to know recipients
	log    *slog.Logger
	panics atomic.Int64
	began  time.Time

	strange strangers.Names
}

// now is the time since the server was made. It costs less than time.Now, which
// reads two clocks.
func (o *observing) now() time.Duration { return time.Since(o.began) }

// stackedPanics is how many panics of an observer are logged with their stack.
const stackedPanics = 10

// survive is deferred around each call of the Observer. It recovers and logs a panic.
func (o *observing) survive(method string) {
	p := recover()
	if p == nil {
		return
	}
	if o.panics.Add(1) > stackedPanics {
		o.log.Debug("socketio: panic", "in", method, "panic", apperror.Clip(fmt.Sprint(p)))
		return
	}
	o.log.Error("socketio: panic", "in", method, "panic", apperror.Clip(fmt.Sprint(p)), "stack", string(debug.Stack()))
}

func (o *observing) connection(e ConnectionEvent) {
	defer o.survive("Observer.Connection")
	o.to.Connection(e)
}

func (o *observing) refused(e RefusedEvent) {
	defer o.survive("Observer.Refused")
	o.to.Refused(e)
}

func (o *observing) upgrade(e UpgradeEvent) {
	defer o.survive("Observer.Upgrade")
	o.to.Upgrade(e)
}

func (o *observing) namespace(e NamespaceEvent) {
	defer o.survive("Observer.Namespace")
	o.to.Namespace(e)
}

func (o *observing) gap(e GapEvent) {
	defer o.survive("Observer.Gap")
	o.to.Gap(e)
}

func (o *observing) value(e ValueEvent) {
	defer o.survive("Observer.Value")
	o.to.Value(e)
}

func (o *observing) event(ctx context.Context, e *EventInfo) (out context.Context, done func(EventResult)) {
	defer func() {
		if out == nil { // it has panicked, or thinks that there is nothing to add
			out = ctx
		}
	}()
	defer o.survive("Observer.Event")
	return o.to.Event(ctx, *e)
}

func (o *observing) eventDone(done func(EventResult), r EventResult) {
	defer o.survive("Observer.Event")
	if done != nil {
		done(r)
	}
}

// emit tells of an event. t, unless nil, learns how many recipients it has to list.
func (o *observing) emit(ctx context.Context, e *EmitInfo, t *tally) (done func(EmitResult)) {
	if t != nil && o.tracer != nil {
		t.most = max(o.trace(e), 0)
		if t.most > 0 {
			now := time.Now()
			t.start = &now
		}
	}
	defer o.survive("Observer.Emit")
	return o.to.Emit(ctx, *e)
}

func (o *observing) emitDone(done func(EmitResult), r *EmitResult) {
	defer o.survive("Observer.Emit")
	if done != nil {
		done(*r)
	}
}

func (o *observing) dropped(e DropEvent) {
	defer o.survive("Observer.Dropped")
	o.to.Dropped(e)
}

func (o *observing) flushed(e FlushEvent) {
	defer o.survive("Observer.Flushed")
	o.to.Flushed(e)
}

// background returns ctx, or Background if ctx is nil.
func background(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// observeBegin returns the time if the server has an Observer.
func observeBegin(srv *Server) (t time.Time) {
	if srv.observer.Load() != nil {
		t = time.Now()
	}
	return t
}

// observeStep tells the Observer of a step of a socket whose middleware began at start;
// start may be zero.
func observeStep(s *Socket, e *NamespaceEvent, start time.Time) {
	o := s.ns.srv.observer.Load()
	if o == nil {
		return
	}
	e.Namespace, e.Socket, e.Err = s.ns, s, apperror.Readable(e.Err)
	if !start.IsZero() {
		e.Duration = time.Since(start)
	}
	if s.track != nil && e.Step == NamespaceStepJoined {
		e.Recovery = s.track.outcome
	}
	o.namespace(*e)
}

// observeOpened counts a connection that opens, and tells the Observer.
func observeOpened(c *conn, r *http.Request) {
	c.srv.lives.open()
	if o := c.srv.observer.Load(); o != nil {
		o.connection(ConnectionEvent{Open: true, Transport: c.sess.Transport(), Handshake: c.handshake, Request: r, Connection: connectionOf(c.sess)})
	}
}

// observeEnded counts a connection that has ended, and tells the Observer.
func observeEnded(c *conn, reason Reason) {
	c.srv.lives.end(reason)
	if o := c.srv.observer.Load(); o != nil {
		o.connection(ConnectionEvent{
			Transport: c.sess.Transport(), Handshake: c.handshake, Reason: reason, Duration: time.Since(c.handshake.Time),
			Connection: connectionOf(c.sess),
		})
	}
}
