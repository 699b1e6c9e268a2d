package engine_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// TestMaxPayload goes below, to and over the limit on every transport.
func TestMaxPayload(t *testing.T) {
	t.Parallel()
	const limit = 1000
	post := func(header, body string) func(h *host) int {
		return func(h *host) int {
			res := h.dial().http("POST /engine.io/?EIO=4&transport=polling&sid=" + h.open() + " HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n" + body)
			if res.StatusCode == 413 {
				assert.True(h.t, "closes", res.Close)
				b, err := io.ReadAll(res.Body)
				assert.NoError(h.t, err)
				assert.Equal(h.t, "body", string(b), "") // the stock client makes details of it
			}
			return res.StatusCode
		}
	}
	chunks := func(sizes ...int) string {
		var b strings.Builder
		for i, n := range sizes {
			data := strings.Repeat("x", n)
			if i == 0 {
				data = "4" + data[1:]
			}
			fmt.Fprintf(&b, "%x\r\n%s\r\n", n, data)
		}
		return b.String()
	}
	ws := func(upgrade bool, wire []byte) func(h *host) int {
		return func(h *host) int {
			var c *client
			if upgrade {
				c = h.probe(h.open())
				c.send("5")
			} else {
				c, _ = h.wsOpen("")
			}
			c.raw(wire)
			op, payload := c.next()
			_ = c.conn.Close()
			if op == autobahn.Close {
				return int(payload[0])<<8 | int(payload[1])
			}
			assert.Equal(h.t, "whole", len(payload) >= limit-1, true)
			return 0
		}
	}
	one := func(op byte, n int) []byte {
		return frames(autobahn.Frame{Op: op, Payload: []byte("4" + strings.Repeat("x", n-1))})
	}
	fragments := func(sizes ...int) []byte {
		var fs []autobahn.Frame
		for i, n := range sizes {
			f := autobahn.Frame{Payload: []byte("4" + strings.Repeat("x", n-1)), More: i < len(sizes)-1}
			if i == 0 {
				f.Op = autobahn.Text
			}
			fs = append(fs, f)
		}
		return frames(fs...)
	}
	tests := []struct {
		name string
		do   func(h *host) int
		want int
		ok   bool
	}{
		{"POST below", post("Content-Length: 999", chunks(999)[5:1004]), 200, true},
		{"POST at", post("Content-Length: 1000", "4"+strings.Repeat("x", 999)), 200, true},
		{"POST over", post("Content-Length: 1001", "4"+strings.Repeat("x", 1000)), 413, false},
		{"POST far over, body never sent", post("Content-Length: 1100000", ""), 413, false},
		{"several packets at", post("Content-Length: 1000", strings.Repeat("4\x1e", 499)+"4x"), 200, true},
		{"several packets over", post("Content-Length: 1001", strings.Repeat("4\x1e", 500)+"4"), 413, false},
		{"chunked at", post("Transfer-Encoding: chunked", chunks(600, 400)+"0\r\n\r\n"), 200, true},
		{"chunked over", post("Transfer-Encoding: chunked", chunks(600, 401)+"0\r\n\r\n"), 413, false},
		{"chunked without end", post("Transfer-Encoding: chunked", chunks(600, 600)), 413, false},
		{"text below", ws(false, one(autobahn.Text, 999)), 0, true},
		{"text at", ws(false, one(autobahn.Text, 1000)), 0, true},
		{"text over", ws(false, one(autobahn.Text, 1001)), 1009, false},
		{"binary at", ws(false, one(autobahn.Binary, 1000)), 0, true},
		{"binary over", ws(false, one(autobahn.Binary, 1001)), 1009, false},
		{"header alone over", ws(false, one(autobahn.Text, 1001)[:8]), 1009, false},
		{"fragments at", ws(false, fragments(500, 300, 200)), 0, true},
		{"fragments over", ws(false, fragments(500, 300, 201)), 1009, false},
		{"upgraded at", ws(true, one(autobahn.Text, 1000)), 0, true},
		{"upgraded over", ws(true, one(autobahn.Text, 1001)), 1009, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{MaxHTTPBufferSize: limit}})
				assert.Equal(t, "outcome", tt.do(h), tt.want)
				if !tt.ok {
					h.ended(engine.ReasonTransportError) // the reference keeps polling sessions, of which a part is lost
				}
			})
		})
	}
}

// TestNoMaxPayload: negative means none.
func TestNoMaxPayload(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{opts: engine.Options{MaxHTTPBufferSize: -1, SendBuffer: -1}})
		big := "4" + strings.Repeat("x", 1_100_000)
		sid := h.open()
		h.posted(sid, big)
		assert.True(t, "echo", h.get(sid).body == big)
		c, _ := h.wsOpen("")
		c.send(big)
		_, got := c.next()
		assert.True(t, "echo", got == big)
	})
}

// TestFrameworkLimit: a body that a middleware limits is too large, too.
func TestFrameworkLimit(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{wrap: func(next http.Handler) http.Handler { return http.MaxBytesHandler(next, 10) }})
		sid := h.open()
		h.posted(sid, "4234567890")
		assert.Equal(t, "status", h.post(sid, "42345678901").status, 413)
		h.ended(engine.ReasonTransportError)
	})
}

// TestFragments goes to and over the number of frames of a message.
func TestFragments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		limit, n  int
		violation bool
	}{
		{"default, at", 0, 1024, false},
		{"default, over", 0, 1025, true},
		{"option, at", 3, 3, false},
		{"option, over", 3, 4, true},
		{"none", -1, 5000, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{MaxFragments: tt.limit}})
				c, _ := h.wsOpen("")
				fs := []autobahn.Frame{{Op: autobahn.Text, Payload: []byte("4"), More: true}}
				for range tt.n - 2 {
					fs = append(fs, autobahn.Frame{More: true})
				}
				c.raw(frames(append(fs, autobahn.Frame{})...))
				if !tt.violation {
					c.expect("4")
					return
				}
				c.expectClose(1008)
				h.ended(engine.ReasonTransportError)
			})
		})
	}
}

// TestMessageTimeout: a message that is begun and not completed.
func TestMessageTimeout(t *testing.T) {
	t.Parallel()
	begun := map[string][]byte{
		"fragment":         frames(autobahn.Frame{Op: autobahn.Text, Payload: []byte("4x"), More: true}),
		"frame":            frames(textFrame("4xyz"))[:8],
		"header":           {0x81},
		"behind a message": append(frames(textFrame("4y")), 0x81),
	}
	for name, wire := range begun {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{opts: engine.Options{PingInterval: time.Hour}})
				c, _ := h.wsOpen("")
				c.send("4x")
				c.expect("4x")
				start := time.Now()
				c.raw(wire)
				if name == "fragment" {
					for range 29 { // control frames do not help
						<-time.After(time.Second)
						c.raw(frames(autobahn.Frame{Op: autobahn.Pong}))
					}
				}
				h.ended(engine.ReasonTransportError)
				assert.Equal(t, "ended after", time.Since(start), 30*time.Second)
				if name == "behind a message" {
					c.expect("4y")
				}
				c.expectClose(1008)
			})
		})
	}
	t.Run("progress", func(t *testing.T) {
		bubble(t, func(t *testing.T) { // the time is a message's, and each has its own
			h := serveIn(t, setup{opts: engine.Options{PingInterval: time.Hour}})
			c, _ := h.wsOpen("")
			wire := frames(textFrame("4x"))
			c.raw(wire[:3])
			for range 10 { // always one message incomplete
				<-time.After(20 * time.Second)
				c.raw(append(wire[3:len(wire):len(wire)], wire[:3]...))
				c.expect("4x")
			}
			h.alive()
		})
	})
	t.Run("socket", func(t *testing.T) {
		t.Parallel()
		h := serve(t, setup{opts: engine.Options{MessageTimeout: 20 * time.Millisecond}})
		c, _ := h.wsOpen("")
		c.send("4x")
		c.expect("4x")
		c.raw([]byte{0x81})
		c.expectClose(1008)
		h.ended(engine.ReasonTransportError)
	})
}

// TestControlFrames goes to and over the number of pings in a second.
func TestControlFrames(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{ControlFrames: 3}})
		c, _ := h.wsOpen("")
		ping := autobahn.Frame{Op: autobahn.Ping, Payload: []byte("x")}
		for range 3 {
			c.raw(frames(ping, ping, ping))
			for range 3 {
				op, got := c.next()
				assert.Equal(t, "pong", got, "x")
				assert.Equal(t, "opcode", op, autobahn.Pong)
			}
			<-time.After(time.Second + 1)
		}
		c.raw(frames(ping, ping, ping, ping))
		op, _ := c.next()
		for op == autobahn.Pong {
			op, _ = c.next()
		}
		assert.Equal(t, "opcode", op, autobahn.Close)
		h.ended(engine.ReasonTransportError)
	})
}

// stalled is a WebSocket session whose peer takes no bytes, and which has a
// message of this size being written. It is for a bubble: nobody knows when the
// kernel has taken all that it takes.
func (h *host) stalled(size int) (*client, *engine.Session) {
	h.t.Helper()
	c, _ := h.wsOpen("")
	s := h.session()
	assert.NoError(h.t, c.conn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(1))
	synctest.Wait()
	assert.NoError(h.t, s.Send(text(strings.Repeat("x", size-1))))
	return c, s
}

// TestSendBuffer goes to and over what may wait for a slow peer.
func TestSendBuffer(t *testing.T) {
	t.Parallel()
	t.Run("websocket", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{opts: engine.Options{SendBuffer: 1000}})
			_, s := h.stalled(500) // and 4 bytes of header
			synctest.Wait()
			assert.NoError(t, s.Send(text(strings.Repeat("y", 1000-504-4-1))))
			assert.ErrorIs(t, s.Send(text("")), engine.ErrSlowConsumer)
			assert.ErrorIs(t, h.ended(engine.ReasonTransportError), engine.ErrSlowConsumer)
			assert.ErrorIs(t, s.Send(text("")), engine.ErrClosed)
		})
	})
	t.Run("polling", func(t *testing.T) {
		both(t, func(t *testing.T, serve starter) {
			h := serve(t, setup{opts: engine.Options{SendBuffer: 1000}})
			sid := h.open()
			s := h.session()
			assert.NoError(t, s.Send(text(strings.Repeat("x", 495))))
			assert.NoError(t, s.Send(text(strings.Repeat("y", 495))))
			assert.Equal(t, "length", len(h.get(sid).body), 2*496+1)
			assert.NoError(t, s.Send(text(strings.Repeat("x", 495))))
			assert.NoError(t, s.Send(text(strings.Repeat("y", 495))))
			assert.ErrorIs(t, s.Send(text("")), engine.ErrSlowConsumer)
			assert.ErrorIs(t, h.ended(engine.ReasonTransportError), engine.ErrSlowConsumer)
			h.get(sid).refused(t, 400, unknown)
		})
	})
	t.Run("one big message", func(t *testing.T) {
		both(t, func(t *testing.T, serve starter) {
			h := serve(t, setup{opts: engine.Options{SendBuffer: 1000}})
			big := strings.Repeat("x", 5000)
			sid := h.open()
			assert.NoError(t, h.session().Send(text(big), engine.Binary([]byte(big)))) // of several parts
			assert.True(t, "whole", len(h.get(sid).body) > 10_000)
			c, _ := h.wsOpen("")
			s := h.session()
			assert.NoError(t, s.Send(text(big)))
			c.expect("4" + big)
		})
	})
	t.Run("none", func(t *testing.T) {
		both(t, func(t *testing.T, serve starter) {
			h := serve(t, setup{opts: engine.Options{SendBuffer: -1}})
			sid := h.open()
			s := h.session()
			for range 5 {
				assert.NoError(t, s.Send(text(strings.Repeat("x", 1<<20))))
			}
			assert.Equal(t, "length", len(h.get(sid).body), 5*(1<<20+2)-1)
		})
	})
	t.Run("socket", func(t *testing.T) {
		t.Parallel()
		h := serve(t, setup{opts: engine.Options{SendBuffer: 1 << 20}})
		c, _ := h.wsOpen("") // which does not read
		s := h.session()
		sent, err := 0, error(nil)
		for ; err == nil; sent += 64 << 10 {
			err = s.Send(text(strings.Repeat("x", 64<<10-1)))
			assert.True(t, "the kernel takes some megabytes, and not more", sent < 256<<20)
		}
		assert.ErrorIs(t, err, engine.ErrSlowConsumer)
		assert.True(t, fmt.Sprintf("%d bytes: all that may wait, at least", sent), sent >= 1<<20)
		assert.ErrorIs(t, h.ended(engine.ReasonTransportError), engine.ErrSlowConsumer)
		_ = c.conn.Close()
	})
}

// TestPollNotRead: the bytes of an answer that is not read count, too.
func TestPollNotRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{SendBuffer: 1 << 20}})
		sid := h.open()
		s := h.session()
		assert.NoError(t, s.Send(text(strings.Repeat("x", 1<<20-100))))
		h.dial().raw([]byte("GET /engine.io/?EIO=4&transport=polling&sid=" + sid + " HTTP/1.1\r\nHost: x\r\n\r\n"))
		synctest.Wait() // the answer is being written
		assert.NoError(t, s.Send(text("x")))
		assert.ErrorIs(t, s.Send(text(strings.Repeat("x", 100))), engine.ErrSlowConsumer)
	})
}

// TestVolatile: volatile messages leave at once or not at all, and go first.
func TestVolatile(t *testing.T) {
	t.Parallel()
	t.Run("polling", func(t *testing.T) {
		both(t, func(t *testing.T, serve starter) {
			h := serve(t, setup{})
			sid := h.open()
			s := h.session()
			assert.Equal(t, "between polls", s.SendVolatile(text("lost")), false)
			poll := h.poll(sid)
			assert.Equal(t, "to a poll", s.SendVolatile(text("a"), engine.Binary([]byte{1})), true)
			h.answered(poll, "4a\x1ebAQ==")
		})
	})
	t.Run("websocket", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{})
			c, s := h.stalled(500)
			synctest.Wait()
			assert.Equal(t, "to a stalled peer", s.SendVolatile(text("lost")), false)
			c.expect("4" + strings.Repeat("x", 499))
			synctest.Wait()
			assert.Equal(t, "to one that has read", s.SendVolatile(text("a")), true)
			c.expect("4a")
		})
	})
	t.Run("dropped first", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newApp()
			a.connect = func(s *engine.Session, _ *http.Request) { // the connection is held back: all is queued
				assert.NoError(t, s.Send(text("keep")))
				assert.Equal(t, "volatile", s.SendVolatile(text(strings.Repeat("v", 500))), true)
				assert.Equal(t, "volatile over the bound", s.SendVolatile(text(strings.Repeat("w", 2000))), false)
				assert.NoError(t, s.Send(text(strings.Repeat("x", 700))))
			}
			h := serveIn(t, setup{app: a, opts: engine.Options{SendBuffer: 1000}})
			c, _ := h.wsOpen("")
			c.expect("4keep", "4"+strings.Repeat("x", 700))
			h.alive()
		})
	})
}

// TestWriteTimeout: a peer that takes nothing is cut, one that is slow is not.
func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	t.Run("nothing", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{opts: engine.Options{PingInterval: time.Hour}})
			h.stalled(500)
			start := time.Now()
			assert.ErrorIs(t, h.ended(engine.ReasonTransportError), engine.ErrSlowConsumer)
			// The pipe's one byte is taken; the clock starts anew behind it.
			assert.Equal(t, "after", time.Since(start), 20*time.Second)
		})
	})
	t.Run("slow", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{opts: engine.Options{PingInterval: time.Hour}})
			c, _ := h.stalled(100_000)
			assert.NoError(t, c.conn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(4096))
			var got int
			buf := make([]byte, 4096)
			for got < 100_000 {
				<-time.After(time.Second) // 25 s in all
				n, err := c.conn.Read(buf)
				assert.NoError(t, err)
				got += n
			}
			h.alive()
		})
	})
	t.Run("none", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{opts: engine.Options{PingInterval: time.Hour, WriteTimeout: -1}})
			c, _ := h.stalled(500)
			<-time.After(30 * time.Minute)
			c.expect("4" + strings.Repeat("x", 499))
			h.alive()
		})
	})
	t.Run("socket", func(t *testing.T) {
		t.Parallel()
		h := serve(t, setup{opts: engine.Options{WriteTimeout: 50 * time.Millisecond, SendBuffer: -1}})
		c, _ := h.wsOpen("") // which does not read
		s := h.session()
		assert.NoError(t, c.conn.(*net.TCPConn).SetReadBuffer(4096))
		for range 64 { // megabytes: more than the kernel takes
			if s.Send(text(strings.Repeat("x", 1<<20))) != nil {
				break // it is cut already
			}
		}
		assert.ErrorIs(t, h.ended(engine.ReasonTransportError), engine.ErrSlowConsumer)
	})
}

// TestAnswersNotRead: a peer that makes us answer and reads nothing, on a
// settled WebSocket and on one that is being tried.
func TestAnswersNotRead(t *testing.T) {
	t.Parallel()
	t.Run("probe", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{opts: engine.Options{SendBuffer: 1000}})
			sid := h.open()
			c := h.ws("&sid=" + sid)
			assert.NoError(t, c.conn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(1))
			start := time.Now()
			for { // the connection's own buffer takes some, too
				if _, err := c.conn.Write(frames(textFrame("2probe"))); err != nil {
					break
				}
				if time.Since(start) > time.Minute {
					t.Fatal("it is answered for ever")
				}
			}
			h.posted(sid, "4x")
			h.alive()
		})
	})
	t.Run("ping", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{opts: engine.Options{SendBuffer: 1000, ControlFrames: -1, WriteTimeout: -1}})
			c, _ := h.wsOpen("")
			assert.NoError(t, c.conn.(interface{ SetReadBuffer(int) error }).SetReadBuffer(1))
			for {
				if _, err := c.conn.Write(frames(autobahn.Frame{Op: autobahn.Ping, Payload: make([]byte, 125)})); err != nil {
					break
				}
				select {
				case <-h.app.closed:
					return
				default:
				}
			}
			assert.ErrorIs(t, h.ended(engine.ReasonTransportError), engine.ErrSlowConsumer)
		})
	})
}
