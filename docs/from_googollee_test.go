package docs_test

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// log stands for the package of this name in the code of the page.
var log = make(printer, 1)

// code: hello
var Last = socketio.NewKey[string]("last")

func newServer() *socketio.Server {
	srv := socketio.NewServer(nil)
	srv.On("notice", func(s *socketio.Socket, msg string) error {
		return s.Emit("reply", "have "+msg)
	})
	srv.Of("/chat").On("msg", func(s *socketio.Socket, msg string) string {
		Last.Set(s, msg)
		return "recv " + msg
	})
	srv.OnDisconnect(func(s *socketio.Socket, reason socketio.Reason) { log.Println("closed", reason) })
	return srv // then http.Handle("/socket.io/", srv)
}

// end

func TestFromGoogollee(t *testing.T) {
	t.Parallel()
	srv := newServer()
	defer srv.Close()
	valid := func(_ context.Context, token string) bool { return token == "t" }

	// code: auth
	srv.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Token string } // io({ auth: { token } })
		if err := s.Handshake().DecodeAuth(&auth); err != nil {
			return err
		}
		token := cmp.Or(auth.Token, s.Handshake().Query().Get("token")) // of 2.x clients
		if !valid(ctx, token) {
			return &socketio.ConnectError{Message: "log in first"} // connect_error
		}
		return nil
	})
	// end

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	c := siotest.Dial(t, mux, siotest.Options{Auth: map[string]string{"token": "t"}})
	c.Emit("notice", "it")
	assert.Equal(t, "reply", c.Next().String(), `["reply","have it"]`)
	assert.Equal(t, "ack", c.Of("/chat", nil).Call("msg", "hi").String(), `["recv hi"]`)
	siotest.Dial(t, mux, siotest.Options{Query: url.Values{"token": {"t"}}})
	assert.Equal(t, "refusal", siotest.Refused(t, mux, siotest.Options{}).Message, "log in first")
	c.Disconnect()
	assert.Equal(t, "log", <-log, "closed client namespace disconnect")
}
