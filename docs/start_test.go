package docs_test

import (
	"net/http"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// start returns a server that ends with the test.
func start(t *testing.T, o *socketio.Options) *socketio.Server {
	t.Helper()
	srv := socketio.NewServer(o)
	t.Cleanup(srv.Close)
	return srv
}

func dial(t *testing.T, h http.Handler) *siotest.Client {
	t.Helper()
	return siotest.Dial(t, h, siotest.Options{})
}
