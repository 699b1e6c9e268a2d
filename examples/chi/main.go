// A chat on Chi. Run it, and open http://localhost:3000 in two windows:
//
//	go run ./examples/chi
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/examples/parts/chat"
	"github.com/gosio/gosio/examples/parts/page"
	"github.com/gosio/gosio/graceful"
	siochi "github.com/gosio/gosio/integrations/chi"
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
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Logger, middleware.Recoverer)
	siochi.Mount(r, srv)
	r.Post("/orders", orders(srv))
	r.Get("/healthz", service.Healthz)
	r.Get("/readyz", service.Readyz)
	r.Handle("/*", http.FileServerFS(page.Files))

	app := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	return service.Serve(ctx, app, l)
}

type order struct {
	User string `json:"user"`
	Item string `json:"item"`
}

// orders is a REST route that tells a user, wherever they are connected:
//
//	curl localhost:3000/orders --json '{"user": "ada", "item": "coffee"}'
func orders(srv *socketio.Server) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var o order
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&o)
		if err != nil || o.User == "" || o.Item == "" {
			refuse(w, http.StatusBadRequest, "user and item are required")
			return
		}
		if err := srv.To("user:"+o.User).Emit("order", o); err != nil {
			refuse(w, http.StatusInternalServerError, "not sent")
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}
}

// refuse says in JSON what is wrong with a request.
func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text}) // fails only if nobody reads it any more
}
