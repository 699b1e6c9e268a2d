package socketio_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

func TestSmoke(t *testing.T) {
	srv := socketio.NewServer(nil)
	got := make(chan socketio.Reason, 1)
	srv.OnConnect(func(s *socketio.Socket) { _ = s.Join("lobby"); _ = s.Emit("welcome", 1) })
	srv.OnDisconnect(func(s *socketio.Socket, r socketio.Reason) { got <- r })
	srv.On("echo", func(s *socketio.Socket, v any) { _ = s.Emit("echo", v) })
	srv.On("add", func(a, b int) (int, error) {
		if a == 0 {
			return 0, &socketio.Error{Code: socketio.CodeForbidden, Message: "no zero"}
		}
		if a == 1 {
			return 0, errors.New("secret")
		}
		return a + b, nil
	})
	srv.On("ask", func(ctx context.Context, s *socketio.Socket) (string, error) {
		return socketio.Call[string](ctx, s, "question", "?")
	})
	srv.On("all", func(s *socketio.Socket) { _ = srv.To("lobby").Emit("news", "n") })
	ts := httptest.NewServer(srv)
	defer ts.Close()
	defer srv.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, ts.URL+"/?EIO=4&transport=websocket", nil)
	assert.NoError(t, err)
	step := func(send, want string) {
		t.Helper()
		if send != "" {
			assert.NoError(t, c.Write(ctx, websocket.MessageText, []byte(send)))
		}
		if want == "" {
			return
		}
		_, b, err := c.Read(ctx)
		assert.NoError(t, err)
		if len(want) > 5 || string(b) == want {
			assert.Equal(t, "got", string(b), want)
		}
	}
	step("", "0")
	step("40", "40")
	step("", `42["welcome",1]`)
	step(`42["echo",{"a":1}]`, `42["echo",{"a":1}]`)
	step(`421["add",2,3]`, `431[5]`)
	step(`422["add",0,3]`, `432[{"error":{"code":"forbidden","message":"no zero"}}]`)
	step(`423["add",1,3]`, `433[{"error":{"code":"internal","message":"internal error"}}]`)
	step(`424["add","x",3]`, `434[{"error":{"code":"bad_request","message":"arguments do not match the event: argument 1 has to be an integer of type int, not a string"}}]`)
	step(`425["ask"]`, `420["question","?"]`)
	step(`430["!"]`, `435["!"]`)
	step(`42["all"]`, `42["news","n"]`)
	_ = c.Close(1000, "")
	assert.Equal(t, "reason", <-got, socketio.ReasonTransportClose)
}
