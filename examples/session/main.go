// A page behind a login, with the session of the web application: sign out in
// one window, and the others know. Run it, and open http://localhost:3000 in
// two windows; the password is "gopher":
//
//	go run ./examples/session
package main

import (
	"cmp"
	"context"
	"embed"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/alexedwards/scs/v2"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/session"
	sessionscs "github.com/gosio/gosio/session/scs"
)

//go:embed index.html session.css session.js
var page embed.FS

func main() {
	l, err := net.Listen("tcp", ":"+cmp.Or(os.Getenv("PORT"), "3000"))
	if err != nil {
		slog.Error("cannot listen", "err", err)
		os.Exit(1)
	}
	slog.Info("the page is open", "port", l.Addr().(*net.TCPAddr).Port)
	if err := run(context.Background(), l); err != nil {
		slog.Error("the server failed", "err", err)
		os.Exit(1)
	}
}

// run serves the app until a signal comes or ctx ends: then the sockets end, and
// then the HTTP server. The clients reconnect by themselves.
func run(ctx context.Context, l net.Listener) error {
	lifetime, err := time.ParseDuration(cmp.Or(os.Getenv("SESSION_LIFETIME"), "12h"))
	if err != nil {
		return err
	}

	// The sessions of the application, as without sockets. This store keeps
	// them in memory; there are others for Redis, Postgres and more.
	manager := scs.New()
	manager.Lifetime = lifetime
	manager.Cookie.SameSite = http.SameSiteLaxMode
	manager.Cookie.Secure = false // true where there is TLS

	// Sockets come in with the same cookie, and end with the session.
	sessions := session.New(sessionscs.New(manager), session.Config{
		User:   func(s *session.Session) string { return s.String("user") }, // empty: not signed in
		Room:   func(s *session.Session) string { return s.String("room") }, // all windows of a session
		Logger: slog.Default(),
	})
	srv := socketio.NewServer(&socketio.Options{Logger: slog.Default()})
	srv.Use(sessions)

	a := &app{manager: manager, sessions: sessions, srv: srv}
	srv.OnConnect(a.opened)
	srv.OnDisconnect(a.closed)
	srv.On("click", a.click)

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv) // not within LoadAndSave: the provider reads the cookie by itself
	mux.Handle("/app/", http.NewCrossOriginProtection().Handler(manager.LoadAndSave(a.routes())))
	mux.Handle("/", http.FileServerFS(page))
	return serve(ctx, l, srv, mux)
}

func serve(ctx context.Context, l net.Listener, srv *socketio.Server, h http.Handler) error {
	app := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	return graceful.New(srv, nil).Serve(ctx, app, l)
}
