package sioecho

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/mount"
)

// Config is optional. The zero value of each field means its default.
type Config struct {
	// Path is where clients connect, relative to the group: it begins with a
	// slash and has no parameters. Default "/socket.io".
	Path string
	// ContextKeys are the keys under which middleware stores values with c.Set that
	// [Get] is to find: Echo has no list of keys. Default: "user", where echo-jwt
	// stores the token.
	ContextKeys []string
}

// Router is an *echo.Echo or an *echo.Group.
type Router interface {
	Any(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) []*echo.Route
}

// Mount registers srv for all methods: the path with and without a slash at its
// end, and everything below. Nothing is redirected. Mount panics if srv is nil or
// the path cannot be used.
func Mount(r Router, srv *socketio.Server, config ...Config) {
	h, path := Handler(srv, config...), mount.Path("sioecho", mount.First(config).Path, ":*")
	for _, p := range []string{path, path + "/", path + "/*"} { // the last one does not match the others
		r.Any(p, h)
	}
}

// Handler returns srv as a handler, for routes that you register yourself: for all
// methods, the path with and without a slash at its end, and everything below.
func Handler(srv *socketio.Server, config ...Config) echo.HandlerFunc {
	srv = mount.Server("sioecho", srv)
	cfg := mount.First(config)
	cfg.ContextKeys = slices.Clone(cfg.ContextKeys)
	if cfg.ContextKeys == nil {
		cfg.ContextKeys = []string{"user"}
	}
	return func(c echo.Context) error {
		r := c.Request()
		var w http.ResponseWriter = c.Response()
		if r.Header.Get("Upgrade") != "" {
			bare(w)
			w = upgraded{c.Response()}
		}
		mount.Serve(srv, w, r, func() mount.Upstream {
			return mount.Upstream{Address: c.RealIP(), Values: values(c, cfg.ContextKeys)}
		})
		return nil // a refusal, too, is written: Echo must not answer again
	}
}

// IsHandshake reports whether the request opens a connection. The polls and POSTs
// of an open connection pass the middleware, too, and need no second authorization.
// Call it only in middleware of this mount: a client can add a "sid" to any request.
func IsHandshake(c echo.Context) bool { return socketio.IsHandshake(c.Request()) }

// Skip returns a predicate for the configuration of other middleware: it reports
// whether a request is for the path, as clients see it ("/api/socket.io"), or below.
func Skip(path string) middleware.Skipper {
	return func(c echo.Context) bool { return mount.Below(path, c.Request().URL.Path) }
}

// Get returns the value that middleware stored with c.Set(key, …) in the handshake,
// if Config.ContextKeys has the key. ok is false if there is none, or if it is no T.
func Get[T any](s *socketio.Socket, key any) (v T, ok bool) { return mount.Get[T](s, key) }

// Param returns the value that a URL parameter of the group had in the
// handshake, or an empty string.
func Param(s *socketio.Socket, name string) string { return mount.Param(name).Of(s) }

// values copies values and parameters out of Echo's context, which Echo uses again.
func values(c echo.Context, keys []string) map[any]any {
	values := make(map[any]any)
	for _, key := range keys {
		if v := c.Get(key); v != nil {
			values[key] = v
		}
	}
	for i, name := range c.ParamNames() {
		if name != "*" {
			values[mount.Param(name)] = c.ParamValues()[i]
		}
	}
	return values
}
