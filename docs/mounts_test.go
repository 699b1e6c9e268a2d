package docs_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/mount"
	"github.com/gosio/gosio/integrations/mounttest"
)

// code: mount
// Config is optional. The zero value of each field means its default.
type Config struct {
	// Path is where clients connect, relative to the group. Default "/socket.io".
	Path string
}

// Mount registers srv in a group of the mux: "/orgs/{org}", or "".
func Mount(mux *http.ServeMux, group string, srv *socketio.Server, config ...Config) {
	h, path := Handler(srv), group+mount.Path("siomux", mount.First(config).Path, "{}:*")
	mux.Handle(path, h) // alone, the next line would redirect it
	mux.Handle(path+"/", h)
}

// Handler returns srv as a handler, for routes that are registered by hand.
func Handler(srv *socketio.Server) http.Handler {
	srv = mount.Server("siomux", srv)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mount.Serve(srv, w, r, func() mount.Upstream { return mount.Upstream{Values: values(r)} })
	})
}

var wildcard = regexp.MustCompile(`\{(\w+)\}`)

// values copies what the mux knows.
func values(r *http.Request) map[any]any {
	values := make(map[any]any)
	for _, m := range wildcard.FindAllStringSubmatch(r.Pattern, -1) {
		values[mount.Param(m[1])] = r.PathValue(m[1])
	}
	return values
}

// IsHandshake reports whether the request opens a connection.
func IsHandshake(r *http.Request) bool { return socketio.IsHandshake(r) }

// Get returns what middleware has put into the request's context in the
// handshake. Its key must be in socketio.Options.ContextKeys.
func Get[T any](s *socketio.Socket, key any) (T, bool) { return mount.Get[T](s, key) }

// Param returns the value that a wildcard of the group had in the handshake.
func Param(s *socketio.Socket, name string) string { return mount.Param(name).Of(s) }

// Skip is for the configuration of other middleware: it reports whether a
// request is for the path or below.
func Skip(path string) func(r *http.Request) bool {
	return func(r *http.Request) bool { return mount.Below(path, r.URL.Path) }
}

// end

// code: front
type middleware = func(http.Handler) http.Handler

type user struct{} // the key of a value in the request's context

var front = mounttest.Front[middleware]{
	NetHTTP: true,
	Serve: func(t *testing.T, s mounttest.Setup[middleware]) {
		mux := http.NewServeMux()
		Mount(mux, strings.Replace(s.Group, ":tenant", "{tenant}", 1), s.Server, Config{Path: s.Path})
		var app http.Handler = mux
		for _, use := range slices.Backward(append([]middleware{realIP}, s.Use...)) {
			app = use(app)
		}
		s.ServeHTTP(t, app)
	},
	Outlives: map[string][]middleware{"WriteTimeout": nil},
	User: func(handshakesOnly bool) middleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !handshakesOnly || IsHandshake(r) {
					r = r.WithContext(context.WithValue(r.Context(), user{}, r.Header.Get("X-User")))
				}
				next.ServeHTTP(w, r)
			})
		}
	},
	UserKey:     user{},
	ContextKeys: []any{user{}},
	Get:         Get[string],
	Param:       Param,
	Refuse:      func() middleware { return refuse(IsHandshake, http.StatusUnauthorized) },
	Skip: func(path string) middleware {
		skip := Skip(path)
		return refuse(func(r *http.Request) bool { return !skip(r) }, http.StatusTeapot)
	},
}

func TestMount(t *testing.T) { front.Run(t) }

// end

// realIP believes the proxy of the test.
func realIP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ip := r.Header.Get("X-Forwarded-For"); ip != "" {
			r.RemoteAddr = ip
		}
		next.ServeHTTP(w, r)
	})
}

// refuse answers the requests that are meant with a status.
func refuse(meant func(*http.Request) bool, status int) middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if meant(r) {
				w.WriteHeader(status)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
}
