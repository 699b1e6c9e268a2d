package sioprometheus_test

import (
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	sioprometheus "github.com/gosio/gosio/observe/prometheus"
)

// BenchmarkObserver is what counting takes of an event in and one out, the clock
// of the server included. An echo of both takes a server 5 us at the very least.
func BenchmarkObserver(b *testing.B) {
	once := echoObserved(b)
	b.ReportAllocs()
	for b.Loop() {
		once()
	}
}

func echoObserved(tb testing.TB) (once func()) {
	o := sioprometheus.New(sioprometheus.Options{})
	srv := socketio.NewServer(&socketio.Options{Observer: o})
	tb.Cleanup(srv.Close)
	in := socketio.EventInfo{Namespace: srv.Namespace, Name: "echo", Registered: true, Bytes: 40}
	out := socketio.EmitInfo{Namespace: srv.Namespace, Name: "echo"}
	ctx, began := tb.Context(), time.Now()
	return func() {
		_, handled := o.Event(ctx, in)
		start := time.Since(began)
		emitted := o.Emit(ctx, out)
		emitted(socketio.EmitResult{Deliveries: 1, Bytes: 40})
		handled(socketio.EventResult{Duration: time.Since(began) - start})
	}
}

// TestAllocations: counting allocates nothing.
func TestAllocations(t *testing.T) {
	once := echoObserved(t)
	once()
	if n := testing.AllocsPerRun(100, once); n > 0 {
		t.Errorf("%.0f allocations for an event in and one out", n)
	}
}
