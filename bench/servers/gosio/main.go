// Command gosio is the benchmark's server on gosio and net/http, with default
// options. CONTENTION=1 in the environment has it measure what waits for locks;
// HANDSHAKES is the number that it serves in a second, PACE=1 has it accept them as
// package graceful does, RECOVERY=1 has it keep sessions, and with GRACEFUL=1 it ends at SIGTERM.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/gosio/gosio/bench/servers/figures"
	"github.com/gosio/gosio/bench/servers/handlers"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/graceful"
)

func main() {
	srv := socketio.NewServer(handlers.Options())
	handlers.Register(srv)
	http.Handle("/socket.io/", srv)
	http.HandleFunc("/debug/figures", figures.Handle)
	if os.Getenv("CONTENTION") == "1" {
		http.HandleFunc("/debug/locks", figures.Locks())
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", os.Getenv("PORT")))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr()) // for those who let the kernel choose
	server := &http.Server{}
	if os.Getenv("GRACEFUL") == "1" {
		if err := graceful.New(srv, nil).Serve(context.Background(), server, listener); err != nil {
			log.Fatal(err)
		}
		return
	}
	if os.Getenv("PACE") == "1" {
		graceful.Pace(server)
	}
	log.Fatal(server.Serve(listener))
}
