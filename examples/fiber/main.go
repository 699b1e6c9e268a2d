// A chat on Fiber. Run it, and open http://localhost:3000 in two windows:
//
//	go run ./examples/fiber
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

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/filesystem"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/gofiber/fiber/v2/middleware/requestid"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/examples/parts/chat"
	"github.com/gosio/gosio/examples/parts/page"
	siofiber "github.com/gosio/gosio/integrations/fiber"
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

	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(requestid.New(), recover.New())
	siofiber.Mount(app, srv)
	app.Post("/orders", orders(srv))
	app.Use(filesystem.New(filesystem.Config{Root: http.FS(page.Files)}))

	failed := make(chan error, 1)
	go func() { failed <- app.Listener(siofiber.Listener(l)) }()
	select {
	case err := <-failed:
		srv.Close()
		return err
	case <-ctx.Done():
	}

	// First the sockets: app.Shutdown… would wait for the polls that they hold
	// open, and does not know WebSockets. The clients reconnect by themselves.
	deadline, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(srv.Shutdown(deadline), app.ShutdownWithContext(deadline))
}

type order struct {
	User string `json:"user"`
	Item string `json:"item"`
}

// orders is a REST route that tells a user, wherever they are connected:
//
//	curl localhost:3000/orders --json '{"user": "ada", "item": "coffee"}'
func orders(srv *socketio.Server) fiber.Handler {
	return func(c *fiber.Ctx) error {
		var o order
		if err := c.BodyParser(&o); err != nil || o.User == "" || o.Item == "" {
			return c.Status(fiber.StatusBadRequest).JSON(fiber.Map{"error": "user and item are required"})
		}
		if err := srv.To("user:"+o.User).Emit("order", o); err != nil {
			return err
		}
		return c.SendStatus(fiber.StatusAccepted)
	}
}
