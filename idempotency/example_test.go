package idempotency_test

import (
	"fmt"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/idempotency"
)

// An order that comes twice, as the stock client sends it when an acknowledgement is lost,
// is placed once.
func ExampleNew() {
	type Order struct {
		Key  string `json:"key"`
		Item string `json:"item"`
	}
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.UseEvent(idempotency.New(idempotency.Config{Key: idempotency.Field("key")}))
		orders := 0
		srv.On("order", func(o Order) string {
			orders++
			return fmt.Sprintf("order %d: %s", orders, o.Item)
		})

		c := siotest.Dial(t, srv, siotest.Options{})
		fmt.Println(c.Call("order", Order{"a", "tea"}))
		fmt.Println(c.Call("order", Order{"a", "tea"})) // again
		fmt.Println(c.Call("order", Order{"b", "milk"}))
	})
	// Output:
	// ["order 1: tea"]
	// ["order 1: tea"]
	// ["order 2: milk"]
}

// The key may be an argument of its own, as in the tutorial of Socket.IO.
func ExampleArg() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.UseEvent(idempotency.New(idempotency.Config{Key: idempotency.Arg(1), Events: []string{"chat message"}}))
		said := 0
		srv.On("chat message", func(_, _ string) int { said++; return said })

		c := siotest.Dial(t, srv, siotest.Options{})
		fmt.Println(c.Call("chat message", "hello", "client-0"))
		fmt.Println(c.Call("chat message", "hello", "client-0"))
		fmt.Println(c.Call("chat message", "hello", "client-1"))
	})
	// Output:
	// [1]
	// [1]
	// [2]
}
