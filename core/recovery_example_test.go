package socketio_test

import (
	"fmt"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// A client loses its connection and comes back to where it was.
func ExampleRecovery() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{}})
		t.Cleanup(srv.Close)
		srv.OnConnect(func(s *socketio.Socket) {
			if s.Recovered() {
				return // it is in its room, and has got what it missed
			}
			_ = s.Join("news")
			_ = s.Emit("welcome")
		})

		c := siotest.Dial(t, srv, siotest.Options{})
		c.Expect("welcome")
		c.Cut()
		_ = srv.To("news").Emit("news", "you have missed this")

		c = c.Reconnect()
		var text string
		c.Expect("news", &text)
		fmt.Println(c.Recovered(), text)
	})
	// Output: true you have missed this
}
