package docs_test

import (
	"context"
	"expvar"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// code: event
type Order struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

type Receipt struct {
	Number int `json:"number"`
}

var PlaceOrder = socketio.NewEvent[Order, Receipt]("place order")

// end

func TestListening(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)
	store := func(context.Context, string, []byte) error { return nil }

	// code: on
	srv.On("message", func(s *socketio.Socket, text string) {
		s.Broadcast().Emit("message", text)
	})
	// end

	// code: shapes
	srv.On("ping", func() {})                                          // no arguments
	srv.On("add", func(a, b int) int { return a + b })                 // the result is acknowledged
	srv.On("find", func(q string, limit *int) []string { return nil }) // limit may be left out
	srv.On("sum", func(n ...float64) (sum float64) {
		for _, v := range n {
			sum += v
		}
		return sum
	})
	srv.On("upload", func(ctx context.Context, s *socketio.Socket, name string, data []byte) error {
		return store(ctx, s.Identity()+"/"+name, data)
	})
	srv.On("move", func(ack socketio.Ack, steps ...int) { ack("ok", len(steps)) })
	srv.On("raw", func(ctx context.Context, in *socketio.Incoming) error {
		var first map[string]any
		if err := in.Arg(0, &first); err != nil {
			return &socketio.Error{Code: socketio.CodeBadRequest, Message: "an object, please"}
		}
		return in.Ack(len(first), in.Len())
	})
	// end

	// code: typed
	PlaceOrder.Handle(srv, func(ctx context.Context, s *socketio.Socket, o Order) (Receipt, error) {
		if o.Count < 1 {
			return Receipt{}, &socketio.Error{Code: socketio.CodeBadRequest, Message: "how many?"}
		}
		return Receipt{Number: 1}, PlaceOrder.Emit(s.Broadcast(), o)
	})
	// end

	counts := new(expvar.Map)
	// code: any
	srv.OnAny(func(_ *socketio.Socket, in *socketio.Incoming) { counts.Add("in "+in.Event, 1) })
	srv.OnAnyOutgoing(func(s *socketio.Socket, out *socketio.Outgoing) { counts.Add("out "+out.Event, 1) })
	srv.OnConnect(func(s *socketio.Socket) {
		s.Once("hello", func(name string) { s.SetIdentity(name) })
	})
	// end

	c, other := dial(t, srv), dial(t, srv)
	for _, call := range []struct {
		event string
		args  []any
		want  string
	}{
		{"ping", nil, `[]`},
		{"add", []any{1, 2}, `[3]`},
		{"find", []any{"x"}, `[null]`},
		{"sum", []any{1, 2, 3.5}, `[6.5]`},
		{"upload", []any{"a.png", []byte{1}}, `[]`},
		{"move", []any{1, 2}, `["ok",2]`},
		{"raw", []any{map[string]int{"a": 1}, 2}, `[1,2]`},
		{"raw", []any{1}, `[{"error":{"code":"bad_request","message":"an object, please"}}]`},
		{"place order", []any{Order{"tea", 2}}, `[{"number":1}]`},
		{"place order", []any{Order{"tea", 0}}, `[{"error":{"code":"bad_request","message":"how many?"}}]`},
	} {
		assert.Equal(t, call.event, c.Call(call.event, call.args...).String(), call.want)
	}
	var o Order
	other.Expect("place order", &o)
	assert.Equal(t, "order", o, Order{"tea", 2})
	c.Emit("message", "hello")
	other.Expect("message")
	c.Call("hello", "ada")
	assert.Equal(t, "in", counts.Get("in place order").String(), "2")
	assert.Equal(t, "out", counts.Get("out place order").String(), "1")
}
