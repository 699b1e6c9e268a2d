package docs_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/graceful"
	"github.com/gosio/gosio/inspector"
	"github.com/gosio/gosio/internal/assert"
)

func TestInspector(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	// code: mount
	srv := socketio.NewServer(nil)
	mux.Handle("/socket.io/", srv)
	mux.Handle("/inspect/", inspector.New(srv, inspector.Options{
		Users: map[string]string{"ops": "$2a$04$t3B06mjCcVDkOVxDgy2J5eLQbuKzELSRnTDZi6C7Xmx3tUzbXgYLa"}, // bcrypt
	}))
	// end
	t.Cleanup(srv.Close)
	siotest.Refused(t, mux, siotest.Options{Namespace: "/inspector"})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/inspect/", nil)
	r.SetBasicAuth("ops", "s3cret")
	mux.ServeHTTP(w, r)
	assert.Equal(t, "status", w.Code, http.StatusOK)
}

func TestInspectorDrain(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	t.Cleanup(srv.Close)
	// code: drain
	service := graceful.New(srv, &graceful.Options{Delay: 5 * time.Second})
	inspect := inspector.New(srv, inspector.Options{Allow: inspector.Localhost, Drain: service.Shutdown})
	// end
	r := httptest.NewRequest(http.MethodGet, "http://localhost/inspect/", nil)
	r.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	inspect.ServeHTTP(w, r)
	assert.Equal(t, "status", w.Code, http.StatusOK)
}
