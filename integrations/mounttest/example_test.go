package mounttest_test

import (
	"net"
	"net/http"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/mounttest"
)

// A test of a mount of your own is one function; a Front tests its middleware, too. The
// example is compiled and not run: it needs that mount.
func ExampleRun() {
	_ = func(t *testing.T) { // func TestMount(t *testing.T)
		mounttest.Run(t, func(t *testing.T, srv *socketio.Server, l net.Listener) string {
			mux := http.NewServeMux()
			mux.Handle("/socket.io", srv) // yours: siomux.Mount(mux, srv)
			mux.Handle("/socket.io/", srv)
			mounttest.ServeListener(t, &http.Server{Handler: mux}, l)
			return "/socket.io"
		})
	}
}
