package docs_test

import (
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

func TestCompression(t *testing.T) {
	t.Parallel()
	// code: on
	srv := socketio.NewServer(&socketio.Options{
		PerMessageDeflate: &socketio.PerMessageDeflate{}, // WebSocket, messages of 1 KB and more
		HTTPCompression:   1024,                          // polling, responses of so many bytes and more
	})
	// end
	defer srv.Close()
	png, secret := []byte("\x89PNG"), "secret"

	// code: plain
	srv.On("photos", func(s *socketio.Socket) {
		_ = s.Compress(false).Emit("photo", png) // it is compressed already
		_ = srv.Compress(false).Emit("token", secret)
	})
	// end

	c := dial(t, srv)
	c.Emit("photos")
	c.Expect("photo")
	assert.Equal(t, "then", c.Next().String(), `["token","secret"]`)
}
