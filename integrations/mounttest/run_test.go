package mounttest_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/mount"
	"github.com/gosio/gosio/integrations/mounttest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// user is the key of the header X-User.
type user struct{}

type around = func(http.Handler) http.Handler

// netHTTP: what the frameworks' mounts are measured by.
var netHTTP = mounttest.Front[around]{
	NetHTTP: true,
	Serve: func(t *testing.T, s mounttest.Setup[around]) {
		h, path := handler(s.Server), mount.Path("nethttp", s.Path, ":{}*")
		for _, use := range slices.Backward(s.Use) {
			h = use(h)
		}
		path = strings.Replace(s.Group, ":tenant", "{tenant}", 1) + path
		mux := http.NewServeMux()
		mux.Handle(path, h) // alone, the next line redirects it
		mux.Handle(path+"/", h)
		s.ServeHTTP(t, mux)
	},
	Outlives: map[string][]around{"WriteTimeout": nil},
	User: func(handshakesOnly bool) around {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !handshakesOnly || socketio.IsHandshake(r) {
					r = r.WithContext(context.WithValue(r.Context(), user{}, r.Header.Get("X-User")))
				}
				next.ServeHTTP(w, r)
			})
		}
	},
	UserKey:     user{},
	ContextKeys: []any{user{}},
	Get:         mount.Get[string],
	Param:       func(s *socketio.Socket, name string) string { return mount.Param(name).Of(s) },
}

// handler adds what an http.ServeMux knows to the server.
func handler(srv *socketio.Server) http.Handler {
	srv = mount.Server("nethttp", srv)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mount.Serve(srv, w, r, func() mount.Upstream {
			return mount.Upstream{
				Address: r.Header.Get("X-Forwarded-For"), // the test's own proxy's
				Values:  map[any]any{mount.Param("tenant"): r.PathValue("tenant")},
			}
		})
	})
}

func TestNetHTTP(t *testing.T) {
	t.Parallel()
	netHTTP.Run(t)
}

func mux(srv *socketio.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	return mux
}

// TestAnotherPath: without a mux that knows the path.
func TestAnotherPath(t *testing.T) {
	t.Parallel()
	t.Run("StripPrefix", func(t *testing.T) {
		t.Parallel()
		app := mounttest.NewApp(t)
		mux := http.NewServeMux()
		mux.Handle("/api/realtime/", http.StripPrefix("/api/realtime/", app.Server)) // not even a slash is left
		mounttest.Drive(t, app, mounttest.Serve(t, mux)+"/api/realtime", nil)
	})
	t.Run("no mux", func(t *testing.T) {
		t.Parallel()
		app := mounttest.NewApp(t)
		mounttest.Drive(t, app, mounttest.Serve(t, app.Server), nil)
	})
}

// TestProxy: a proxy that passes the host on makes the pages that come by it
// our own, and passes on that a client has gone.
func TestProxy(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	polls := make(chan struct{}, 64)
	url := mounttest.Proxy(t, mounttest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !socketio.IsHandshake(r) {
			polls <- struct{}{}
		}
		app.ServeHTTP(w, r)
	}))+"/socket.io", "/base", true)
	origin, _, _ := strings.Cut(url, "/base")
	mounttest.Drive(t, app, url, func(c *mounttest.Client) { c.Header.Set("Origin", origin) })

	s := mounttest.NewClient(t, url).Open()
	for len(polls) > 0 {
		<-polls
	}
	_, abandon := s.Park()
	mounttest.Wait(t, "a poll behind the proxy", polls)
	abandon()
	assert.Equal(t, "reason", mounttest.Wait(t, "the disconnect", app.Gone), socketio.ReasonTransportError)
}

// TestTrustForwardedHost: behind a proxy that changes the host its pages may
// connect, and still no others.
func TestTrustForwardedHost(t *testing.T) {
	t.Parallel()
	app := mounttest.NewAppWith(t, socketio.Options{CORS: socketio.CORS{TrustForwardedHost: true}})
	url := mounttest.Proxy(t, mounttest.Serve(t, mux(app.Server))+"/socket.io", "/base", false)
	origin, _, _ := strings.Cut(url, "/base")
	mounttest.Drive(t, app, url, func(c *mounttest.Client) { c.Header.Set("Origin", origin) })
	c := mounttest.NewClient(t, url)
	c.Header.Set("Origin", "https://evil.example")
	assert.Equal(t, "status", c.Do("GET", "/?EIO=4&transport=polling", "").Status, http.StatusForbidden)
	assert.Equal(t, "status", c.Refused().Status, http.StatusForbidden)
}
