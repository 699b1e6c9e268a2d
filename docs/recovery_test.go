package docs_test

import (
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

func TestRecovery(t *testing.T) {
	t.Parallel()
	// code: on
	srv := socketio.NewServer(&socketio.Options{
		Recovery: &socketio.Recovery{MaxDisconnection: 5 * time.Minute},
	})
	// end
	defer srv.Close()
	lost := make(chan struct{}, 1)
	srv.OnDisconnect(func(*socketio.Socket, socketio.Reason) { lost <- struct{}{} })
	load := func(*socketio.Socket) []string { return []string{"all"} }

	// code: fresh
	srv.OnConnect(func(s *socketio.Socket) {
		if s.Recovered() {
			return // it has its rooms, and has missed nothing
		}
		s.Join("news")
		s.Emit("state", load(s))
	})
	// end

	c := dial(t, srv)
	c.Expect("state")
	c.Conn().Cut()
	<-lost
	srv.To("news").Emit("news", "while you were away")
	again := c.Reconnect()
	var text string
	again.Expect("news", &text)
	assert.Equal(t, "missed", text, "while you were away")
	assert.Equal(t, "id", again.ID(), c.ID())
}
