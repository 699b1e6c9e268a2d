package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// enqueue sends n events of each of the keys a and b, of two messages, and as many others.
func enqueue(t *testing.T, s *engine.Session, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		for _, key := range []string{"a", "b"} {
			long := text(strings.Repeat(fmt.Sprint(key, i, ","), 400))
			assert.NoError(t, (*engine.Layer)(s).EnqueueNewest(&engine.Newest{Key: key, Most: 1}, false, long, text(key+"follows")))
		}
		assert.NoError(t, s.Send(text(fmt.Sprint("other", i))))
	}
}

// leftOf are the packets that enqueue leaves in a queue: its last events, and the others.
func leftOf(from, n int) (packets []string) {
	last := from + n - 1
	for i := from; i < last; i++ {
		packets = append(packets, fmt.Sprint("4other", i))
	}
	for _, key := range []string{"a", "b"} {
		packets = append(packets, "4"+strings.Repeat(fmt.Sprint(key, last, ","), 400), "4"+key+"follows")
	}
	return append(packets, fmt.Sprint("4other", last))
}

// TestNewest: a newer event of a key replaces what waits for a poll, and what has waited
// follows on the WebSocket after the upgrade, where the next one replaces it until it is
// written.
func TestNewest(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		sid := h.open()
		s := h.session()
		enqueue(t, s, 0, 4)
		assert.Equal(t, "a poll", h.get(sid).body, strings.Join(leftOf(0, 4), "\x1e"))
		c := h.probe(sid)
		enqueue(t, s, 4, 4)
		c.send("5")
		c.expect(leftOf(4, 4)...)
	})
}

// TestNewestDeflate: compressed events of a key arrive whole, with context takeover, too: the
// client can decompress what comes behind events that were replaced before and after some
// were compressed.
func TestNewestDeflate(t *testing.T) {
	for _, takeover := range []bool{false, true} {
		t.Run(fmt.Sprintf("takeover %t", takeover), func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{
					SendBuffer: -1, PerMessageDeflate: &engine.PerMessageDeflate{Threshold: 100, ServerContextTakeover: takeover},
				}})
				d := h.deflate("", browsers)
				s := h.session()
				enqueue(t, s, 0, 1)
				for _, want := range leftOf(0, 1) {
					assert.Equal(t, "at once", d.packet(), want)
				}
				// The kernel has no room for this.
				much := text(strings.Repeat("much", 4<<20)).Compress(false)
				assert.NoError(t, s.Send(much))
				volatile := 0
				for s.SendVolatile(text("v")) {
					volatile++
				}
				enqueue(t, s, 1, 5)
				assert.Equal(t, "much", len(d.packet()), 1+16<<20)
				for range volatile {
					assert.Equal(t, "before it was blocked", d.packet(), "4v")
				}
				for _, want := range leftOf(1, 5) {
					assert.Equal(t, "what has waited", d.packet(), want)
				}
				d.write(autobahn.Text, "4echo", 100)
				assert.Equal(t, "echo", d.packet(), "4echo")
				assert.True(t, "compressed", d.frames >= 4)
			})
		})
	}
}
