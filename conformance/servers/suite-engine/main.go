// Suite-engine is the support server of the official Engine.IO protocol suite:
// it sends back what it gets. PORT is its TCP port, 3000 by default, PING_TIMEOUT is in
// milliseconds, and 200 by default, as the official suite expects.
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

	"github.com/gosio/gosio/core/engine"
)

func main() {
	pingTimeout, err := strconv.Atoi(cmp.Or(os.Getenv("PING_TIMEOUT"), "200"))
	if err != nil {
		log.Fatal(err)
	}
	srv := engine.NewServer(echo{}, &engine.Options{
		PingInterval: 300 * time.Millisecond,
		PingTimeout:  time.Duration(pingTimeout) * time.Millisecond,
		CORS:         engine.CORS{Origins: []string{"*"}},
	})
	http.Handle("/engine.io/", srv)

	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "3000"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(http.Serve(listener, nil))
}

type echo struct{}

func (echo) Connect(s *engine.Session, _ *http.Request) engine.Receiver { return &session{s} }

type session struct{ *engine.Session }

func (s *session) Message(data []byte, binary bool) (engine.Worker, error) {
	if binary {
		return nil, s.Send(engine.Binary(data))
	}
	return nil, s.Send(engine.Text(append(engine.TextBuffer(len(data)), data...)))
}

func (s *session) Backlog() <-chan struct{} { return nil }

func (s *session) Closed(engine.Reason, error) {}
