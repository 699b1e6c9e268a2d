package socketio_test

import (
	"context"
	"fmt"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// greeter says who connects.
type greeter struct{ socketio.NopObserver }

func (greeter) Connection(e socketio.ConnectionEvent) {
	if e.Open {
		fmt.Println("connected by", e.Transport)
	}
}

// failures says which handlers fail.
type failures struct{ socketio.NopObserver }

func (failures) Event(ctx context.Context, e socketio.EventInfo) (context.Context, func(socketio.EventResult)) {
	return ctx, func(r socketio.EventResult) {
		if r.Err != nil {
			fmt.Println(e.Name, "has failed:", r.Err)
		}
	}
}

func ExampleObservers() {
	srv := socketio.NewServer(&socketio.Options{Observer: socketio.Observers(greeter{}, failures{})})
	defer srv.Close()
	srv.On("order", func(string) error {
		return &socketio.Error{Code: "sold_out", Message: "no coffee today"}
	})
	siotest.Example(func(t testing.TB) {
		siotest.Dial(t, srv, siotest.Options{}).Call("order", "coffee")
	})
	// Output:
	// connected by websocket
	// order has failed: socketio: sold_out: no coffee today
}
