package mounttest_test

import (
	"net/http"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/internal/mounttest"
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

func mux(srv *socketio.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	return mux
}

func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	hs := &http.Server{Handler: mux(mounttest.SlowApp(t).Server), ReadTimeout: mounttest.ShortTimeout, WriteTimeout: mounttest.ShortTimeout}
	mounttest.Outlives(t, mounttest.ServeOn(t, hs)+"/socket.io", "2")
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
