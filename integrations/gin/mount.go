package siogin

import (
	"net"

	"github.com/gin-gonic/gin"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/mount"
)

// Config is optional. The zero value of each field means its default.
type Config struct {
	// Path is where clients connect, relative to the group: it begins with a
	// slash and has no parameters. Default "/socket.io".
	Path string
}

// file is the name of the route's catch-all parameter, which [Param] does not find.
const file = "socketio-file"

// Mount registers srv on an engine or a group, for all methods: the path with and
// without a slash at its end, and everything below. Nothing is redirected. Mount
// panics if srv is nil or the path cannot be used.
func Mount(r gin.IRoutes, srv *socketio.Server, config ...Config) {
	h, path := Handler(srv), mount.Path("siogin", mount.First(config).Path, ":*")
	r.Any(path, h)
	r.Any(path+"/*"+file, h)
}

// Handler returns srv as a handler, for routes that you register yourself: for all
// methods, the path with and without a slash at its end, and everything below.
func Handler(srv *socketio.Server) gin.HandlerFunc {
	srv = mount.Server("siogin", srv)
	return func(c *gin.Context) {
		mount.Serve(srv, writer(c), c.Request, func() mount.Upstream {
			return mount.Upstream{Address: address(c), Values: values(c)}
		})
	}
}

// address returns the client's address as gin finds it, or an empty string for a
// client on a Unix socket.
func address(c *gin.Context) string {
	if ip := c.ClientIP(); ip != net.IP(nil).String() {
		return ip
	}
	return ""
}

// IsHandshake reports whether the request opens a connection. The polls and POSTs
// of an open connection pass the middleware, too, and need no second authorization.
// Call it only in middleware of this mount: a client can add a "sid" to any request.
func IsHandshake(c *gin.Context) bool { return socketio.IsHandshake(c.Request) }

// Skip returns a predicate for the configuration of other middleware: it reports
// whether a request is for the path, as clients see it ("/api/socket.io"), or below.
func Skip(path string) func(c *gin.Context) bool {
	return func(c *gin.Context) bool { return mount.Below(path, c.Request.URL.Path) }
}

// Get returns the value that middleware stored with c.Set(key, …) in the handshake.
// ok is false if there is none, or if it is no T.
func Get[T any](s *socketio.Socket, key any) (v T, ok bool) { return mount.Get[T](s, key) }

// Param returns the value that a URL parameter of the group had in the
// handshake, or an empty string.
func Param(s *socketio.Socket, name string) string { return mount.Param(name).Of(s) }

// sessions is the key of gin-contrib/sessions. Its value refers to the request and
// to gin's pooled writer, so it is not copied.
const sessions = "github.com/gin-contrib/sessions"

// values copies keys and parameters out of gin's context, which gin uses again.
func values(c *gin.Context) map[any]any {
	values := make(map[any]any, len(c.Keys)+len(c.Params))
	for key, v := range c.Keys {
		if key != sessions {
			values[key] = v
		}
	}
	for _, p := range c.Params {
		if p.Key != file {
			values[mount.Param(p.Key)] = p.Value
		}
	}
	return values
}
