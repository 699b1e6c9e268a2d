// Suite-socket is the support server of the official Socket.IO protocol suite.
// PORT is its TCP port, 3000 by default, PING_TIMEOUT and
// CONNECT_TIMEOUT are in milliseconds, 200 and 1000 by default, as the official suite
// expects.
package main

import (
	"cmp"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	socketio "github.com/gosio/gosio/core"

	"github.com/gosio/gosio/conformance/servers/contract"
)

func main() {
	srv := socketio.NewServer(&socketio.Options{
		PingInterval:   300 * time.Millisecond,
		PingTimeout:    milliseconds("PING_TIMEOUT", 200),
		ConnectTimeout: milliseconds("CONNECT_TIMEOUT", 1000),
		CORS:           socketio.CORS{Origins: []string{"*"}},
	})
	for _, name := range []string{"/", "/custom"} {
		ns := srv.Of(name)
		ns.OnConnect(func(s *socketio.Socket) { _ = s.Emit("auth", contract.Auth(s)) }) // or it is gone already
		ns.On("message", func(s *socketio.Socket, args ...any) error { return s.Emit("message-back", args...) })
		ns.On("message-with-ack", func(a, b, c *any, ack socketio.Ack) error { return ack(contract.Given(a, b, c)...) })
	}
	http.Handle("/socket.io/", srv)

	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "3000"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(http.Serve(listener, nil))
}

// milliseconds is a time in the environment, or what it is by default.
func milliseconds(name string, otherwise int) time.Duration {
	n, err := strconv.Atoi(cmp.Or(os.Getenv(name), strconv.Itoa(otherwise)))
	if err != nil {
		log.Fatal(err)
	}
	return time.Duration(n) * time.Millisecond
}
