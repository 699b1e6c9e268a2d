// A chat for members on Chi: one login, and one key, for REST routes and for
// namespaces. Run it, and open http://localhost:3000; for a second member, open
// it in a private window, too:
//
//	go run ./examples/chi-jwt
//
// Tokens live for 15 s, so that one can watch how they end and are replaced;
// TOKEN_LIFE=1m is another life. docs/auth.md tells more.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/examples/parts/login"
	"github.com/gosio/gosio/examples/parts/members"
	"github.com/gosio/gosio/graceful"
	siochi "github.com/gosio/gosio/integrations/chi"
)

func main() {
	life, err := time.ParseDuration(cmp.Or(os.Getenv("TOKEN_LIFE"), "15s"))
	if err != nil || life < time.Second {
		slog.Error("TOKEN_LIFE is no time such as 15s")
		os.Exit(1)
	}
	l, err := net.Listen("tcp", ":"+cmp.Or(os.Getenv("PORT"), "3000"))
	if err != nil {
		slog.Error("cannot listen", "err", err)
		os.Exit(1)
	}
	slog.Info("the chat is open", "port", l.Addr().(*net.TCPAddr).Port)
	if err := run(context.Background(), l, life); err != nil {
		slog.Error("the server failed", "err", err)
		os.Exit(1)
	}
}

// run serves the app until a signal comes or ctx ends: then the sockets end, and
// then the HTTP server. The clients reconnect by themselves.
func run(ctx context.Context, l net.Listener, life time.Duration) error {
	key := login.NewKey() // in production from a secret store: the same on all nodes, and after a restart
	accounts := login.New(key, life)

	srv := socketio.NewServer(&socketio.Options{Logger: slog.Default()})
	guard := auth.JWT(auth.Config[login.Claims]{
		Keys: auth.Secret(key), Algorithms: []string{"HS256"},
		Leeway: -1, // none, to show the end to the second; without this line it is 30 s
		Logger: slog.Default(),
	})
	isAdmin := auth.AnyRole(func(c *login.Claims) []string { return c.Roles }, "admin")
	srv.Of("/chat").Use(guard)
	srv.Of("/admin").Use(guard.Require(isAdmin)) // "/" has no guard, and is public
	members.New(srv)                             // what happens in the three namespaces

	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Logger, middleware.Recoverer)
	siochi.Mount(r, srv)
	r.Post("/login", signIn(accounts))
	r.Post("/refresh", refresh(accounts))
	r.Post("/logout", signOut(accounts))
	r.With(bearer(key)).Get("/me", me)
	r.Handle("/*", http.FileServerFS(members.Page))

	app := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	return graceful.New(srv, nil).Serve(ctx, app, l)
}

type claimsKey struct{}

// bearer stands before routes that need a token, signed with the key that the
// namespaces know. Socket.IO is not behind it: a browser's WebSocket cannot
// send this header, and each namespace has its guard.
func bearer(key []byte) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ") // "Bearer …"
			var claims login.Claims
			if _, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return key, nil },
				jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired()); err != nil {
				refuse(w, http.StatusUnauthorized, "a valid token is required")
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, &claims)))
		})
	}
}

func me(w http.ResponseWriter, r *http.Request) {
	claims := r.Context().Value(claimsKey{}).(*login.Claims)
	writeJSON(w, map[string]any{"name": claims.Subject, "roles": claims.Roles})
}

func signIn(accounts *login.Accounts) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Name, Password string }
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&in)
		if err != nil || in.Name == "" || in.Password == "" {
			refuse(w, http.StatusBadRequest, "name and password are required")
			return
		}
		grant, err := accounts.Login(in.Name, in.Password)
		answer(w, grant, err)
	}
}

func refresh(accounts *login.Accounts) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie("refresh")
		if err != nil {
			refuse(w, http.StatusUnauthorized, login.ErrDenied.Error())
			return
		}
		grant, err := accounts.Refresh(cookie.Value)
		answer(w, grant, err)
	}
}

func signOut(accounts *login.Accounts) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if cookie, err := r.Cookie("refresh"); err == nil {
			accounts.Logout(cookie.Value)
		}
		http.SetCookie(w, &http.Cookie{Name: "refresh", Path: "/", MaxAge: -1})
		w.WriteHeader(http.StatusNoContent)
	}
}

// answer gives the page a token, and the browser the means to get the next one.
func answer(w http.ResponseWriter, grant login.Grant, err error) {
	if err != nil {
		refuse(w, http.StatusUnauthorized, err.Error())
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: "refresh", Value: grant.Refresh, Path: "/", MaxAge: int(login.SessionLife.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, // with HTTPS: Secure, too
	})
	writeJSON(w, grant)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // fails only if nobody reads it any more
}

// refuse says in JSON what is wrong with a request.
func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text}) // fails only if nobody reads it any more
}
