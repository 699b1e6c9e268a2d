package siootel_test

import (
	"context"
	"fmt"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	siootel "github.com/gosio/gosio/observe/otel"
)

// names hands on the names of spans that have ended: an exporter of a few lines.
type names chan string

func (n names) ExportSpans(_ context.Context, spans []trace.ReadOnlySpan) error {
	for _, span := range spans {
		n <- span.Name()
	}
	return nil
}

func (names) Shutdown(context.Context) error { return nil }

func ExampleNew() {
	siotest.Example(func(t testing.TB) {
		ended := make(names, 10)
		traces := trace.NewTracerProvider(trace.WithSyncer(ended)) // WithBatcher in an application
		srv := socketio.NewServer(&socketio.Options{Observer: siootel.New(siootel.Options{
			TracerProvider: traces,
			Propagator:     propagation.TraceContext{},
		})})
		t.Cleanup(srv.Close)
		srv.On("order", func(ctx context.Context, item string) {}) // what it does with ctx is a child

		siotest.Dial(t, srv, siotest.Options{}).Emit("order", "coffee")
		fmt.Println(<-ended)
	})
	// Output:
	// process order
}
