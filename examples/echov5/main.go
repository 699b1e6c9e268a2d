// A chat on Echo v5. Run it, and open http://localhost:3000 in two windows:
//
//	go run ./examples/echov5
package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/labstack/echo/v5"
	"github.com/labstack/echo/v5/middleware"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/examples/parts/chat"
	"github.com/gosio/gosio/examples/parts/page"
	sioecho "github.com/gosio/gosio/integrations/echov5"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", ":"+cmp.Or(os.Getenv("PORT"), "3000"))
	if err != nil {
		slog.Error("cannot listen", "err", err)
		os.Exit(1)
	}
	slog.Info("the chat is open", "port", l.Addr().(*net.TCPAddr).Port)
	if err := run(ctx, l); err != nil {
		slog.Error("the server failed", "err", err)
		os.Exit(1)
	}
}

// run serves the app until ctx ends, and then shuts it down.
func run(ctx context.Context, l net.Listener) error {
	srv := socketio.NewServer(&socketio.Options{Logger: slog.Default()})
	chat.New(srv) // signs people in; rooms, messages, who is here

	// A room per user reaches all windows and devices of that user.
	srv.OnConnect(func(s *socketio.Socket) { _ = s.Join("user:" + s.Identity()) })

	srv.On("typing", func(s *socketio.Socket, room string, on bool) error {
		if !s.InRoom(room) {
			return &socketio.Error{Code: socketio.CodeForbidden, Message: "you are not in this room"}
		}
		return s.To(room).Volatile().Emit("typing", s.Identity(), on)
	})

	e := echo.New()
	e.Use(middleware.RequestID(), middleware.Recover())
	sioecho.Mount(e, srv)
	e.POST("/orders", orders(srv))
	e.StaticFS("/", page.Files)

	// Echo shuts down when its context ends, and would wait for the polls that
	// the sockets hold open; it does not know WebSockets. So they end first. The
	// clients reconnect by themselves.
	serving, finish := context.WithCancel(context.Background())
	defer finish()
	served := make(chan error, 1)
	go func() { served <- echo.StartConfig{Listener: l, HideBanner: true, HidePort: true}.Start(serving, e) }()
	select {
	case err := <-served:
		srv.Close()
		return err
	case <-ctx.Done():
	}
	deadline, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := srv.Shutdown(deadline)
	finish()
	return errors.Join(err, <-served)
}

type order struct {
	User string `json:"user"`
	Item string `json:"item"`
}

// orders is a REST route that tells a user, wherever they are connected:
//
//	curl localhost:3000/orders --json '{"user": "ada", "item": "coffee"}'
func orders(srv *socketio.Server) echo.HandlerFunc {
	return func(c *echo.Context) error {
		var o order
		if err := c.Bind(&o); err != nil || o.User == "" || o.Item == "" {
			return c.JSON(http.StatusBadRequest, map[string]string{"error": "user and item are required"})
		}
		if err := srv.To("user:"+o.User).Emit("order", o); err != nil {
			return err
		}
		return c.NoContent(http.StatusAccepted)
	}
}
