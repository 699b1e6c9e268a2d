// A chat on Echo. Run it, and open http://localhost:3000 in two windows:
//
//	go run ./examples/echo
package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/examples/parts/chat"
	"github.com/gosio/gosio/examples/parts/page"
	"github.com/gosio/gosio/graceful"
	sioecho "github.com/gosio/gosio/integrations/echo"
)

func main() {
	l, err := net.Listen("tcp", ":"+cmp.Or(os.Getenv("PORT"), "3000"))
	if err != nil {
		slog.Error("cannot listen", "err", err)
		os.Exit(1)
	}
	slog.Info("the chat is open", "port", l.Addr().(*net.TCPAddr).Port)
	if err := run(context.Background(), l); err != nil {
		slog.Error("the server failed", "err", err)
		os.Exit(1)
	}
}

// run serves the app until a signal comes or ctx ends: then the sockets end, and
// then the HTTP server. The clients reconnect by themselves.
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

	service := graceful.New(srv, nil) // serves, and ends all in order
	e := echo.New()
	e.Use(middleware.RequestID(), middleware.Recover())
	sioecho.Mount(e, srv)
	e.POST("/orders", orders(srv))
	e.GET("/healthz", echo.WrapHandler(http.HandlerFunc(service.Healthz)))
	e.GET("/readyz", echo.WrapHandler(http.HandlerFunc(service.Readyz)))
	e.StaticFS("/", page.Files)

	app := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	return service.Serve(ctx, app, l)
}

type order struct {
	User string `json:"user"`
	Item string `json:"item"`
}

// orders is a REST route that tells a user, wherever they are connected:
//
//	curl localhost:3000/orders --json '{"user": "ada", "item": "coffee"}'
func orders(srv *socketio.Server) echo.HandlerFunc {
	return func(c echo.Context) error {
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
