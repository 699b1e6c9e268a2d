// A chat for members on Gin: one login, and one key, for REST routes and for
// namespaces. Run it, and open http://localhost:3000; for a second member, open
// it in a private window, too:
//
//	go run ./examples/gin-jwt
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

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/examples/parts/login"
	"github.com/gosio/gosio/examples/parts/members"
	"github.com/gosio/gosio/graceful"
	siogin "github.com/gosio/gosio/integrations/gin"
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

	r := gin.Default()
	siogin.Mount(r, srv)
	r.POST("/login", signIn(accounts))
	r.POST("/refresh", refresh(accounts))
	r.POST("/logout", signOut(accounts))
	r.GET("/me", bearer(key), me)
	r.NoRoute(gin.WrapH(http.FileServerFS(members.Page)))

	app := &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	return graceful.New(srv, nil).Serve(ctx, app, l)
}

// bearer stands before routes that need a token, signed with the key that the
// namespaces know. Socket.IO is not behind it: a browser's WebSocket cannot
// send this header, and each namespace has its guard.
func bearer(key []byte) gin.HandlerFunc {
	return func(c *gin.Context) {
		_, token, _ := strings.Cut(c.GetHeader("Authorization"), " ") // "Bearer …"
		var claims login.Claims
		if _, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return key, nil },
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired()); err != nil {
			c.AbortWithStatusJSON(http.StatusUnauthorized, gin.H{"error": "a valid token is required"})
			return
		}
		c.Set("claims", &claims)
	}
}

func me(c *gin.Context) {
	claims := c.MustGet("claims").(*login.Claims)
	c.JSON(http.StatusOK, gin.H{"name": claims.Subject, "roles": claims.Roles})
}

func signIn(accounts *login.Accounts) gin.HandlerFunc {
	return func(c *gin.Context) {
		var in struct {
			Name     string `json:"name" binding:"required"`
			Password string `json:"password" binding:"required"`
		}
		if err := c.ShouldBindJSON(&in); err != nil {
			c.JSON(http.StatusBadRequest, gin.H{"error": "name and password are required"})
			return
		}
		grant, err := accounts.Login(in.Name, in.Password)
		answer(c, grant, err)
	}
}

func refresh(accounts *login.Accounts) gin.HandlerFunc {
	return func(c *gin.Context) {
		cookie, _ := c.Cookie("refresh")
		grant, err := accounts.Refresh(cookie)
		answer(c, grant, err)
	}
}

func signOut(accounts *login.Accounts) gin.HandlerFunc {
	return func(c *gin.Context) {
		cookie, _ := c.Cookie("refresh")
		accounts.Logout(cookie)
		c.SetCookie("refresh", "", -1, "/", "", false, true)
		c.Status(http.StatusNoContent)
	}
}

// answer gives the page a token, and the browser the means to get the next one.
func answer(c *gin.Context, grant login.Grant, err error) {
	if err != nil {
		c.JSON(http.StatusUnauthorized, gin.H{"error": err.Error()})
		return
	}
	c.SetSameSite(http.SameSiteStrictMode)
	c.SetCookie("refresh", grant.Refresh, int(login.SessionLife.Seconds()), "/", "", false, true) // with HTTPS: secure, too
	c.JSON(http.StatusOK, grant)
}
