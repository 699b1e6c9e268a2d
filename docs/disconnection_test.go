package docs_test

import (
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

func TestDisconnection(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)
	gone := make(chan socketio.Reason, 1)
	// code: hooks
	srv.OnDisconnect(func(s *socketio.Socket, reason socketio.Reason) {
		srv.To(s.Rooms()...).Emit("left", s.ID())
		if reason != socketio.ReasonClientNamespaceDisconnect {
			gone <- reason // it may come back
		}
	})
	// end

	// code: kick
	srv.On("kick", func(s *socketio.Socket, id string) error {
		target, ok := srv.Socket(id)
		if !ok {
			return srv.To(id).DisconnectSockets(true) // it may be on another server
		}
		target.Emit("kicked", "ask me why")
		target.Disconnect(true)
		return nil
	})
	// end
	admin, c := dial(t, srv), dial(t, srv)
	admin.Call("kick", c.ID())
	c.Expect("kicked")
	c.ExpectDisconnect(siotest.ServerDisconnect)
	assert.Equal(t, "reason", <-gone, socketio.ReasonServerNamespaceDisconnect)

	c = dial(t, srv)
	c.Conn().Cut()
	assert.Equal(t, "reason", <-gone, socketio.ReasonTransportClose)
}
