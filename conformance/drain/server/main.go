// Command server writes each event before it acknowledges it, and ends at a signal.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/graceful"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	srv := socketio.NewServer(nil)
	srv.On("add", func(what string) string {
		fmt.Println("added", what)
		return what
	})
	service := graceful.New(srv, &graceful.Options{Timeout: 12 * time.Second})
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("GET /readyz", service.Readyz)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("listening", l.Addr().(*net.TCPAddr).Port)
	return service.Serve(context.Background(), &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}, l)
}
