package socketio

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/internal/strangers"
	"github.com/gosio/gosio/core/parser"
)

// observing calls the application's Observer. A server without one has none of
// it: where something can be observed there is a check for nil, and no clock
// is read.
type observing struct {
	to     Observer
	log    *slog.Logger
	panics atomic.Int64
	began  time.Time

	strange strangers.Names
}

// now is the time since the server was made. It costs less than time.Now, which
// reads two clocks.
func (o *observing) now() time.Duration { return time.Since(o.began) }

// observeEngine puts the observer into the server and the engine's options.
func observeEngine(srv *Server, o *engine.Options) {
	if srv.opts.Observer == nil {
		return
	}
	obs := guard(srv.opts.Observer, srv.log, time.Now())
	srv.observer = obs
	o.Observer = fromEngine{obs}
	told := o.OnRefused
	o.OnRefused = func(r *http.Request, e *RequestError) {
		obs.refused(RefusedEvent{Request: r, Err: e})
		if told != nil {
			told(r, e)
		}
	}
}

// stackedPanics is how many panics of an observer are logged with their stack.
const stackedPanics = 10

// survive is deferred around each call of the observer: a panic goes no further.
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

func (o *observing) emit(ctx context.Context, e *EmitInfo) (done func(EmitResult)) {
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

// fromEngine implements engine.Observer.
type fromEngine struct{ o *observing }

// Upgrade implements engine.Observer.
func (e fromEngine) Upgrade(_ *engine.Session, step engine.UpgradeStep, err error) {
	e.o.upgrade(UpgradeEvent{Step: step, Err: err})
}

// Dropped implements engine.Observer.
func (e fromEngine) Dropped(_ *engine.Session, cause engine.DropCause, messages int) {
	e.o.dropped(DropEvent{Policy: cause, Messages: messages})
}

// Flushed implements engine.Observer.
func (e fromEngine) Flushed(s *engine.Session, wait time.Duration) {
	e.o.flushed(FlushEvent{Transport: s.Transport(), Wait: wait})
}

// observeOpened tells of a connection at its beginning.
func observeOpened(c *conn, r *http.Request) {
	if o := c.srv.observer; o != nil {
		o.connection(ConnectionEvent{Open: true, Transport: c.sess.Transport(), Handshake: c.handshake, Request: r})
	}
}

// observeEnded tells of its end.
func observeEnded(c *conn, reason Reason) {
	if o := c.srv.observer; o != nil {
		o.connection(ConnectionEvent{
			Transport: c.sess.Transport(), Handshake: c.handshake, Reason: reason, Duration: time.Since(c.handshake.Time),
		})
	}
}

// observeNoNamespace tells of a client that has asked for one that does not exist.
func observeNoNamespace(srv *Server) {
	if o := srv.observer; o != nil {
		o.namespace(NamespaceEvent{Step: NamespaceStepRefused, Err: ErrNoNamespace})
	}
}

// observeStep tells of a step of a socket whose middleware began at start.
func observeStep(s *Socket, e *NamespaceEvent, start time.Time) {
	o := s.ns.srv.observer
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

// observeBegin reads the clock if somebody wants to know.
func observeBegin(srv *Server) (t time.Time) {
	if srv.observer != nil {
		t = time.Now()
	}
	return t
}

// eventInfoOf describes an event that has come.
func eventInfoOf(s *Socket, p *parser.Packet, name string) EventInfo {
	n := len(p.Data)
	for _, a := range p.Attachments {
		n += len(a)
	}
	return EventInfo{Namespace: s.ns, Socket: s, Name: name, Bytes: n, WantsAck: p.HasID}
}

// observeUnhandled tells of an event that nobody handles.
func observeUnhandled(s *Socket, p *parser.Packet) {
	o := s.ns.srv.observer
	if o == nil {
		return
	}
	e := eventInfoOf(s, p, string(p.EventName()))
	e.Unhandled = true
	o.strange.Note(e.Name)
	_, done := o.event(context.Background(), &e)
	o.eventDone(done, EventResult{})
}

// handle calls a handler.
func (o *observing) handle(ctx context.Context, h *handler, call EventHandler, in *Incoming) error {
	e := eventInfoOf(in.Socket, &in.packet, in.Event)
	e.Registered = !h.others
	if h.others {
		defer o.strange.Enter(e.Name)()
	}
	ctx, done := o.event(ctx, &e)
	if done == nil {
		return call(ctx, in)
	}
	result := EventResult{Err: ErrPanicked}
	start := o.now()
	defer func() { // also when it panics
		result.Duration = o.now() - start
		o.eventDone(done, result)
	}()
	err := call(ctx, in)
	result.Err = apperror.Readable(err)
	return err
}

// tally counts what an event is delivered to on this server.
type tally struct {
	deliveries int
	bytes      int64
}

// add counts a packet. t may be nil: then nobody wants to know.
func (t *tally) add(deliveries int, f *frames) {
	if t != nil {
		t.deliveries += deliveries
		t.bytes += int64(deliveries) * f.size()
	}
}

func (t *tally) result(err error) EmitResult {
	return EmitResult{Err: err, Deliveries: t.deliveries, Bytes: t.bytes}
}

// emitTo is Emit of one socket.
func (o *observing) emitTo(e SocketEmitter, event string, args []any) error {
	done := o.emit(background(e.ctx), &EmitInfo{from: o, Namespace: e.s.ns, Socket: e.s, Name: event, Volatile: e.volatile})
	r := EmitResult{Err: ErrPanicked}
	defer func() { o.emitDone(done, &r) }() // also when an argument panics
	var t tally
	f, err := packEvent(e.s.ns, event, args)
	if err == nil {
		var sent bool
		if sent, err = e.put(&f); sent {
			t.add(1, &f)
		}
		err = emitError(event, err)
	}
	r = t.result(err)
	return err
}

// emitAll is Emit of a broadcast.
func (o *observing) emitAll(b Broadcast, event string, args []any) error {
	done := o.emit(background(b.ctx), &EmitInfo{from: o, Namespace: b.ns, Name: event, Volatile: b.volatile})
	r := EmitResult{Err: ErrPanicked}
	defer func() { o.emitDone(done, &r) }()
	var t tally
	err := b.emit(&t, event, args)
	r = t.result(err)
	return err
}

// ask is EmitWithAck of one socket.
func (o *observing) ask(ctx context.Context, s *Socket, event string, args []any) (*Reply, error) {
	done := o.emit(ctx, &EmitInfo{from: o, Namespace: s.ns, Socket: s, Name: event, WantsAck: true})
	r := EmitResult{Err: ErrPanicked}
	defer func() { o.emitDone(done, &r) }()
	var t tally
	start := time.Now()
	reply, err := s.ask(ctx, &t, event, args)
	r = t.result(err)
	r.Duration = time.Since(start)
	if err == nil {
		r.Answers = 1
	} else {
		r.Missing = t.deliveries
	}
	return reply, err
}

// askAll is EmitWithAck of a broadcast.
func (o *observing) askAll(ctx context.Context, b Broadcast, event string, args []any) ([]*Reply, error) {
	done := o.emit(ctx, &EmitInfo{from: o, Namespace: b.ns, Name: event, WantsAck: true, Volatile: b.volatile})
	r := EmitResult{Err: ErrPanicked}
	defer func() { o.emitDone(done, &r) }()
	var t tally
	start := time.Now()
	replies, err := b.ask(ctx, &t, event, args)
	r = t.result(err)
	r.Duration, r.Answers = time.Since(start), len(replies)
	if e := apperror.Find[PartialError](err); e != nil {
		r.Missing = max(e.Expected-e.Answered, 0)
	}
	return replies, err
}

// remote tells of an event of another server. done is called when it is
// delivered here.
func (o *observing) remote(ns *Namespace, op *adapter.Operation) (done func(t *tally)) {
	p := parser.Packet{Type: parser.Event, Data: op.Packet.Data}
	f := o.emit(context.Background(), &EmitInfo{
		from: o, Namespace: ns, Name: p.Event(), WantsAck: op.Type == adapter.OpCall, Volatile: op.Packet.Volatile, Remote: true,
	})
	return func(t *tally) {
		r := t.result(nil)
		o.emitDone(f, &r)
	}
}

// observedCall is call for another server.
func observedCall(ns *Namespace, op *adapter.Operation) *call {
	o := ns.srv.observer
	if o == nil {
		return newCall(ns, op, nil)
	}
	done := o.remote(ns, op)
	var t tally
	c := newCall(ns, op, &t)
	done(&t)
	return c
}

// observeDropped tells of a volatile event that was not kept for a client that
// does not know yet that it has joined.
func observeDropped(s *Socket, f *frames) {
	if o := s.ns.srv.observer; o != nil {
		o.dropped(DropEvent{Policy: DropPolicyWelcome, Messages: 1 + len(f.binary)})
	}
}

// background is ctx, or if there is none Background.
func background(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
