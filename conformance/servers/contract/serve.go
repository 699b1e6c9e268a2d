package contract

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Serve runs an http.Server on PORT until it is told to end, and ends it in
// the right order: Socket.IO first, so that no poll holds up the rest.
func (c *Contract) Serve(handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	c.ServeWith(server.Serve, server.Shutdown)
}

// ServeWith is Serve for servers of another kind.
func (c *Contract) ServeWith(serve func(net.Listener) error, shutdown func(context.Context) error) {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- serve(listener) }() // ends with shutdown
	fmt.Println("listening")
	select {
	case err := <-failed:
		log.Fatal(err)
	case <-told.Done():
	case <-c.shutdown:
	}

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := errors.Join(c.IO.Shutdown(ctx), shutdown(ctx)); err != nil {
		log.Fatal("shutting down: ", err)
	}
}
