package socketio_test

import (
	"encoding/base64"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestIDs: a socket's id is public, so it has nothing of the session's, which
// is a secret, and none comes twice.
func TestIDs(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		a.Of("/other")
		seen := map[string]bool{}
		for range 50 {
			c := siotest.Dial(t, a, o)
			for _, id := range []string{c.ID(), c.Of("/other", nil).ID(), c.Conn().SID()} {
				assert.True(t, "new: "+id, !seen[id])
				seen[id] = true
			}
			random, err := base64.RawURLEncoding.DecodeString(c.ID())
			assert.NoError(t, err)
			assert.Equal(t, "bytes", len(random), 15)
			assert.Equal(t, "length", len(c.ID()), 20)
		}
	})
}
