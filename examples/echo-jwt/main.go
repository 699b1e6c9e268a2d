// A chat for members on Echo: one login, and one key, for REST routes and for
// namespaces. Run it, and open http://localhost:3000; for a second member, open
// it in a private window, too:
//
//	go run ./examples/echo-jwt
//
// Tokens live for 15 s, so that one can watch how they end and are replaced;
// TOKEN_LIFE=1m is another life. docs/auth.md tells more.
package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/examples/parts/login"
	"github.com/gosio/gosio/examples/parts/members"
	"github.com/gosio/gosio/graceful"
	sioecho "github.com/gosio/gosio/integrations/echo"
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

	e := echo.New()
	e.Use(middleware.RequestID(), middleware.Recover())
	sioecho.Mount(e, srv)
	e.POST("/login", signIn(accounts))
	e.POST("/refresh", refresh(accounts))
	e.POST("/logout", signOut(accounts))
	e.GET("/me", me, bearer(key))
	e.StaticFS("/", members.Page)

	app := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	return graceful.New(srv, nil).Serve(ctx, app, l)
}

// bearer stands before routes that need a token, signed with the key that the
// namespaces know. Socket.IO is not behind it: a browser's WebSocket cannot
// send this header, and each namespace has its guard.
func bearer(key []byte) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			_, token, _ := strings.Cut(c.Request().Header.Get("Authorization"), " ") // "Bearer …"
			var claims login.Claims
			if _, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return key, nil },
				jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired()); err != nil {
				return c.JSON(http.StatusUnauthorized, map[string]string{"error": "a valid token is required"})
			}
			c.Set("claims", &claims)
			return next(c)
		}
	}
}

func me(c echo.Context) error {
	claims := c.Get("claims").(*login.Claims)
	return c.JSON(http.StatusOK, echo.Map{"name": claims.Subject, "roles": claims.Roles})
}

func signIn(accounts *login.Accounts) echo.HandlerFunc {
	return func(c echo.Context) error {
		var in struct {
			Name     string `json:"name"`
			Password string `json:"password"`
		}
		if err := c.Bind(&in); err != nil || in.Name == "" || in.Password == "" {
			return c.JSON(http.StatusBadRequest, map[string]string{"error": "name and password are required"})
		}
		grant, err := accounts.Login(in.Name, in.Password)
		return answer(c, grant, err)
	}
}

func refresh(accounts *login.Accounts) echo.HandlerFunc {
	return func(c echo.Context) error {
		cookie, err := c.Cookie("refresh")
		if err != nil {
			return c.JSON(http.StatusUnauthorized, map[string]string{"error": login.ErrDenied.Error()})
		}
		grant, err := accounts.Refresh(cookie.Value)
		return answer(c, grant, err)
	}
}

func signOut(accounts *login.Accounts) echo.HandlerFunc {
	return func(c echo.Context) error {
		if cookie, err := c.Cookie("refresh"); err == nil {
			accounts.Logout(cookie.Value)
		}
		c.SetCookie(&http.Cookie{Name: "refresh", Path: "/", MaxAge: -1})
		return c.NoContent(http.StatusNoContent)
	}
}

// answer gives the page a token, and the browser the means to get the next one.
func answer(c echo.Context, grant login.Grant, err error) error {
	if err != nil {
		return c.JSON(http.StatusUnauthorized, map[string]string{"error": err.Error()})
	}
	c.SetCookie(&http.Cookie{
		Name: "refresh", Value: grant.Refresh, Path: "/", MaxAge: int(login.SessionLife.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, // with HTTPS: Secure, too
	})
	return c.JSON(http.StatusOK, grant)
}
