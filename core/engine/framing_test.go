package engine_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// slowest are cases of megabytes that say nothing more over a connection than
// their smaller neighbours; package frame runs them.
func slowest(c *autobahn.Case) bool {
	n := 0
	for _, f := range c.Frames() {
		n += len(f.Payload)
	}
	return n > 1<<17 || c.Chop > 0 && n/c.Chop > 1000
}

// TestAutobahn runs the cases of the Autobahn suite over connections. Its
// texts have no packet type; so that they are Engine.IO messages, each text
// message gets one, a "4", in front of its first fragment.
func TestAutobahn(t *testing.T) {
	t.Parallel()
	h := serve(t, setup{opts: engine.Options{MaxHTTPBufferSize: -1, MaxFragments: -1, ControlFrames: -1, SendBuffer: -1}})
	for _, c := range autobahn.Cases() {
		if slowest(&c) {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			h := *h // for this test
			h.t = t
			cl, _ := h.wsOpen("")
			go func() { // our answers must not be waited for
				for _, part := range typed(&c) {
					if _, err := cl.conn.Write(part); err != nil {
						return // the server has failed the connection, as it should
					}
				}
			}()
			for _, want := range c.Want() {
				op, got := cl.next()
				if want.Op == autobahn.Text {
					got = got[1:]
				}
				assert.Equal(t, "opcode", op, want.Op)
				assert.True(t, "data", got == string(want.Data))
			}
			op, payload := cl.next()
			assert.Equal(t, "opcode", op, autobahn.Close)
			code := 1005
			if len(payload) > 0 {
				code = int(binary.BigEndian.Uint16([]byte(payload)))
			}
			assert.Equal(t, "code", code, c.Code)
			_ = cl.conn.Close()
		})
	}
}

// typed returns the writes of a case, with a packet type before each text.
func typed(c *autobahn.Case) [][]byte {
	var writes [][]byte
	var wire []byte
	fs := c.Frames()
	open := false // a text has begun
	for _, f := range fs {
		if f.Op == autobahn.Text && f.RSV == 0 && !open {
			f.Payload = append([]byte("4"), f.Payload...)
		}
		if f.Op < autobahn.Close {
			open = f.More
		}
		one := f.Append(nil, mask)
		wire = append(wire, one...)
		if c.Chop == autobahn.FrameWise {
			writes = append(writes, one)
		}
	}
	switch {
	case c.Chop == autobahn.FrameWise:
		return writes
	case c.Chop > 0:
		for len(wire) > c.Chop {
			writes, wire = append(writes, wire[:c.Chop]), wire[c.Chop:]
		}
	}
	return append(writes, bytes.Clone(wire))
}

// TestEveryCut cuts a conversation in two at every byte.
func TestEveryCut(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		wire := frames(
			textFrame("4one"),
			autobahn.Frame{Op: autobahn.Text, Payload: []byte("4tw"), More: true},
			autobahn.Frame{Op: autobahn.Ping, Payload: []byte("p")},
			autobahn.Frame{Payload: []byte("o")},
			autobahn.Frame{Op: autobahn.Binary, Payload: []byte("three")},
			closeFrame(1000),
		)
		for cut := 1; cut < len(wire); cut++ {
			c, _ := h.wsOpen("")
			c.raw(wire[:cut])
			c.raw(wire[cut:])
			c.expect("4one")
			var rest string
			for range 3 { // the pong goes before the message that it interrupts
				_, got := c.next()
				rest += got + " "
			}
			assert.Equal(t, "answers", rest, "p 4two three ")
			c.expectClose(1000)
			c.expectEnd()
			h.ended(engine.ReasonTransportClose)
		}
	})
}
