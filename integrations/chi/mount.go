package siochi

import (
	"net/http"
	"net/netip"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/mount"
)

// Config is optional. The zero value of each field means its default.
type Config struct {
	// Path is where clients connect, relative to the router: it begins with a
	// slash and has no parameters. Default "/socket.io".
	Path string
}

// Mount registers srv on a router or a group: the path with and without a
// slash at its end and everything below it, for all methods, with nothing
// redirected. It panics if the path cannot be used.
func Mount(r chi.Router, srv *socketio.Server, config ...Config) {
	h, path := Handler(srv), mount.Path("siochi", mount.First(config).Path, "{}*")
	r.Handle(path, h)
	r.Handle(path+"/*", h)
}

// Handler returns srv as a handler that keeps the URL parameters, for
// r.Mount("/socket.io", siochi.Handler(srv)) and the like.
func Handler(srv *socketio.Server) http.Handler {
	srv = mount.Server("siochi", srv)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mount.Serve(srv, w, r, func() mount.Upstream {
			return mount.Upstream{Address: address(r), Values: params(r)}
		})
	})
}

// IsHandshake reports whether the request opens a connection. Polls and POSTs
// of open ones pass the middleware, too, but need not be authorized again. Ask
// it in middleware of this mount alone: any other request can be given a "sid".
func IsHandshake(r *http.Request) bool { return socketio.IsHandshake(r) }

// Skip returns a predicate for the configuration of other middleware: it reports
// whether a request is for the path, as clients see it ("/api/socket.io"), or below.
func Skip(path string) func(r *http.Request) bool {
	return func(r *http.Request) bool { return mount.Below(path, r.URL.Path) }
}

// Get returns a value that middleware has put into the request's context in
// the handshake. Its key must be in socketio.Options.ContextKeys.
func Get[T any](s *socketio.Socket, key any) (v T, ok bool) { return mount.Get[T](s, key) }

// Param returns the value that a URL parameter of the route had in the handshake,
// or an empty string.
func Param(s *socketio.Socket, name string) string { return mount.Param(name).Of(s) }

// params copies the URL parameters: chi reuses the context they are in.
func params(r *http.Request) map[any]any {
	rctx := chi.RouteContext(r.Context())
	if rctx == nil {
		return nil // not under chi: Handler works there, too
	}
	values := make(map[any]any)
	for i, name := range rctx.URLParams.Keys {
		if name != "*" {
			values[mount.Param(name)] = rctx.URLParams.Values[i]
		}
	}
	return values
}

// address is the client's, as middleware.ClientIPFrom… or the older RealIP has
// found it. The latter replaces RemoteAddr, without a port. Empty: the peer's.
func address(r *http.Request) string {
	if ip := middleware.GetClientIP(r.Context()); ip != "" {
		return ip
	}
	if ip, err := netip.ParseAddr(r.RemoteAddr); err == nil {
		return ip.String()
	}
	return ""
}
