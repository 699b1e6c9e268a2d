package docs_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

func TestFromZishang520(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	// code: hello
	srv := socketio.NewServer(nil)
	srv.On("message", func(s *socketio.Socket, text string) {
		s.Broadcast().Emit("message", s.ID(), text)
	})
	mux.Handle("/socket.io/", srv)
	// end
	defer srv.Close()
	lookup := func(token string) (*Account, bool) { return &Account{token}, token != "" }

	// code: acks
	srv.On("add", func(a, b float64) float64 { return a + b })
	srv.On("quiz", func(ctx context.Context, s *socketio.Socket) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return socketio.Call[string](ctx, s, "question")
	})
	// end

	// code: middleware
	srv.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		_ = s.Handshake().DecodeAuth(&auth)
		user, ok := lookup(auth.Token)
		if !ok {
			return &socketio.ConnectError{Message: "not allowed"}
		}
		User.Set(s, user) // var User = socketio.NewKey[*Account]("user")
		return nil
	})
	// end

	// code: options
	opts := &socketio.Options{
		PingInterval: 20 * time.Second,
		Limits:       socketio.Limits{MaxHTTPBufferSize: 256 << 10},
		CORS:         socketio.CORS{Origins: []string{"https://app.example"}, Credentials: true},
	}
	// end
	start(t, opts)

	c := siotest.Dial(t, mux, siotest.Options{Auth: map[string]string{"token": "ada"}})
	assert.Equal(t, "sum", c.Call("add", 1, 2).String(), "[3]")
	reply := c.EmitWithAck("quiz")
	c.Expect("question").Ack("42")
	assert.Equal(t, "answer", (<-reply).String(), `["42"]`)
	assert.Equal(t, "refusal", siotest.Refused(t, mux, siotest.Options{}).Message, "not allowed")
}
