package engine_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// The suite sends 1,000 messages in each of its compression cases, 11 GB in
// all. The sizes here are the suite's, the counts are not: as many messages as
// make up autobahnBytes, at least autobahnLeast and at most the suite's 1,000.
// With the build tag e2e that is 1,000 of up to 256 bytes, and 4 of the longest.
// With takeover messages over 8 KB are left out.

// TestAutobahnDeflate runs the cases of groups 12 and 13 over connections, with
// a client that is made of package flate: once without context takeover, as
// by default, and once with it. As in TestAutobahn, a text gets a "4" in front.
func TestAutobahnDeflate(t *testing.T) {
	t.Parallel()
	for _, takeover := range []bool{false, true} {
		h := serve(t, setup{opts: engine.Options{
			PingInterval: time.Hour, // a busy machine takes longer than the default for some cases
			MaxFragments: -1, PerMessageDeflate: &engine.PerMessageDeflate{
				Threshold: -1, ServerContextTakeover: takeover, ClientContextTakeover: takeover,
			},
		}})
		for _, c := range autobahn.Deflates() {
			if takeover && c.Size > 1<<13 {
				continue
			}
			t.Run(c.ID+map[bool]string{true: " with takeover"}[takeover], func(t *testing.T) {
				t.Parallel()
				h := *h // for this test
				h.t = t
				cl := h.deflate("", c.Offer)
				assert.True(t, "agreed", strings.HasPrefix(cl.response, "permessage-deflate"))
				n := min(c.Count, max(autobahnLeast, autobahnBytes/c.Size))
				fragment := c.Fragment
				if fragment == 0 {
					fragment = 1 << 30
				}
				op, prefix := autobahn.Text, "4"
				if c.Binary {
					op, prefix = autobahn.Binary, ""
				}
				for i := range n {
					_ = cl.conn.SetDeadline(time.Now().Add(h.patience)) // for each of them
					want := prefix + c.Message(i)
					cl.write(op, want, fragment)
					got, echo := cl.read()
					assert.Equal(t, "opcode", got, op)
					assert.True(t, "echo of message "+strconv.Itoa(i), echo == want)
				}
				switch small := strings.Contains(cl.response, "server_max_window_bits=8"); {
				case small && c.Size > 256, strings.HasPrefix(c.ID, "12.5."): // noise, too
					assert.Equal(t, "compressed", cl.frames, 0)
				case c.Size >= 1024:
					assert.Equal(t, "compressed", cl.frames, n)
				}
				cl.raw(frames(closeFrame(1000)))
				cl.expectClose(1000)
				_ = cl.conn.Close()
				cl.done()
			})
		}
	}
}
