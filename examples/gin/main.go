// A chat on Gin. Run it, and open http://localhost:3000 in two windows; the inspector is
// at http://localhost:3000/inspect/:
//
//	go run ./examples/gin
package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/examples/parts/chat"
	"github.com/gosio/gosio/examples/parts/page"
	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/inspector"
	siogin "github.com/gosio/gosio/integrations/gin"
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
	r := gin.Default()
	siogin.Mount(r, srv)
	r.POST("/orders", orders(srv))
	r.GET("/healthz", gin.WrapF(service.Healthz))
	r.GET("/readyz", gin.WrapF(service.Readyz))
	r.GET("/inspect/*page", gin.WrapH(inspector.New(srv, inspector.Options{Allow: inspector.Localhost}))) // for this machine
	r.NoRoute(gin.WrapH(http.FileServerFS(page.Files)))

	app := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	return service.Serve(ctx, app, l)
}

type order struct {
	User string `json:"user" binding:"required"`
	Item string `json:"item" binding:"required"`
}

// orders is a REST route that tells a user, wherever they are connected:
//
//	curl localhost:3000/orders --json '{"user": "ada", "item": "coffee"}'
func orders(srv *socketio.Server) gin.HandlerFunc {
	return func(c *gin.Context) {
		var o order
		if err := c.ShouldBindJSON(&o); err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": "user and item are required"})
			return
		}
		if err := srv.To("user:"+o.User).Emit("order", o); err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
			return
		}
		c.Status(http.StatusAccepted)
	}
}
