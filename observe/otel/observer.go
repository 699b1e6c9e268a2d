// Package siootel traces and counts what a Socket.IO server does, by
// OpenTelemetry:
//
//	srv := socketio.NewServer(&socketio.Options{Observer: siootel.New(siootel.Options{})})
//
// It uses the API alone, with the global providers unless [Options] has others:
// without an SDK it does nothing.
//
// # Spans
//
// Each event from a client that has a handler is a span, "process <event>", that
// the handler's context carries: of kind server if the client waits for an
// acknowledgement, else consumer. It is the root of a trace of its own, with a link
// to the span of the connection's first HTTP request, that of a middleware in
// front or else that of the traceparent header: a connection lives for hours, and
// anybody may send a header. See Options.Parent.
//
// Each event that is emitted with an acknowledgement is a span "send <event>" of
// kind client, a child of the one in the context given to EmitWithAck. Emitting
// without is a span of kind producer, if there is one to be a child of: see
// [socketio.Socket.WithContext]. Nothing of this goes to the client.
//
// A name that a client has chosen, see [socketio.EmitInfo.Relayed], is no part of a
// span's name: it is in the attribute socketio.event alone.
//
// Attributes follow the conventions for messaging where they fit: the system is
// "socketio", the destination the namespace.
//
// # Metrics
//
// They are those of package sioprometheus, by the names and units of
// OpenTelemetry: socketio.connections, socketio.handler.duration and so on. Not
// among them are how long connections were open, how many namespaces there are,
// and the reasons of errors and of missing acknowledgements.
package siootel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	socketio "github.com/gosio/gosio/core"
)

// Options configures an [Observer]. The zero value of each field means its
// default.
type Options struct {
	// TracerProvider makes the spans. Default: the global one.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the metrics. Default: the global one.
	MeterProvider metric.MeterProvider
	// Propagator reads the headers of a connection's first request. Default: the
	// global one, which reads nothing unless it was set.
	Propagator propagation.TextMapPropagator
	// Parent makes the span of the connection's first request the parent of
	// those of its events, instead of a link. Traces are then as long as
	// connections, and their sampling is decided by who connects.
	Parent bool
	// MaxEvents bounds the values of the metrics' attribute "socketio.event", for
	// all namespaces together; further ones are "other". Default 1,000. Names of
	// events without a handler are never among them.
	MaxEvents int
}

// Observer is a [socketio.Observer]. Make one with [New]. It may be the observer of
// several servers.
type Observer struct {
	socketio.NopObserver
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	parent     bool
	metrics    *metrics
	sets       sets

	mu         sync.Mutex
	servers    []*socketio.Server
	registered bool
}

var (
	_ socketio.Observer = (*Observer)(nil)
	_ socketio.Watcher  = (*Observer)(nil)
)

// scope names what makes the spans and the metrics.
const scope = "github.com/gosio/gosio/observe/otel"

// New returns an observer, which is to be given to socketio.Options.Observer. It
// panics on a negative MaxEvents, and if the MeterProvider refuses an instrument,
// which the SDK's never does.
func New(o Options) *Observer {
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	if o.Propagator == nil {
		o.Propagator = otel.GetTextMapPropagator()
	}
	switch {
	case o.MaxEvents == 0:
		o.MaxEvents = 1000
	case o.MaxEvents < 0:
		panic("siootel: Options.MaxEvents is negative: zero means the default")
	}
	return &Observer{
		tracer: o.TracerProvider.Tracer(scope), propagator: o.Propagator, parent: o.Parent,
		metrics: newMetrics(o.MeterProvider.Meter(scope)), sets: sets{most: o.MaxEvents},
	}
}

// spanKey finds the span context of the first request in a handshake.
type spanKey struct{}

// Connection implements socketio.Observer.
func (o *Observer) Connection(e socketio.ConnectionEvent) {
	if !e.Open {
		o.metrics.connectionEnded(e)
		return
	}
	o.metrics.opened.Add(context.Background(), 1, with(attrTransport.String(e.Transport)))
	ctx := e.Request.Context()
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		sc = trace.SpanContextFromContext(o.propagator.Extract(ctx, propagation.HeaderCarrier(e.Request.Header)))
	}
	if sc.IsValid() {
		e.Keep(spanKey{}, sc)
	}
}

// Event implements socketio.Observer.
func (o *Observer) Event(ctx context.Context, e socketio.EventInfo) (context.Context, func(socketio.EventResult)) {
	set := o.sets.of(e.Namespace, e.Name, e.Registered, nil)
	o.metrics.received.Add(ctx, 1, set)
	o.metrics.receivedBytes.Add(ctx, int64(e.Bytes), set)
	if e.Unhandled {
		return ctx, nil
	}
	name := "process"
	if e.Registered {
		name += " " + clip(e.Name)
	}
	ctx, span := o.tracer.Start(o.begin(ctx, &e), name, o.options(&e)...)
	return ctx, func(r socketio.EventResult) {
		o.metrics.handlerTime.Record(ctx, r.Duration.Seconds(), set)
		if r.Err != nil {
			failed(span, r.Err)
			o.metrics.handlerFailures.Add(ctx, 1, set)
		}
		span.End()
	}
}

// connectionSpan is the span context of a socket's first request, if it had one.
func connectionSpan(s *socketio.Socket) trace.SpanContext {
	sc, _ := s.Handshake().Value(spanKey{}).(trace.SpanContext)
	return sc
}

// begin returns the context that the span of an event begins in.
func (o *Observer) begin(ctx context.Context, e *socketio.EventInfo) context.Context {
	if sc := connectionSpan(e.Socket); o.parent && sc.IsValid() {
		return trace.ContextWithRemoteSpanContext(ctx, sc)
	}
	return ctx
}

func (o *Observer) options(e *socketio.EventInfo) []trace.SpanStartOption {
	kind := trace.SpanKindConsumer
	if e.WantsAck {
		kind = trace.SpanKindServer
	}
	opts := []trace.SpanStartOption{trace.WithSpanKind(kind), trace.WithAttributes(
		attrSystem, attrOperation.String("process"), attrOperationType.String("process"),
		attrDestination.String(clip(e.Namespace.Name())), attrEvent.String(clip(e.Name)),
		attrSize.Int(e.Bytes), attrClient.String(e.Socket.ID()),
	)}
	if sc := connectionSpan(e.Socket); !o.parent && sc.IsValid() {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: sc}))
	}
	return opts
}

// Emit implements socketio.Observer.
func (o *Observer) Emit(ctx context.Context, e socketio.EmitInfo) func(socketio.EmitResult) {
	set := o.sets.of(e.Namespace, e.Name, true, &e)
	if !e.Remote {
		o.metrics.emitted.Add(ctx, 1, set)
	}
	var span trace.Span
	if e.WantsAck && !e.Remote || trace.SpanContextFromContext(ctx).IsValid() {
		ctx, span = o.send(ctx, &e)
	}
	return func(r socketio.EmitResult) {
		o.metrics.emitEnded(ctx, &e, &r, set)
		if span == nil {
			return
		}
		span.SetAttributes(attrDeliveries.Int(r.Deliveries))
		if r.Err != nil {
			failed(span, r.Err)
		}
		span.End()
	}
}

// send begins the span of an event that is emitted.
func (o *Observer) send(ctx context.Context, e *socketio.EmitInfo) (context.Context, trace.Span) {
	kind := trace.SpanKindProducer
	if e.WantsAck {
		kind = trace.SpanKindClient
	}
	attrs := []attribute.KeyValue{
		attrSystem, attrOperation.String("send"), attrOperationType.String("send"),
		attrDestination.String(clip(e.Namespace.Name())), attrEvent.String(clip(e.Name)),
	}
	if e.Socket != nil {
		attrs = append(attrs, attrClient.String(e.Socket.ID()))
	}
	name := "send"
	if !e.Relayed() {
		name += " " + clip(e.Name)
	}
	return o.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attrs...))
}

// failed notes an error on a span.
func failed(span trace.Span, err error) {
	kind := fmt.Sprintf("%T", err)
	var e *socketio.Error
	switch {
	case errors.As(err, &e):
		kind = string(e.Code)
	case errors.Is(err, socketio.ErrPanicked):
		kind = "panic"
	case errors.Is(err, context.DeadlineExceeded):
		kind = "timeout"
	case errors.Is(err, socketio.ErrClosed):
		kind = "closed"
	}
	span.SetAttributes(attrError.String(clip(kind)))
	// The text may contain what a client has sent.
	span.SetStatus(codes.Error, clip(err.Error()))
}

// clip bounds a name that a client may have chosen. What it returns is UTF-8:
// exporters refuse all else.
func clip(name string) string {
	if len(name) > 256 {
		name = name[:256]
	}
	return strings.ToValidUTF8(name, "")
}
