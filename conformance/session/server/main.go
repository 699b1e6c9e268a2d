// Server is what session.test.mjs runs the stock client against: namespaces
// behind the sessions of an Express application, which are in its Redis.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/session"
	sessionexpress "github.com/gosio/gosio/session/express"
	sessionredis "github.com/gosio/gosio/session/redis"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	options, err := redis.ParseURL(os.Getenv("REDIS"))
	if err != nil {
		return err
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	bus := sessionredis.NewBus(ctx, client, sessionredis.BusOptions{})
	defer func() { stop(); <-bus.Done() }()
	listening := make(chan struct{}, 1)
	bus.Watch(func(session.Event) {
		select {
		case listening <- struct{}{}:
		default:
		}
	})

	provider := sessionexpress.New(sessionredis.NewKV(client), sessionexpress.Options{Secrets: []string{"new secret", "old secret"}})
	user := func(s *session.Session) string { return s.String("user") }
	srv := socketio.NewServer(nil)
	handle(srv.Namespace, session.New(provider, session.Config{User: user, Bus: bus, Check: time.Hour}))
	// One that hears of nothing, and has to look.
	handle(srv.Of("/checked"), session.New(provider, session.Config{User: user, Check: 500 * time.Millisecond}))

	<-listening
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	return serve(ctx, l, srv)
}

func handle(ns *socketio.Namespace, sessions *session.Sessions) {
	ns.Use(sessions)
	ns.On("whoami", func(s *socketio.Socket) string { return s.Identity() })
	ns.On("views", func(s *socketio.Socket) int { n, _ := session.Value[int](s, "views"); return n })
	ns.On("add view", func(ctx context.Context, s *socketio.Socket) error {
		return sessions.Update(ctx, s, func(v map[string]any) error { n, _ := v["views"].(float64); v["views"] = n + 1; return nil })
	})
	ns.On("set", func(ctx context.Context, s *socketio.Socket, key string, value any) error {
		return sessions.Update(ctx, s, func(v map[string]any) error { v[key] = value; return nil })
	})
}

// serve runs until ctx ends.
func serve(ctx context.Context, l net.Listener, srv *socketio.Server) error {
	server := &http.Server{Handler: srv, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }() // until Shutdown
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(srv.Shutdown(ctx), server.Shutdown(ctx))
}
