package docs_test

import (
	"context"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

func TestNamespaces(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)
	// code: of
	chat := srv.Of("/chat")
	chat.On("message", func(s *socketio.Socket, text string) error {
		return chat.Emit("message", s.ID(), text) // to the members of /chat
	})

	admin := srv.Of("/admin")
	admin.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if s.Handshake().DecodeAuth(&auth) != nil || auth.Token != "s3cret" {
			return &socketio.ConnectError{Message: "not for you"}
		}
		return nil
	})
	admin.On("close chat", func() error { return chat.DisconnectSockets(false) })
	// end

	// code: connect
	chat.OnConnect(func(s *socketio.Socket) {
		s.Join("lobby")
		s.Emit("welcome", len(chat.Sockets()))
		s.To("lobby").Emit("joined", s.ID())
	})
	// end

	c := siotest.Dial(t, srv, siotest.Options{Namespace: "/chat"})
	var n int
	c.Expect("welcome", &n)
	assert.Equal(t, "members", n, 1)
	c.Emit("message", "hi")
	var from, text string
	c.Expect("message", &from, &text)
	assert.Equal(t, "text", text, "hi")
	assert.Equal(t, "refusal", siotest.Refused(t, srv, siotest.Options{Namespace: "/admin"}).Message, "not for you")
	c.Of("/admin", map[string]string{"token": "s3cret"}).Emit("close chat")
	c.ExpectDisconnect(siotest.ServerDisconnect)
	assert.Equal(t, "unknown", siotest.Refused(t, srv, siotest.Options{Namespace: "/x"}).Message, "Invalid namespace")
}
