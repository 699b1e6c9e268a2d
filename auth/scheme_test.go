package auth_test

import (
	"testing"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestSchemeInRefresh: "Bearer " belongs into a header, and is easily taken
// along.
func TestSchemeInRefresh(t *testing.T) {
	t.Parallel()
	srv := socketio.NewServer(nil)
	defer srv.Close()
	srv.Use(auth.JWT(with(secretConfig(), func(c *config) { c.RefreshEvent = "refresh" })))
	c := siotest.Dial(t, srv, siotest.Options{Auth: map[string]string{"token": tokenOf("alice")}})
	var refreshed auth.Refreshed
	c.Call("refresh", map[string]string{"token": "Bearer " + tokenOf("alice")}).Decode(&refreshed)
	assert.True(t, "expires", refreshed.ExpiresAt > 0)
}
