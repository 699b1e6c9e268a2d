package siotest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func app() *socketio.Server {
	srv := socketio.NewServer(nil)
	srv.On("echo", func(s *socketio.Socket, args ...any) error { return s.Emit("echo", args...) })
	srv.On("add", func(a, b int) int { return a + b })
	srv.On("fail", func() error { return &socketio.Error{Code: socketio.CodeForbidden, Message: "no"} })
	srv.On("ask", func(ctx context.Context, s *socketio.Socket) (string, error) {
		return socketio.Call[string](ctx, s, "question", []byte{7})
	})
	srv.On("leave", func(s *socketio.Socket) { s.Disconnect(false) })
	srv.On("close", func(s *socketio.Socket) { s.Disconnect(true) })
	srv.Of("/admin").UseFunc(func(_ context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if s.Handshake().DecodeAuth(&auth) != nil || auth.Token != "secret" {
			return &socketio.ConnectError{Message: "no", Data: map[string]any{"retry": false}}
		}
		return nil
	})
	srv.Of("/admin").On("add", func(a, b int) int { return 100 * (a + b) })
	return srv
}

// onBoth runs a test over both transports, in virtual time.
func onBoth(t *testing.T, test func(t *testing.T, srv *socketio.Server, o siotest.Options)) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := app()
				t.Cleanup(srv.Close)
				test(t, srv, siotest.Options{Transport: transport})
			})
		})
	}
}

func TestEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, srv *socketio.Server, o siotest.Options) {
		c := siotest.Dial(t, srv, o)
		assert.Equal(t, "id", len(c.ID()), 20)
		c.Emit("echo", 1, "two", []byte{3}, map[string]any{"four": []byte{4}})
		var number int
		var text string
		var bytes []byte
		var deep map[string][]byte
		m := c.Expect("echo", &number, &text, &bytes, &deep)
		assert.Equal(t, "arguments", m.Len(), 4)
		assert.Equal(t, "decoded", fmt.Sprint(number, text, len(bytes), deep), "1two1 map[four:[4]]")

		var sum int
		c.Call("add", 2, 3).Decode(&sum)
		assert.Equal(t, "sum", sum, 5)
		assert.Equal(t, "failure", c.Call("fail").Failure().Code, socketio.CodeForbidden)

		answer := c.EmitWithAck("ask")
		c.Expect("question", &bytes).Ack("why?")
		assert.Equal(t, "answer", (<-answer).String(), `["why?"]`)
		c.On("question", func(m *siotest.Message) { m.Ack("again?") })
		assert.Equal(t, "answer", c.Call("ask").String(), `["again?"]`)
		c.ExpectNone(time.Hour)
	})
}

func TestNamespaces(t *testing.T) {
	onBoth(t, func(t *testing.T, srv *socketio.Server, o siotest.Options) {
		c := siotest.Dial(t, srv, o)
		admin := c.Of("/admin", map[string]string{"token": "secret"})
		assert.Equal(t, "sum", admin.Call("add", 1, 1).String(), "[200]")
		assert.Equal(t, "sum", c.Call("add", 1, 1).String(), "[2]")
		assert.Equal(t, "connections", srv.Connections(), 1)
		admin.Disconnect()
		admin.ExpectDisconnect("io client disconnect")
		assert.Equal(t, "sum", c.Call("add", 1, 1).String(), "[2]")
		c.Disconnect()
		synctest.Wait()
		assert.Equal(t, "connections", srv.Connections(), 0)

		o.Namespace = "/admin"
		e := siotest.Refused(t, srv, o)
		assert.Equal(t, "message", e.Message, "no")
		assert.Equal(t, "data", e.Data, any(map[string]any{"retry": false}))
	})
}

func TestEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, srv *socketio.Server, o siotest.Options) {
		reasons := make(chan socketio.Reason, 1)
		srv.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reasons <- r })
		c := siotest.Dial(t, srv, o)
		c.Emit("leave")
		c.ExpectDisconnect(siotest.ServerDisconnect)
		assert.Equal(t, "reason", <-reasons, socketio.ReasonServerNamespaceDisconnect)

		c = c.Reconnect()
		ack := c.EmitWithAck("close")
		c.ExpectDisconnect("")
		_, ok := <-ack
		assert.Equal(t, "acknowledged", ok, false)
		<-reasons

		c = c.Reconnect()
		c.Conn().Cut()
		c.ExpectDisconnect(siotest.TransportClose)
		<-reasons

		c = c.Reconnect()
		c.Conn().Stall(true)
		assert.Equal(t, "reason", <-reasons, socketio.ReasonPingTimeout)
		c.Conn().Stall(false)

		c = c.Reconnect()
		c.Conn().Mute(true)
		assert.Equal(t, "reason", <-reasons, socketio.ReasonPingTimeout)
		c.ExpectDisconnect(siotest.TransportClose)
	})
}

func TestConn(t *testing.T) {
	onBoth(t, func(t *testing.T, srv *socketio.Server, o siotest.Options) {
		c := siotest.Open(t, srv, o)
		assert.Equal(t, "sid", len(c.SID()), 22)
		assert.NoError(t, c.Send("40", `451-["echo",{"_placeholder":true,"num":0}]`, "bAQID"))
		assert.True(t, "connect", strings.HasPrefix(c.Next(), `40{"sid":"`))
		c.Expect(`451-["echo",{"_placeholder":true,"num":0}]`, "bAQID")
		c.Close()
		c.ExpectClosed()
	})
}

func TestRouter(t *testing.T) {
	t.Parallel()
	srv := app()
	t.Cleanup(srv.Close)
	mux := http.NewServeMux()
	mux.Handle("/realtime/", srv)
	var host, header, query string
	srv.OnConnect(func(s *socketio.Socket) {
		r := s.Handshake().Request()
		host, header, query = r.Host, r.Header.Get("X-Test"), r.URL.Query().Get("q")
	})
	c := siotest.Dial(t, mux, siotest.Options{
		Path: "/realtime/", Query: map[string][]string{"q": {"1"}},
		Header: http.Header{"X-Test": {"2"}, "Host": {"example.org"}},
	})
	c.Call("add", 1, 1)
	assert.Equal(t, "request", host+header+query, "example.org21")
}

// TestLateAnswers: what arrives while a client leaves is dropped, as the stock
// client does, and fails no test.
func TestLateAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		defer srv.Close()
		srv.Of("/stays").On("ping", func() {})
		answer := make(chan struct{})
		srv.On("slow", func(s *socketio.Socket) error {
			<-answer
			return s.Emit("done")
		})
		slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				if string(body) == "41" { // it leaves, and the answer overtakes that
					close(answer)
					time.Sleep(time.Second)
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
			}
			srv.ServeHTTP(w, r)
		})
		c := siotest.Dial(t, slow, siotest.Options{Transport: "polling"})
		stays := c.Of("/stays", nil) // so that the connection stays open
		heard := false
		c.On("done", func(*siotest.Message) { heard = true })
		ack := c.EmitWithAck("slow")
		c.Disconnect()
		if m, ok := <-ack; ok {
			t.Errorf("answered by %s after the disconnect", m)
		}
		stays.Call("ping")
		assert.True(t, "an event after the disconnect is dropped", !heard)
	})
}
