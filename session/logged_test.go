package session_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
)

// TestLogIsBounded: of each kind of line there are ten, then one in ten seconds
// that says how many were left out, however many clients are refused.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logged strings.Builder // handshakes come one after another
		srv := socketio.NewServer(&socketio.Options{Logger: slog.New(slog.DiscardHandler)})
		defer srv.Close()
		store := session.NewMemory("sid", time.Hour)
		srv.Use(session.New(store, session.Config{User: user, Logger: slog.New(slog.NewTextHandler(&logged, nil))}))
		try := func() { refusedWith(t, srv, cookie(&http.Cookie{Name: "sid", Value: "forged"}), session.CodeMissing) }
		for range 50 {
			try()
		}
		assert.Equal(t, "lines", strings.Count(logged.String(), "session: refused"), 10)
		time.Sleep(10 * time.Second)
		try()
		assert.Equal(t, "lines after ten seconds", strings.Count(logged.String(), "session: refused"), 11)
		assert.True(t, "says how many were left out", strings.Contains(logged.String(), "left_out=40"))
		siotest.Dial(t, srv, cookie(store.Cookie(store.Create(map[string]any{"user": "alice"}))))
	})
}
