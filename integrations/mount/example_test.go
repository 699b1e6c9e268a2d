package mount_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/integrations/mount"
)

type userKey struct{}

// handler is what a mount for the mux of the standard library makes of a server.
func handler(srv *socketio.Server) http.Handler {
	srv = mount.Server("siomux", srv)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mount.Serve(srv, w, r, func() mount.Upstream {
			return mount.Upstream{Values: map[any]any{userKey{}: r.Context().Value(userKey{})}}
		})
	})
}

// What middleware has found out is there on the socket.
func ExampleServe() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.On("who am i", func(s *socketio.Socket) string {
			user, _ := mount.Get[string](s, userKey{})
			return user
		})

		h := handler(srv)
		app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // the middleware
			h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, "ada")))
		})
		fmt.Println(siotest.Dial(t, app, siotest.Options{}).Call("who am i"))
	})
	// Output:
	// ["ada"]
}
