// Command server is what the tests beside it talk to: one server, on net/http,
// gin and Fiber, each on a port of its own.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"

	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiber"
	siogin "github.com/gosio/gosio/integrations/gin"
)

// config is the one argument of the command.
type config struct {
	AllowEIO3    bool     `json:"allowEIO3"`
	Recovery     bool     `json:"recovery"`
	PingInterval int      `json:"pingInterval"` // milliseconds
	PingTimeout  int      `json:"pingTimeout"`  // milliseconds
	Origins      []string `json:"origins"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var c config
	if err := json.Unmarshal([]byte(os.Args[1]), &c); err != nil {
		return fmt.Errorf("read options: %w", err)
	}
	srv := newServer(c)
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	siogin.Mount(engine, srv)
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	siofiber.Mount(app, srv)

	var listeners [3]net.Listener
	for i := range listeners {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		listeners[i] = ln
	}
	served := make(chan error, len(listeners))
	plain := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	behind := &http.Server{Handler: engine, ReadHeaderTimeout: 10 * time.Second}
	go func() { served <- plain.Serve(listeners[0]) }()  // ends by plain.Close
	go func() { served <- behind.Serve(listeners[1]) }() // ends by behind.Close
	go func() { served <- app.Listener(listeners[2]) }() // ends by app.Shutdown
	fmt.Print("listening")
	for _, ln := range listeners {
		fmt.Printf(" %d", ln.Addr().(*net.TCPAddr).Port)
	}
	fmt.Println()
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent ends
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := errors.Join(srv.Shutdown(end), plain.Close(), behind.Close(), app.ShutdownWithContext(end))
	for range listeners {
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

func newServer(c config) *socketio.Server {
	opts := &socketio.Options{
		AllowEIO3:    c.AllowEIO3,
		PingInterval: time.Duration(c.PingInterval) * time.Millisecond,
		PingTimeout:  time.Duration(c.PingTimeout) * time.Millisecond,
		CORS:         socketio.CORS{Origins: c.Origins, Credentials: true},
	}
	if c.Recovery {
		opts.Recovery = &socketio.Recovery{}
	}
	srv := socketio.NewServer(opts)
	srv.UseFunc(func(_ context.Context, s *socketio.Socket) error {
		if s.Handshake().Query().Get("refuse") != "" {
			return &socketio.ConnectError{Message: "not today"}
		}
		return nil
	})
	srv.Of("/guarded").UseFunc(guard)
	for _, name := range []string{"/", "/custom", "/guarded"} {
		serve(srv.Of(name))
	}
	return srv
}

// guard lets nobody in without the token.
func guard(_ context.Context, s *socketio.Socket) error {
	var auth struct{ Token string }
	if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Token != "secret" {
		return &socketio.ConnectError{Message: "not authorized", Data: map[string]any{"code": "E_AUTH"}}
	}
	return nil
}

func serve(ns *socketio.Namespace) {
	ns.OnConnect(func(s *socketio.Socket) {
		auth := map[string]any{}
		_ = s.Handshake().DecodeAuth(&auth) // stays empty without one
		_ = s.Emit("welcome", map[string]any{
			"id": s.ID(), "protocol": s.Protocol(), "auth": auth, "name": s.Handshake().Query().Get("name"),
		})
	})
	ns.On("echo", func(s *socketio.Socket, args ...any) { _ = s.Emit("echo", args...) })
	ns.On("same", func(v any) any { return v })
	ns.On("ask", func(ctx context.Context, s *socketio.Socket, v any) (any, error) {
		return socketio.Call[any](ctx, s, "question", v)
	})
	ns.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
	ns.On("tell", func(room, event string, args ...any) error { return ns.To(room).Emit(event, args...) })
	ns.On("all", func(ctx context.Context, room string) (answers []any, err error) {
		replies, err := ns.To(room).EmitWithAck(ctx, "question", "all")
		for _, r := range replies {
			var v any
			err = errors.Join(err, r.Decode(&v))
			answers = append(answers, v)
		}
		return answers, err
	})
	ns.On("burst", func(s *socketio.Socket, n int) {
		for i := range n {
			_ = s.Emit("n", i, []byte{byte(i), byte(i >> 8)}) // fails when the client has gone
		}
	})
	ns.On("transport", func(s *socketio.Socket) string { return s.Transport() })
	ns.On("leave-me", func(s *socketio.Socket) { s.Disconnect(false) })
	ns.On("kick", func(s *socketio.Socket) { s.Disconnect(true) })
	ns.On("cut", func(s *socketio.Socket) { s.CloseTransport() })
}
