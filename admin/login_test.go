package admin_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/gosio/gosio/admin"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestPanicsAreLimited: a login that panics, or ends its goroutine, counts as a failure, and
// does not have those that follow wait.
func TestPanicsAreLimited(t *testing.T) {
	for name, end := range map[string]func(){
		"panic":  func() { panic("no store") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := start(t, socketio.Options{}, admin.Options{
					Authenticate:      func(context.Context, *socketio.Socket, admin.Credentials) error { end(); return nil },
					FailuresPerMinute: 3,
				})
				began := time.Now()
				for range 5 {
					siotest.Refused(t, srv, ui(map[string]any{"username": "ops", "password": "s3cret"}))
				}
				assert.Equal(t, "the answers came after", time.Since(began), 0)
			})
		})
	}
}
