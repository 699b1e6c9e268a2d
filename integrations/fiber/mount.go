package siofiber

import (
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/log"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/internal/fasthttpbridge"
	"github.com/gosio/gosio/integrations/mount"
)

// Config is optional. The zero value of each field means its default.
type Config struct {
	// Next reports whether to leave a request to the handlers that follow. Default:
	// no request.
	Next func(c *fiber.Ctx) bool
	// Path is where clients connect, relative to the group: it begins with a
	// slash and has no parameters. Default "/socket.io".
	Path string
}

// Mount registers srv on an app or a group, for all methods: the path with and
// without a slash at its end, and everything below. Mount panics if srv is nil or
// the path cannot be used.
func Mount(r fiber.Router, srv *socketio.Server, config ...Config) {
	r.All(mount.Path("siofiber", mount.First(config).Path, ":*+?")+"/*", Handler(srv, config...)) // also matches without the slash
}

// Handler returns srv as a handler, for routes that you register yourself:
// app.All("/socket.io/*", siofiber.Handler(srv)).
func Handler(srv *socketio.Server, config ...Config) fiber.Handler {
	srv = mount.Server("siofiber", srv)
	cfg := mount.First(config)
	return func(c *fiber.Ctx) error {
		pass := false
		switch {
		case cfg.Next != nil && !fasthttpbridge.Contain(c.Context(), log.Errorf, func() { pass = cfg.Next(c) }):
			return nil
		case pass:
			return c.Next()
		}
		r, err := fasthttpbridge.NewRequest(c.Context(), c.UserContext())
		if err != nil {
			return fiber.ErrBadRequest
		}
		if c.App().Config().Prefork && socketio.IsHandshake(r) && !mount.IsUpgrade(r) {
			log.Error("siofiber: polling was refused: it cannot work with fiber.Config.Prefork. Switch that off, or" +
				` use WebSockets alone: socketio.Options.Transports and, in clients, transports: ["websocket"]`)
			fasthttpbridge.RefusePolling(c.Context())
			return nil
		}
		fasthttpbridge.Serve(c.Context(), srv, r, log.Errorf, func() mount.Upstream {
			return mount.Upstream{Address: fasthttpbridge.Address(c.Context(), c.IP()), Values: values(c)}
		})
		return nil
	}
}

// values copies locals and parameters out of Fiber's context, which Fiber uses again.
func values(c *fiber.Ctx) map[any]any {
	values := fasthttpbridge.Values(c.Context())
	for _, name := range c.Route().Params {
		if name[0] != '*' && name[0] != '+' {
			values[mount.Param(strings.Clone(name))] = strings.Clone(c.Params(name))
		}
	}
	return values
}

// IsHandshake reports whether the request opens a connection. The polls and POSTs
// of an open connection pass the middleware, too, and need no second authorization.
// Call it only in middleware of this mount: a client can add a "sid" to any request.
func IsHandshake(c *fiber.Ctx) bool { return fasthttpbridge.IsHandshake(c.Context()) }

// Skip returns a predicate for the configuration of other middleware: it reports
// whether a request is for the path, as clients see it ("/api/socket.io"), or below.
// Capital letters matter where they do for Fiber's router: with
// fiber.Config.CaseSensitive.
func Skip(path string) func(c *fiber.Ctx) bool {
	return func(c *fiber.Ctx) bool {
		return fasthttpbridge.Below(path, c.Path(), c.App().Config().CaseSensitive)
	}
}

// Get returns the value that middleware stored with c.Locals(key, …) in the
// handshake. ok is false if there is none, or if it is no T.
func Get[T any](s *socketio.Socket, key any) (v T, ok bool) { return mount.Get[T](s, key) }

// Param returns the value that a URL parameter of the group had in the
// handshake, or an empty string.
func Param(s *socketio.Socket, name string) string { return mount.Param(name).Of(s) }
