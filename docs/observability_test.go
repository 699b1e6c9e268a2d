package docs_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	siootel "github.com/gosio/gosio/observe/otel"
	sioprometheus "github.com/gosio/gosio/observe/prometheus"
)

func TestObservability(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	log := slog.New(slog.DiscardHandler)

	// code: prometheus
	registry := prometheus.NewRegistry()
	metrics := sioprometheus.New(sioprometheus.Options{})
	registry.MustRegister(metrics)

	srv := socketio.NewServer(&socketio.Options{Observer: metrics})
	mux.Handle("/socket.io/", srv)
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{})) // not for everybody
	// end
	t.Cleanup(srv.Close)
	srv.On("hello", func(string) {})
	dial(t, mux).Call("hello", "x")

	res := httptest.NewRecorder()
	mux.ServeHTTP(res, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(res.Body)
	assert.NoError(t, err)
	assert.True(t, string(body), strings.Contains(string(body), `socketio_events_received_total{event="hello",namespace="/"} 1`))
	assert.True(t, string(body), strings.Contains(string(body), `socketio_connections{transport="websocket"} 1`))

	// code: stats
	st := srv.Stats()
	log.Info("now", "websockets", st.Connections["websocket"], "sockets", st.Namespaces["/"].Sockets, "queued", st.SendBytes)
	// end
	assert.Equal(t, "sockets", st.Namespaces["/"].Sockets, 1)
}

func TestTracing(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	traces := sdk.NewTracerProvider(sdk.WithSyncer(spans))
	t.Cleanup(func() { _ = traces.Shutdown(context.Background()) })

	// code: otel
	srv := socketio.NewServer(&socketio.Options{Observer: siootel.New(siootel.Options{
		TracerProvider: traces,                     // default: otel.GetTracerProvider()
		Propagator:     propagation.TraceContext{}, // default: otel.GetTextMapPropagator()
	})})
	// end
	t.Cleanup(srv.Close)
	save := func(context.Context, string) error { return nil }

	// code: context
	srv.On("order", func(ctx context.Context, s *socketio.Socket, item string) error {
		if err := save(ctx, item); err != nil { // a child of the span "process order"
			return err
		}
		_ = srv.To("kitchen").WithContext(ctx).Emit("order", item) // "send order", a child, too
		_, err := socketio.Call[string](ctx, s, "milk?")           // and this; it lasts until the client has answered
		return err
	})
	// end
	c := siotest.Dial(t, srv, siotest.Options{})
	c.On("milk?", func(m *siotest.Message) { m.Ack("yes") })
	c.Call("order", "coffee")
	var names []string
	for end := time.Now().Add(10 * time.Second); len(names) < 3 && time.Now().Before(end); {
		names = nil
		for _, s := range spans.GetSpans() {
			names = append(names, s.Name)
		}
	}
	assert.Equal(t, "spans", fmt.Sprint(names), "[send order send milk? process order]")
}

// code: own
// slowEvents logs handlers that take long.
type slowEvents struct {
	socketio.NopObserver // does nothing of what is not below, today and later
	log                  *slog.Logger
}

func (o slowEvents) Event(ctx context.Context, e socketio.EventInfo) (context.Context, func(socketio.EventResult)) {
	return ctx, func(r socketio.EventResult) {
		if r.Duration > time.Second {
			o.log.WarnContext(ctx, "slow", "event", e.Name, "took", r.Duration, "err", r.Err)
		}
	}
}

// end

func TestOwnObserver(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	o := slowEvents{log: slog.New(slog.NewTextHandler(&out, nil))}
	_, done := o.Event(t.Context(), socketio.EventInfo{Name: "long"})
	done(socketio.EventResult{Duration: time.Minute})
	assert.True(t, out.String(), strings.Contains(out.String(), "event=long took=1m0s"))
	srv := start(t, &socketio.Options{Observer: o})
	srv.On("quick", func() {})
	dial(t, srv).Call("quick")
}
