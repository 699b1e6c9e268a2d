// Suite-socket-client is the support server of the official socket.io-client
// suite. PORT is its TCP port, 3210 by default.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	socketio "github.com/gosio/gosio/core"
)

func main() {
	srv := socketio.NewServer(&socketio.Options{
		PingInterval: 2 * time.Second,
		Recovery:     &socketio.Recovery{},
		AllowRequest: func(*http.Request) error {
			time.Sleep(10 * time.Millisecond) // for the suite's timeouts of connections
			return nil
		},
	})
	srv.Of("/foo").On("getId", id)
	for _, name := range []string{"/timeout_socket", "/valid", "/asd"} {
		srv.Of(name)
	}
	srv.Of("/abc").OnConnect(func(s *socketio.Socket) { _ = s.Emit("handshake", handshake(s)) }) // or it has gone
	srv.Of("/").Use(socketio.MiddlewareFunc(func(_ context.Context, s *socketio.Socket) error {
		if query(s).Has("fail") {
			return &socketio.ConnectError{Message: "Auth failed (main namespace)"}
		}
		return nil
	}))
	srv.Of("/no").Use(socketio.MiddlewareFunc(func(context.Context, *socketio.Socket) error {
		return &socketio.ConnectError{Message: "Auth failed (custom namespace)"}
	}))
	serve(srv.Of("/"))
	http.Handle("/socket.io/", srv)

	listener, err := net.Listen("tcp", ":"+cmp.Or(os.Getenv("PORT"), "3210")) // localhost, by IPv4 and IPv6
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(http.Serve(listener, nil))
}

func id(s *socketio.Socket, ack socketio.Ack) error { return ack(s.ID()) }

func query(s *socketio.Socket) url.Values {
	u, err := url.Parse(s.Handshake().URL)
	if err != nil {
		return nil
	}
	return u.Query()
}

// handshake is what the suite reads of it.
func handshake(s *socketio.Socket) map[string]any {
	flat := make(map[string]string)
	for key, values := range query(s) {
		flat[key] = values[0]
	}
	auth := s.Handshake().Auth
	if auth == nil {
		auth = json.RawMessage("{}")
	}
	return map[string]any{"query": flat, "auth": auth}
}

// ask asks for an acknowledgement, and tells whether it is the right one.
func ask(s *socketio.Socket) {
	reply, err := s.EmitWithAck(s.Context(), "ack")
	if err != nil {
		return // the suite does not answer each
	}
	var a int
	var b struct{ Test bool }
	if err := reply.Decode(&a, &b); err == nil && a == 5 && b.Test {
		_ = s.Emit("got it") // or it has gone
	}
}

// serve is the main namespace.
func serve(main *socketio.Namespace) {
	main.On("hi", func(s *socketio.Socket) error { return s.Emit("hi") })
	main.On("echo", func(v any, ack socketio.Ack) error { return ack(v) })
	// The suite sends the next before it answers. A handler that takes an Ack and
	// does not use it acknowledges nothing, as Node's that takes no callback.
	main.On("ack", func(s *socketio.Socket, _ socketio.Ack) { go ask(s) })
	main.On("getAckDate", func(_ any, ack socketio.Ack) error { return ack(time.Now()) })
	main.On("getDate", func(s *socketio.Socket) error { return s.Emit("takeDate", time.Now()) })
	main.On("getDateObj", func(s *socketio.Socket) error { return s.Emit("takeDateObj", map[string]any{"date": time.Now()}) })
	main.On("getUtf8", func(s *socketio.Socket) error {
		for _, text := range []string{"てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"} {
			if err := s.Emit("takeUtf8", text); err != nil {
				return err
			}
		}
		return nil
	})
	main.On("false", func(s *socketio.Socket) error { return s.Emit("false", false) })
	main.On("getHandshake", func(s *socketio.Socket, ack socketio.Ack) error { return ack(handshake(s)) })
	main.On("getId", id)
	serveBinary(main)
}

func serveBinary(main *socketio.Namespace) {
	data := []byte("asdfasdf")
	main.On("doge", func(s *socketio.Socket) error { return s.Emit("doge", data) })
	main.On("getbin", func(s *socketio.Socket) error { return s.Emit("takebin", data) })
	main.On("abuff2", func(s *socketio.Socket, _ string) error { return s.Emit("abuff2-ack") })
	for event, answer := range map[string]string{"buffa": "buffack", "blob": "back", "blob3": "blob3-ack"} {
		main.On(event, func(s *socketio.Socket, _ []byte) error { return s.Emit(answer) })
	}
	for event, answer := range map[string]string{"jsonbuff": "jsonbuff-ack", "jsonblob": "jsonblob-ack"} {
		main.On(event, func(s *socketio.Socket, v struct {
			Hello, Goodbye string
			Message        []byte
		}) error {
			if v.Hello != "lol" || v.Goodbye != "gotcha" || len(v.Message) == 0 {
				return errors.New("not what the suite sends")
			}
			return s.Emit(answer)
		})
	}
	main.On("abuff1", func([]byte) {})
	main.On("blob1", func([]byte) {})
	main.On("blob2", func(string) {})
}
