package graceful_test

import (
	"context"
	"fmt"
	"net"
	"net/http"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/graceful"
)

// The end of the context is what SIGTERM is in production.
func Example() {
	srv := socketio.NewServer(nil)
	service := graceful.New(srv, nil)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("GET /healthz", service.Healthz)
	mux.HandleFunc("GET /readyz", service.Readyz)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- service.Serve(ctx, &http.Server{Handler: mux}, l) }()

	resp, err := http.Get("http://" + l.Addr().String() + "/readyz")
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = resp.Body.Close()
	fmt.Println(resp.Status)
	stop()
	fmt.Println(<-served) // nil: all has ended in order
	// Output:
	// 200 OK
	// <nil>
}
