package docs_test

import (
	"context"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

func TestAcknowledgements(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)
	render := func(_ context.Context, page string) string { return "<" + page + ">" }

	// code: answer
	srv.On("add", func(a, b int) int { return a + b })
	srv.On("divmod", func(a, b int) (int, int, error) {
		if b == 0 {
			return 0, 0, &socketio.Error{Code: socketio.CodeBadRequest, Message: "division by zero"}
		}
		return a / b, a % b, nil
	})
	// end

	// code: later
	srv.On("render", func(ctx context.Context, page string, ack socketio.Ack) {
		go func() { ack(render(ctx, page)) }() // the next event need not wait
	})
	// end

	// code: call
	srv.On("delete", func(ctx context.Context, s *socketio.Socket, file string) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		sure, err := socketio.Call[bool](ctx, s, "are you sure", file)
		if err != nil || !sure {
			return "kept", err
		}
		return "deleted", nil
	})
	// end

	// code: typed
	srv.On("restock", func(ctx context.Context, s *socketio.Socket) (int, error) {
		receipt, err := PlaceOrder.Call(ctx, s, Order{Item: "tea", Count: 100})
		return receipt.Number, err // of type Receipt
	})
	// end

	c := dial(t, srv)
	assert.Equal(t, "add", c.Call("add", 1, 2).String(), "[3]")
	assert.Equal(t, "divmod", c.Call("divmod", 7, 2).String(), "[3,1]")
	assert.Equal(t, "failure", c.Call("divmod", 7, 0).Failure().Message, "division by zero")
	assert.Equal(t, "render", c.Call("render", "home").String(), `["<home>"]`)

	reply := c.EmitWithAck("delete", "a.txt")
	c.Expect("are you sure").Ack(true)
	assert.Equal(t, "delete", (<-reply).String(), `["deleted"]`)
	reply = c.EmitWithAck("restock")
	c.Expect("place order").Ack(Receipt{Number: 7})
	assert.Equal(t, "restock", (<-reply).String(), `[7]`)
}
