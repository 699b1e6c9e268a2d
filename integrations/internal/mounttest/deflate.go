package mounttest

import (
	"testing"

	"github.com/coder/websocket"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// compressed: permessage-deflate is agreed on, directly and in an upgrade, and
// what is sent then arrives.
func compressed(t *testing.T, mount Mount) {
	t.Helper()
	app := NewAppWith(t, socketio.Options{PerMessageDeflate: new(socketio.PerMessageDeflate)})
	c := NewClient(t, mount(t, app.Server))
	c.Compression = websocket.CompressionNoContextTakeover
	direct, upgraded := c.Dial(), c.Open()
	upgraded.Upgrade()
	for _, s := range []*Session{direct, upgraded} {
		assert.Equal(t, "extensions", s.extensions, "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
		exchange(s)
	}
}
