// Server is what auth.test.mjs runs the stock client against: namespaces that
// JWTs and sessions guard, and a page's worth of HTTP to log in and out.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/session"
)

// Claims are those of the tokens that /token hands out.
type Claims struct {
	jwt.RegisteredClaims
	Roles []string `json:"roles"`
}

var secret = []byte(rand.Text() + rand.Text())

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	srv := socketio.NewServer(nil)
	revocations := auth.NewRevocations(time.Hour)
	guard := auth.JWT(auth.Config[Claims]{
		Keys: auth.Secret(secret), Algorithms: []string{"HS256"}, Leeway: -1,
		RefreshEvent: "auth:refresh", Watch: revocations,
	})
	srv.Use(guard)
	srv.Of("/chat").Use(guard)
	srv.Of("/admin").Use(guard.Require(auth.AnyRole(func(c *Claims) []string { return c.Roles }, "admin")))
	store := session.NewMemory("sid", time.Hour)
	sessions := session.New(store, session.Config{User: func(s *session.Session) string { return s.String("user") }})
	srv.Of("/session").Use(sessions)
	for _, name := range []string{"/", "/chat", "/admin", "/public", "/session"} {
		srv.Of(name).On("whoami", func(s *socketio.Socket) string { return s.Identity() })
	}

	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		ttl, _ := strconv.ParseFloat(r.FormValue("ttl"), 64)
		text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, Claims{RegisteredClaims: jwt.RegisteredClaims{
			Subject: r.FormValue("user"), ID: r.FormValue("id"), IssuedAt: jwt.NewNumericDate(time.Now()),
			ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Duration(ttl * float64(time.Second)))),
		}}).SignedString(secret)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte(text)) // the client sees by itself what is missing
	})
	mux.HandleFunc("POST /revoke", func(w http.ResponseWriter, r *http.Request) {
		if err := revocations.Revoke(auth.Revocation{TokenID: r.FormValue("id")}); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, store.Cookie(store.Create(map[string]any{"user": r.FormValue("user")})))
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.LogoutRequest(r.Context(), r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.SetCookie(w, store.Cookie(""))
	})
	return serve(srv, mux)
}

// serve runs until SIGTERM.
func serve(srv *socketio.Server, h http.Handler) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: h, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }() // until Shutdown
	fmt.Println("listening")
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(srv.Shutdown(ctx), server.Shutdown(ctx))
}
