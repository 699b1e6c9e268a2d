package ratelimit_test

import (
	"fmt"
	"log/slog"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/ratelimit"
)

// The usual case: of each client five events a second, and three at once.
func ExampleEvents() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.Use(ratelimit.Events(5, 3))
		srv.On("say", func(text string) string { return "heard " + text })

		c := siotest.Dial(t, srv, siotest.Options{})
		for _, text := range []string{"one", "two", "three", "four"} {
			answer := c.Call("say", text)
			if failure := answer.Failure(); failure != nil {
				fmt.Println(failure.Code)
				continue
			}
			fmt.Println(answer)
		}
	})
	// Output:
	// ["heard one"]
	// ["heard two"]
	// ["heard three"]
	// rate_limited
}

// Rules of several kinds, the narrow ones first.
func ExampleNew() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.Use(ratelimit.New(ratelimit.Config{
			Events: []ratelimit.Rule{
				{Limit: ratelimit.PerSecond(20, 40)}, // of each client
				{
					Name: "upload", By: ratelimit.Identity, Events: []string{"upload"},
					Limit: ratelimit.PerMinute(10<<20, 1<<20), // bytes
					Cost: func(in *socketio.Incoming) int {
						var data []byte
						_ = in.Arg(0, &data)
						return len(data)
					},
				},
				{
					By:     ratelimit.Room(func(in *socketio.Incoming) (room string) { _ = in.Arg(0, &room); return room }),
					Events: []string{"say"}, Limit: ratelimit.PerSecond(50, 50),
				},
			},
			Handshakes: []ratelimit.Rule{{By: ratelimit.Identity, Limit: ratelimit.PerMinute(30, 10)}},
			OnLimited:  func(l ratelimit.Limited) { fmt.Println("over the limit:", l.Rule) },
			Logger:     slog.New(slog.DiscardHandler),
		}))
		srv.On("upload", func(data []byte) int { return len(data) })

		c := siotest.Dial(t, srv, siotest.Options{})
		fmt.Println(c.Call("upload", make([]byte, 1<<19)))
		fmt.Println(c.Call("upload", make([]byte, 900_000)).Failure().Code)
	})
	// Output:
	// [524288]
	// over the limit: upload
	// rate_limited
}
