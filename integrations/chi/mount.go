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

// Mount registers srv on a router or a group, for all methods: the path with and
// without a slash at its end, and everything below. Nothing is redirected. Mount
// panics if srv is nil or the path cannot be used.
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

// IsHandshake reports whether the request opens a connection. The polls and POSTs
// of an open connection pass the middleware, too, and need no second authorization.
// Call it only in middleware of this mount: a client can add a "sid" to any request.
func IsHandshake(r *http.Request) bool { return socketio.IsHandshake(r) }

// Skip returns a predicate for the configuration of other middleware: it reports
// whether a request is for the path, as clients see it ("/api/socket.io"), or below.
func Skip(path string) func(r *http.Request) bool {
	return func(r *http.Request) bool { return mount.Below(path, r.URL.Path) }
}

// Get returns the value that middleware put into the request's context in the
// handshake, if socketio.Options.ContextKeys has its key. ok is false if there is
// none, or if it is no T.
func Get[T any](s *socketio.Socket, key any) (v T, ok bool) { return mount.Get[T](s, key) }

// Param returns the value that a URL parameter of the route had in the handshake,
// or an empty string.
func Param(s *socketio.Socket, name string) string { return mount.Param(name).Of(s) }

// params copies the URL parameters out of chi's context, which chi uses again.
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

// address returns the client's address that middleware.ClientIPFrom… has found, or
// the older middleware.RealIP, which sets RemoteAddr to an address without a port.
// It returns an empty string if neither is used: the address is the peer's then.
func address(r *http.Request) string {
	if ip := middleware.GetClientIP(r.Context()); ip != "" {
		return ip
	}
	if ip, err := netip.ParseAddr(r.RemoteAddr); err == nil {
		return ip.String()
	}
	return ""
}
