// A cluster without an engine: chat servers that a small hub joins. It shows how an
// adapter is written: node.go is all of it. Run it, and open http://localhost:3000 and
// http://localhost:3001: two servers, one chat.
//
//	go run ./examples/hub
//
// More servers join by the hub's address:
//
//	HUB=localhost:4000 PORT=3002 go run ./examples/hub
//
// For production use an engine that survives its own machine; the hub is one process,
// and trusts whoever connects.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/examples/parts/chat"
	"github.com/gosio/gosio/examples/parts/page"
	"github.com/gosio/gosio/graceful"
)

func main() {
	if err := start(context.Background(), os.Getenv("HUB"), os.Getenv("PORT")); err != nil {
		slog.Error("the server failed", "err", err)
		os.Exit(1)
	}
}

// start runs one server of a hub that is there, or a hub and two servers.
func start(ctx context.Context, address, port string) error {
	if address != "" {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("HUB has to be the host and the port of a hub, as in HUB=localhost:4000: %w", err)
		}
		l, err := net.Listen("tcp", ":"+cmp.Or(port, "3000"))
		if err != nil {
			return err
		}
		return run(ctx, l, address)
	}
	var listeners [3]net.Listener
	for i, at := range []string{"localhost:4000", ":3000", ":3001"} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			return err
		}
		defer l.Close()
		listeners[i] = l
	}
	go func() { _ = new(hub).serve(listeners[0]) }() // until the listener is closed, at the end
	var servers sync.WaitGroup
	errs := make([]error, 2)
	for i, l := range listeners[1:] {
		servers.Go(func() { errs[i] = run(ctx, l, listeners[0].Addr().String()) })
	}
	slog.Info("the chat is open", "ports", "3000, 3001")
	servers.Wait()
	return errors.Join(errs...)
}

// run serves a chat that is joined to the hub at that address, until ctx ends.
func run(ctx context.Context, l net.Listener, address string) error {
	srv := socketio.NewServer(&socketio.Options{Logger: slog.Default(), Adapter: connect(address)})
	chat.New(srv)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.Handle("/", http.FileServerFS(page.Files))
	app := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return graceful.New(srv, nil).Serve(ctx, app, l)
}
