package graceful_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/internal/leak"
)

// TestMain is the program of process_test.go where it is started as one.
func TestMain(m *testing.M) {
	if mode := os.Getenv("GRACEFUL_PROGRAM"); mode != "" {
		program(mode)
		return
	}
	leak.Main(m)
}

// program is a server that writes each event, before it is acknowledged. Its argument
// is the Timeout.
func program(timeout string) {
	patience, err := time.ParseDuration(timeout)
	if err != nil {
		panic(err)
	}
	srv := socketio.NewServer(nil)
	srv.On("add", func(what string) string { fmt.Println("added", what); return what })
	srv.On("hang", func() { fmt.Println("hanging"); select {} })
	service := graceful.New(srv, &graceful.Options{Timeout: patience})
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("GET /readyz", service.Readyz)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("address", l.Addr())
	if err := service.Serve(context.Background(), &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}, l); err != nil {
		fmt.Println("failed", err)
		os.Exit(3)
	}
}
