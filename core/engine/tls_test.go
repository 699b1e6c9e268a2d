package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// TestTLS runs both transports and the upgrade where connections are not
// lean: buffers are held, and writes block.
func TestTLS(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, setup{opts: engine.Options{MaxHTTPBufferSize: 4 << 20}})
	sid := h.open()
	h.posted(sid, "4x")
	poll := h.poll(sid)
	c := h.probe(sid)
	h.answered(poll, "4x")
	c.send("5", "4y")
	c.expect("4y")
	big := "4" + strings.Repeat("x", 3<<19)
	c.send(big)
	_, got := c.next()
	assert.True(t, "echo of a big message", got == big)
	c.raw(frames(closeFrame(1000)))
	c.expectClose(1000)
	h.ended(engine.ReasonTransportClose)
	c.expectEnd()

	d, _ := h.wsOpen("")
	h.session()
	h.session().Close()
	d.expectClose(1005)
	h.ended(engine.ReasonForcedClose)
}

// TestTLSPeerThatDoesNotRead is cut, and Close does not wait for its goodbye.
func TestTLSPeerThatDoesNotRead(t *testing.T) {
	t.Parallel()
	h := serveTLS(t, setup{opts: engine.Options{WriteTimeout: time.Second, CloseTimeout: 50 * time.Millisecond, SendBuffer: -1}}) // a busy machine needs some of it for the handshake
	for range 2 {
		h.wsOpen("")
		assert.NoError(t, h.session().Send(text(strings.Repeat("x", 8<<20))))
	}
	assert.ErrorIs(t, h.ended(engine.ReasonTransportError), engine.ErrSlowConsumer)
	h.close()
}
