// A chat for members on Fiber v3: one login, and one key, for REST routes and for
// namespaces. Run it, and open http://localhost:3000; for a second member, open
// it in a private window, too:
//
//	cd examples/fiberv3 && go run ./jwt
//
// Tokens live for 15 s, so that one can watch how they end and are replaced;
// TOKEN_LIFE=1m is another life. docs/auth.md tells more.
package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/recover"
	"github.com/gofiber/fiber/v3/middleware/requestid"
	"github.com/gofiber/fiber/v3/middleware/static"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/examples/parts/login"
	"github.com/gosio/gosio/examples/parts/members"
	"github.com/gosio/gosio/graceful"
	siofiber "github.com/gosio/gosio/integrations/fiberv3"
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

	app := fiber.New()
	app.Use(requestid.New(), recover.New())
	siofiber.Mount(app, srv)
	app.Post("/login", signIn(accounts))
	app.Post("/refresh", refresh(accounts))
	app.Post("/logout", signOut(accounts))
	app.Get("/me", bearer(key), me)
	app.Get("/*", static.New("", static.Config{FS: members.Page}))

	siofiber.Pace(app)
	serve := func(l net.Listener) error {
		return app.Listener(siofiber.Listener(l), fiber.ListenConfig{DisableStartupMessage: true})
	}
	return graceful.New(srv, nil).Serve(ctx, graceful.AppFunc(serve, app.ShutdownWithContext), l)
}

// bearer stands before routes that need a token, signed with the key that the
// namespaces know. Socket.IO is not behind it: a browser's WebSocket cannot
// send this header, and each namespace has its guard.
func bearer(key []byte) fiber.Handler {
	return func(c fiber.Ctx) error {
		_, token, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ") // "Bearer …"
		var claims login.Claims
		if _, err := jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return key, nil },
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired()); err != nil {
			return c.Status(fiber.StatusUnauthorized).JSON(fiber.Map{"error": "a valid token is required"})
		}
		c.Locals("claims", &claims)
		return c.Next()
	}
}

func me(c fiber.Ctx) error {
	claims := c.Locals("claims").(*login.Claims)
	return c.JSON(fiber.Map{"name": claims.Subject, "roles": claims.Roles})
}

func signIn(accounts *login.Accounts) fiber.Handler {
	return func(c fiber.Ctx) error {
		var in struct {
			Name     string `json:"name"`
			Password string `json:"password"`
		}
		if err := c.Bind().Body(&in); err != nil || in.Name == "" || in.Password == "" {
			return c.Status(fiber.StatusBadRequest).JSON(fiber.Map{"error": "name and password are required"})
		}
		grant, err := accounts.Login(in.Name, in.Password)
		return answer(c, grant, err)
	}
}

func refresh(accounts *login.Accounts) fiber.Handler {
	return func(c fiber.Ctx) error {
		grant, err := accounts.Refresh(c.Cookies("refresh"))
		return answer(c, grant, err)
	}
}

func signOut(accounts *login.Accounts) fiber.Handler {
	return func(c fiber.Ctx) error {
		accounts.Logout(c.Cookies("refresh"))
		c.Cookie(&fiber.Cookie{Name: "refresh", Path: "/", Expires: time.Unix(1, 0)})
		return c.SendStatus(fiber.StatusNoContent)
	}
}

// answer gives the page a token, and the browser the means to get the next one.
func answer(c fiber.Ctx, grant login.Grant, err error) error {
	if err != nil {
		return c.Status(fiber.StatusUnauthorized).JSON(fiber.Map{"error": err.Error()})
	}
	c.Cookie(&fiber.Cookie{
		Name: "refresh", Value: grant.Refresh, Path: "/", MaxAge: int(login.SessionLife.Seconds()),
		HTTPOnly: true, SameSite: fiber.CookieSameSiteStrictMode, // with HTTPS: Secure, too
	})
	return c.JSON(grant)
}
