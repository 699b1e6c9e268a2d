package mounttest_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/internal/mounttest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestNetHTTP: what the frameworks' mounts are measured by.
func TestNetHTTP(t *testing.T) {
	t.Parallel()
	mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
		mux := http.NewServeMux()
		mux.Handle("/socket.io", srv) // alone, the next line redirects it
		mux.Handle("/socket.io/", srv)
		return mounttest.Serve(t, mux) + "/socket.io"
	})
}

func TestSlowBodies(t *testing.T) {
	t.Parallel()
	mounttest.SlowBodies(t, func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
		mounttest.ServeListener(t, &http.Server{Handler: mux(srv)}, ln)
		return "/socket.io"
	})
}

func mux(srv *socketio.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	return mux
}

func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	mounttest.Outlives(t, "2", func(t *testing.T, srv *socketio.Server, ln net.Listener) string {
		const short = mounttest.ShortTimeout
		mounttest.ServeListener(t, &http.Server{Handler: mux(srv), ReadTimeout: short, ReadHeaderTimeout: short, WriteTimeout: short}, ln)
		return "/socket.io"
	})
}

// TestAnotherPath: with a mux of one's own, and with none.
func TestAnotherPath(t *testing.T) {
	t.Parallel()
	t.Run("mux", func(t *testing.T) {
		t.Parallel()
		mounttest.Run(t, func(t *testing.T, srv *socketio.Server) string {
			mux := http.NewServeMux()
			mux.Handle("/realtime", srv)
			mux.Handle("/realtime/", srv)
			return mounttest.Serve(t, mux) + "/realtime"
		})
	})
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
	assert.Equal(t, "reason", mounttest.Wait(t, "the disconnect", app.Gone), socketio.TransportError)
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

func TestUnhijackable(t *testing.T) {
	t.Parallel()
	app := mounttest.NewApp(t)
	url := mounttest.Serve(t, http.TimeoutHandler(mux(app.Server), time.Minute, ""))
	mounttest.Unhijackable(t, app, url+"/socket.io", "*http.timeoutWriter")
}

func TestLogout(t *testing.T) {
	t.Parallel()
	mounttest.Logout(t, func(_ *testing.T, srv *socketio.Server, loadAndSave func(http.Handler) http.Handler) http.Handler {
		return loadAndSave(mux(srv))
	})
}

// TestClientCertificate: see docs/securing.md.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	mounttest.ClientCertificate(t, func(t *testing.T, srv *socketio.Server) func(net.Listener) {
		return func(ln net.Listener) { mounttest.ServeListener(t, &http.Server{Handler: mux(srv)}, ln) }
	})
}
