package siotest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// In a test, t is its *testing.T, and what siotest.Example gets is the test's body.

func ExampleDial() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.OnConnect(func(s *socketio.Socket) { _ = s.Join("lobby") })
		srv.On("message", func(s *socketio.Socket, text string) error {
			return s.To("lobby").Emit("message", text)
		})
		srv.On("add", func(a, b int) int { return a + b })

		alice := siotest.Dial(t, srv, siotest.Options{})
		bob := siotest.Dial(t, srv, siotest.Options{Transport: "polling"})

		alice.Emit("message", "hello")
		var text string
		bob.Expect("message", &text)
		fmt.Println(text)

		var sum int
		alice.Call("add", 2, 3).Decode(&sum)
		fmt.Println(sum)
	})
	// Output:
	// hello
	// 5
}

// A namespace that only some may join.
func ExampleRefused() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.Of("/admin").UseFunc(func(_ context.Context, s *socketio.Socket) error {
			var auth struct{ Token string }
			if s.Handshake().DecodeAuth(&auth) != nil || auth.Token != "secret" {
				return &socketio.ConnectError{Message: "who are you?", Data: "sign in first"}
			}
			return nil
		})

		e := siotest.Refused(t, srv, siotest.Options{Namespace: "/admin"})
		fmt.Println(e.Message, e.Data)

		c := siotest.Dial(t, srv, siotest.Options{}) // "/" is open to all
		fmt.Println(c.RefusedOf("/admin", nil).Message)
		admin := c.Of("/admin", map[string]string{"token": "secret"})
		fmt.Println(admin.ID() != c.ID())
	})
	// Output:
	// who are you? sign in first
	// who are you?
	// true
}

// What the HTTP handshake turns down has no connection at all.
func ExampleRejected() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(&socketio.Options{AllowRequest: func(r *http.Request) error {
			if r.Header.Get("X-Key") == "" {
				return &socketio.RequestError{Code: 4, Message: "no key"}
			}
			return nil
		}})
		t.Cleanup(srv.Close)

		r := siotest.Rejected(t, srv, siotest.Options{})
		fmt.Println(r.Status, r.Code, r.Message)
		r = siotest.Rejected(t, srv, siotest.Options{Header: http.Header{"Origin": {"https://evil.example"}}})
		fmt.Println(r.Status, r.Code, r.Message)
	})
	// Output:
	// 403 4 no key
	// 403 4 Forbidden
}

func ExampleMessage_Ack() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.On("greet", func(ctx context.Context, s *socketio.Socket) (string, error) {
			name, err := socketio.Call[string](ctx, s, "who are you")
			return "hello " + name, err
		})

		c := siotest.Dial(t, srv, siotest.Options{})
		greeting := c.EmitWithAck("greet")
		c.Expect("who are you").Ack("alice")
		var text string
		c.ExpectAck(greeting, &text)
		fmt.Println(text)
	})
	// Output: hello alice
}

// Events that are declared with their types need no variables to decode into.
func ExampleCallEvent() {
	type order struct{ ID, Items int }
	createOrder := socketio.NewEvent[order, string]("order:create")
	orderCreated := socketio.NewEvent[order, socketio.None]("order:created")

	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		createOrder.Handle(srv, func(_ context.Context, s *socketio.Socket, o order) (string, error) {
			return fmt.Sprint("order ", o.ID), orderCreated.Emit(s.Broadcast(), o)
		})

		customer := siotest.Dial(t, srv, siotest.Options{})
		shop := siotest.Dial(t, srv, siotest.Options{})
		fmt.Println(siotest.CallEvent(customer, createOrder, order{7, 2}))
		fmt.Println(siotest.ExpectEvent(shop, orderCreated).Items)
	})
	// Output:
	// order 7
	// 2
}

// Bytes travel as binary, both ways.
func ExampleClient_Emit_binary() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.On("upload", func(s *socketio.Socket, name string, data []byte) error {
			return s.Emit("stored", map[string]any{"name": name, "head": data[:2]})
		})

		c := siotest.Dial(t, srv, siotest.Options{})
		c.Emit("upload", "a.bin", []byte{1, 2, 3})
		var stored struct {
			Name string
			Head []byte
		}
		c.Expect("stored", &stored)
		fmt.Println(stored.Name, len(stored.Head), stored.Head[1])
	})
	// Output: a.bin 2 2
}

// A client whose connection is lost without a word comes back.
func ExampleClient_Reconnect() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		gone := make(chan socketio.Reason)
		srv.OnDisconnect(func(_ *socketio.Socket, reason socketio.Reason) { gone <- reason })
		srv.OnConnect(func(s *socketio.Socket) {
			var auth struct{ Name string }
			_ = s.Handshake().DecodeAuth(&auth)
			_ = s.Emit("welcome", auth.Name)
		})

		c := siotest.Dial(t, srv, siotest.Options{Auth: map[string]string{"name": "ann"}})
		c.Expect("welcome")
		c.Cut()
		c.ExpectDisconnect(siotest.TransportClose)
		fmt.Println(<-gone)

		back := c.Reconnect() // with the same auth
		fmt.Println(back.Expect("welcome"), back.ID() != c.ID())
		fresh := back.ReconnectWith(map[string]string{"name": "bob"})
		fmt.Println(<-gone)
		fmt.Println(fresh.Expect("welcome"))
		fresh.Disconnect()
		fmt.Println(<-gone)
	})
	// Output:
	// transport close
	// ["welcome","ann"] true
	// transport close
	// ["welcome","bob"]
	// client namespace disconnect
}

// Sign in by HTTP, connect with the cookie.
func ExampleHTTP() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			user, err := s.Handshake().Request().Cookie("user")
			if err != nil {
				return &socketio.ConnectError{Message: "sign in first"}
			}
			s.SetIdentity(user.Value)
			return nil
		})
		srv.On("who am i", func(s *socketio.Socket) string { return s.Identity() })
		mux := http.NewServeMux()
		mux.Handle("/socket.io/", srv)
		mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "user", Value: r.FormValue("user"), Path: "/"})
		})

		fmt.Println(siotest.Refused(t, mux, siotest.Options{}).Message)

		jar, _ := cookiejar.New(nil)
		o := siotest.Options{Jar: jar}
		resp, err := siotest.HTTP(t, mux, o).Post("http://server.test/login", "application/x-www-form-urlencoded", strings.NewReader("user=ann"))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		fmt.Println(siotest.Dial(t, mux, o).Call("who am i"))
	})
	// Output:
	// sign in first
	// ["ann"]
}
