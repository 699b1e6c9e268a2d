// Command gosio is the benchmark's server on gosio and net/http, with default
// options. CONTENTION=1 in the environment has it measure what waits for locks.
package main

import (
	"log"
	"net"
	"net/http"
	"os"

	"github.com/gosio/gosio/bench/servers/figures"
	"github.com/gosio/gosio/bench/servers/handlers"
	socketio "github.com/gosio/gosio/core"
)

func main() {
	srv := socketio.NewServer(nil)
	handlers.Register(srv)
	http.Handle("/socket.io/", srv)
	http.HandleFunc("/debug/figures", figures.Handle)
	if os.Getenv("CONTENTION") == "1" {
		http.HandleFunc("/debug/locks", figures.Locks())
	}
	log.Fatal(http.ListenAndServe(net.JoinHostPort("127.0.0.1", os.Getenv("PORT")), nil))
}
