package docs_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	// code: options
	opts := &socketio.Options{
		PingInterval: 10 * time.Second,
		PingTimeout:  5 * time.Second,
		CORS:         socketio.CORS{Origins: []string{"https://app.example"}, Credentials: true},
		Limits:       socketio.Limits{MaxHTTPBufferSize: 4 << 20, Rooms: 100},
		Logger:       slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	srv := socketio.NewServer(opts)
	// end
	defer srv.Close()
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil))
	assert.True(t, w.Body.String(), strings.Contains(w.Body.String(), `"pingInterval":10000,"pingTimeout":5000,"maxPayload":4194304`))

	closed := true
	// code: allow
	opts.AllowRequest = func(r *http.Request) error {
		if closed {
			return &socketio.RequestError{Code: 4, Message: "closed for today"}
		}
		return nil
	}
	// end
	w = httptest.NewRecorder()
	start(t, opts).ServeHTTP(w, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil))
	assert.Equal(t, "status", w.Code, http.StatusForbidden)
	assert.Equal(t, "body", strings.TrimSpace(w.Body.String()), `{"code":4,"message":"closed for today"}`)
	var e *socketio.RequestError
	assert.True(t, "type", errors.As(opts.AllowRequest(nil), &e))
}

// TestEveryOptionIsOnItsPage: a field that the page does not name is one that
// nobody finds.
func TestEveryOptionIsOnItsPage(t *testing.T) {
	t.Parallel()
	for page, options := range map[string]any{
		"options.md": socketio.Options{},
		"limits.md":  socketio.Limits{},
		"cors.md":    socketio.CORS{},
	} {
		text := read(t, page)
		for _, field := range reflect.VisibleFields(reflect.TypeOf(options)) {
			if !strings.Contains(text, "`"+field.Name+"`") {
				t.Errorf("%s does not name %s", page, field.Name)
			}
		}
	}
}
