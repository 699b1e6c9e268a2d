package docs_test

import (
	"net/http/httptest"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

func TestCORS(t *testing.T) {
	t.Parallel()
	// code: cors
	srv := socketio.NewServer(&socketio.Options{
		CORS: socketio.CORS{
			Origins:     []string{"http://localhost:5173", "https://app.example"},
			Credentials: true,
		},
	})
	// end
	defer srv.Close()
	for origin, status := range map[string]int{
		"":                         200,
		"http://example.com":       200, // the host that httptest asks
		"https://app.example":      200,
		"https://app.example:8443": 403,
		"https://evil.example":     403,
	} {
		r := httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		assert.Equal(t, "status for "+origin, w.Code, status)
	}
}
