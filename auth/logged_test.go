package auth_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestLogIsBounded: of each kind of line there are ten, then one in ten seconds
// that says how many were left out, however many clients are refused.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		token, line string
		refresh     bool
	}{
		{"bad", "auth: refused", false},
		{"", "auth: refused", false},
		{"down", "auth: cannot verify", false},
		{"bad", "auth: refresh refused", true},
	} {
		t.Run(tt.line+" "+tt.token, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var logged buffer
				srv := socketio.NewServer(&socketio.Options{Logger: slog.New(slog.DiscardHandler)})
				defer srv.Close()
				srv.Use(auth.Custom(auth.VerifierFunc[claims](func(_ context.Context, token string) (*auth.Identity[claims], error) {
					switch token {
					case "good":
						return &auth.Identity[claims]{Subject: "alice", Claims: &claims{}, ExpiresAt: time.Now().Add(time.Hour)}, nil
					case "down":
						return nil, errors.New("provider is down")
					}
					return nil, auth.ErrTokenInvalid
				}), config{RefreshEvent: "auth:refresh", Logger: slog.New(slog.NewTextHandler(&logged, nil))}))
				try := func() { siotest.Refused(t, srv, siotest.Options{Auth: token{tt.token}}) }
				if tt.refresh {
					c := siotest.Dial(t, srv, siotest.Options{Auth: token{"good"}, Timeout: time.Hour})
					try = func() { failure(t, c.Call("auth:refresh", token{tt.token})) }
				}
				for range 50 {
					try()
				}
				assert.Equal(t, "lines", strings.Count(logged.String(), tt.line), 10)
				time.Sleep(10 * time.Second)
				try()
				assert.Equal(t, "lines after ten seconds", strings.Count(logged.String(), tt.line), 11)
				assert.True(t, "says how many were left out", strings.Contains(logged.String(), "left_out=40"))
			})
		})
	}
}
