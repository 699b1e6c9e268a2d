package siootel_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	siootel "github.com/gosio/gosio/observe/otel"
)

func TestMain(m *testing.M) { leak.Main(m) }

// system is a server, and the real SDK that it is traced and counted by.
type system struct {
	*socketio.Server
	spans  *tracetest.InMemoryExporter
	traces *sdk.TracerProvider
	reader *metric.ManualReader
}

func start(t *testing.T, o siootel.Options, opts socketio.Options) *system {
	sys := &system{spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	sys.traces = sdk.NewTracerProvider(sdk.WithSyncer(sys.spans))
	meters := metric.NewMeterProvider(metric.WithReader(sys.reader))
	o.TracerProvider, o.MeterProvider, o.Propagator = sys.traces, meters, propagation.TraceContext{}
	opts.Observer = siootel.New(o)
	sys.Server = socketio.NewServer(&opts)
	t.Cleanup(func() {
		sys.Close()
		_ = sys.traces.Shutdown(context.Background())
		_ = meters.Shutdown(context.Background())
	})
	return sys
}

// span returns the span of that name, once all that has begun is done.
func (sys *system) span(t *testing.T, name string) tracetest.SpanStub {
	t.Helper()
	synctest.Wait()
	var names []string
	for _, s := range sys.spans.GetSpans() {
		if s.Name == name {
			return s
		}
		names = append(names, s.Name)
	}
	t.Fatalf("no span %q, only %q", name, names)
	return tracetest.SpanStub{}
}

func attr(s tracetest.SpanStub, key attribute.Key) string {
	for _, kv := range s.Attributes {
		if kv.Key == key {
			return kv.Value.String()
		}
	}
	return ""
}

const (
	traceID     = "0af7651916cd43dd8448eb211c80319c"
	traceparent = "00-" + traceID + "-b7ad6b7169203331-01"
)

func TestSpans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := start(t, siootel.Options{}, socketio.Options{})
		var inside trace.SpanContext
		sys.On("order", func(ctx context.Context, s *socketio.Socket, item string) (string, error) {
			inside = trace.SpanContextFromContext(ctx)
			if item == "" {
				return "", &socketio.Error{Code: socketio.CodeForbidden, Message: "nothing"}
			}
			_ = s.WithContext(ctx).Emit("status", "cooking")
			return socketio.Call[string](ctx, s, "milk?")
		})
		sys.On("plain", func(*socketio.Socket, string) { panic("on purpose") })
		c := siotest.Dial(t, sys, siotest.Options{Header: http.Header{"Traceparent": {traceparent}}})
		c.On("milk?", func(m *siotest.Message) {
			assert.Equal(t, "arguments of a question", m.Len(), 0)
			m.Ack("yes")
		})
		c.Call("order", "coffee")
		assert.Equal(t, "arguments of an event", c.Expect("status").Len(), 1)

		order := sys.span(t, "process order")
		assert.Equal(t, "the handler's", inside, order.SpanContext)
		assert.Equal(t, "kind", order.SpanKind, trace.SpanKindServer)
		assert.True(t, "it is a root", !order.Parent.IsValid())
		assert.Equal(t, "links", len(order.Links), 1)
		assert.Equal(t, "linked", order.Links[0].SpanContext.TraceID().String(), traceID)
		for key, want := range map[attribute.Key]string{
			"messaging.system": "socketio", "messaging.destination.name": "/", "messaging.operation.type": "process",
			"socketio.event": "order", "messaging.client.id": c.ID(), "messaging.message.body.size": "18",
		} {
			assert.Equal(t, string(key), attr(order, key), want)
		}
		for name, kind := range map[string]trace.SpanKind{"send milk?": trace.SpanKindClient, "send status": trace.SpanKindProducer} {
			s := sys.span(t, name)
			assert.Equal(t, "parent of "+name, s.Parent.SpanID(), order.SpanContext.SpanID())
			assert.Equal(t, "kind of "+name, s.SpanKind, kind)
			assert.Equal(t, "deliveries of "+name, attr(s, "socketio.deliveries"), "1")
		}

		sys.spans.Reset()
		c.Call("order", "")
		failed := sys.span(t, "process order")
		assert.Equal(t, "status", failed.Status.Code, codes.Error)
		assert.Equal(t, "error", attr(failed, "error.type"), "forbidden")
		c.Emit("plain", "x")
		failed = sys.span(t, "process plain")
		assert.Equal(t, "kind", failed.SpanKind, trace.SpanKindConsumer)
		assert.Equal(t, "error", attr(failed, "error.type"), "panic")

		sys.spans.Reset()
		assert.NoError(t, sys.Emit("news")) // nobody's child
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := sys.EmitWithAck(ctx, "nobody answers")
		assert.True(t, "a timeout", err != nil)
		asked := sys.span(t, "send nobody answers")
		assert.Equal(t, "error", attr(asked, "error.type"), "timeout")
		assert.Equal(t, "spans", len(sys.spans.GetSpans()), 1)
	})
}

// TestParent: the span in front of the server, here a middleware's, is the parent
// of all its connection's events if that is wanted.
func TestParent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := start(t, siootel.Options{Parent: true}, socketio.Options{})
		sys.Of("/chat").On("hello", func() {})
		var once sync.Once
		var front trace.Span
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, span := sys.traces.Tracer("front").Start(r.Context(), r.Method)
			defer span.End()
			once.Do(func() { front = span })
			sys.ServeHTTP(w, r.WithContext(ctx))
		})
		c := siotest.Dial(t, h, siotest.Options{Namespace: "/chat", Header: http.Header{"Traceparent": {traceparent}}})
		c.Call("hello")
		hello := sys.span(t, "process hello")
		assert.Equal(t, "parent", hello.Parent.SpanID(), front.SpanContext().SpanID())
		assert.Equal(t, "links", len(hello.Links), 0)
	})
}

// collect adds up each metric over all its attributes but one.
func (sys *system) collect(t *testing.T) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	assert.NoError(t, sys.reader.Collect(context.Background(), &all))
	sums := make(map[string]float64)
	add := func(name string, set attribute.Set, v float64) {
		sums[name] += v
		for _, kv := range set.ToSlice() {
			sums[name+" "+kv.Value.String()] += v
		}
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					add(m.Name, p.Attributes, float64(p.Count))
				}
			default:
				t.Fatalf("%s is a %T", m.Name, m.Data)
			}
		}
	}
	return sums
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := start(t, siootel.Options{MaxEvents: 10}, socketio.Options{})
		sys.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			if s.Handshake().Query().Has("stranger") {
				return errors.New("who?")
			}
			return nil
		})
		sys.On("echo", func(s *socketio.Socket, text string) string { return text })
		c := siotest.Dial(t, sys, siotest.Options{})
		c.Call("echo", "a")
		c.Call("echo", 1)
		siotest.Refused(t, sys, siotest.Options{Query: map[string][]string{"stranger": {""}}})
		siotest.Rejected(t, sys, siotest.Options{Transport: "carrier pigeon"})
		conn := siotest.Open(t, sys, siotest.Options{Transport: "polling"})
		conn.Upgrade()
		for i := range 20 {
			assert.NoError(t, sys.Emit("event-"+strings.Repeat("x", i)))
		}
		c.On("q", func(m *siotest.Message) { m.Ack() })
		_, err := sys.EmitWithAck(t.Context(), "q")
		assert.NoError(t, err)
		want := map[string]float64{
			"socketio.connections": 3, "socketio.connections websocket": 3, "socketio.connections.opened polling": 1,
			"socketio.requests.refused 0": 1, "socketio.upgrade.attempts": 1, "socketio.upgrades": 1, "socketio.upgrades done": 1,
			"socketio.sockets /": 1, "socketio.namespace.joins /": 1, "socketio.namespace.refusals error": 1, "socketio.join.duration": 1,
			"socketio.events.received echo": 2, "socketio.received": 22, "socketio.handler.duration echo": 2, "socketio.handler.failures echo": 1,
			"socketio.events.emitted": 21, "socketio.events.delivered": 21, "socketio.events.emitted other": 12, "socketio.ack.duration": 1,
		}
		synctest.Wait()
		got := sys.collect(t)
		for name, v := range want {
			assert.Equal(t, name, got[name], v)
		}
	})
}

// TestSeveralServers: the numbers of the moment are those of all servers of an
// observer together.
func TestSeveralServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reader := metric.NewManualReader()
		meters := metric.NewMeterProvider(metric.WithReader(reader))
		observer := siootel.New(siootel.Options{MeterProvider: meters})
		sys := &system{reader: reader}
		var servers []*socketio.Server
		for range 2 {
			srv := socketio.NewServer(&socketio.Options{Observer: observer})
			t.Cleanup(srv.Close)
			siotest.Dial(t, srv, siotest.Options{})
			servers = append(servers, srv)
		}
		got := sys.collect(t)
		assert.Equal(t, "connections", got["socketio.connections websocket"], 2.0)
		assert.Equal(t, "sockets", got["socketio.sockets /"], 2.0)
		observer.Forget(servers[0])
		assert.Equal(t, "sockets of the other", sys.collect(t)["socketio.sockets /"], 1.0)
		observer.Forget(servers[1])
		assert.Equal(t, "sockets of none", sys.collect(t)["socketio.sockets /"], 0.0)
		assert.NoError(t, meters.Shutdown(context.Background()))
	})
}

// TestLongNames: what clients may choose is cut between characters: exporters
// refuse, with all that goes with it, what is not UTF-8.
func TestLongNames(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := start(t, siootel.Options{}, socketio.Options{Limits: socketio.Limits{EventName: 1000}})
		sys.UseEvent(func(next socketio.EventHandler) socketio.EventHandler { return next })
		c := siotest.Dial(t, sys, siotest.Options{})
		c.Emit("x" + strings.Repeat("\u00e9", 200))
		assert.Equal(t, "name", attr(sys.span(t, "process"), "socketio.event"), "x"+strings.Repeat("\u00e9", 127))
	})
}

// TestNamesOfClients: spans are found by their names, of which a client must not make
// as many as it likes.
func TestNamesOfClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := start(t, siootel.Options{}, socketio.Options{})
		sys.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
			return func(ctx context.Context, in *socketio.Incoming) error {
				return in.Socket.WithContext(ctx).Emit(in.Event)
			}
		})
		siotest.Dial(t, sys, siotest.Options{}).Emit("a name of mine")
		assert.Equal(t, "event", attr(sys.span(t, "send"), "socketio.event"), "a name of mine")
		sys.span(t, "process")
		assert.Equal(t, "spans", len(sys.spans.GetSpans()), 2)
	})
}

// TestErrorsOfClients: an error that holds what a client has sent does not fill
// the spans.
func TestErrorsOfClients(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sys := start(t, siootel.Options{}, socketio.Options{})
		sys.On("order", func(what string) error { return errors.New("no such thing: " + what) })
		sys.On("code", func(what string) error { return &socketio.Error{Code: socketio.Code(what), Message: what} })
		c := siotest.Dial(t, sys, siotest.Options{})
		for _, event := range []string{"order", "code"} {
			c.Emit(event, strings.Repeat("\u00e9", 100_000))
			span := sys.span(t, "process "+event)
			assert.True(t, "status of "+event, len(span.Status.Description) <= 256 && utf8.ValidString(span.Status.Description))
			assert.True(t, "type of "+event, len(attr(span, "error.type")) <= 256)
		}
	})
}

// TestWiring: all events would have one name.
func TestWiring(t *testing.T) {
	t.Parallel()
	defer func() {
		got, _ := recover().(string)
		assert.True(t, "panic "+got, strings.HasPrefix(got, "siootel: "))
	}()
	siootel.New(siootel.Options{MaxEvents: -1})
}
