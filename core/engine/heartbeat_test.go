package engine_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// beat is a heartbeat as the tests of timers want it: nothing else ends first.
var beat = engine.Options{PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second}

// TestPing: pings at exactly the interval after the open packet, then after
// each pong; a missing pong ends the session at exactly the timeout.
func TestPing(t *testing.T) {
	t.Parallel()
	t.Run("websocket", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{opts: beat})
			start := time.Now()
			c, _ := h.wsOpen("")
			for range 3 {
				c.expect("2")
				assert.Equal(t, "ping after", time.Since(start), 25*time.Second)
				<-time.After(7 * time.Second)
				c.send("3")
				synctest.Wait()
				start = time.Now()
			}
			c.expect("2")
			start = time.Now()
			c.expectClose(1005)
			assert.Equal(t, "timeout after", time.Since(start), 20*time.Second)
			h.ended(engine.ReasonPingTimeout)
			c.expectEnd() // though we do not answer
			assert.Equal(t, "closed after", time.Since(start), 22*time.Second)
		})
	})
	t.Run("polling", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{opts: beat})
			start := time.Now()
			sid := h.open()
			for range 3 {
				h.answered(h.poll(sid), "2")
				assert.Equal(t, "ping after", time.Since(start), 25*time.Second)
				<-time.After(7 * time.Second)
				h.posted(sid, "3")
				start = time.Now()
			}
			h.answered(h.poll(sid), "2")
			start = time.Now()
			h.answered(h.poll(sid), "1")
			assert.Equal(t, "timeout after", time.Since(start), 20*time.Second)
			h.ended(engine.ReasonPingTimeout)
			h.get(sid).refused(t, 400, unknown)
		})
	})
	t.Run("polling, between polls", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{opts: beat})
			start := time.Now()
			sid := h.open()
			h.posted(sid, "6")
			h.ended(engine.ReasonPingTimeout)
			assert.Equal(t, "timeout after", time.Since(start), 45*time.Second)
			h.get(sid).refused(t, 400, unknown)
		})
	})
}

// TestPingOnASocket is the same on the lean connection, where exact times
// cannot be asked for.
func TestPingOnASocket(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]starter{"loopback": serve, "TLS": serveTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := serve(t, setup{opts: engine.Options{PingInterval: 20 * time.Millisecond, PingTimeout: time.Second}})
			c, _ := h.wsOpen("")
			for range 3 {
				c.expect("2")
				c.send("3")
			}
			c.expect("2")
			start := time.Now()
			c.expectClose(1005)
			assert.True(t, "not early", time.Since(start) > 500*time.Millisecond)
			h.ended(engine.ReasonPingTimeout)
		})
	}
}

// TestTrafficPutsTimeoutOff: once per ping, by a full timeout.
func TestTrafficPutsTimeoutOff(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		wire  []byte        // sent 5, 10 and 24 s after the ping
		after time.Duration // from the ping
	}{
		{"message", frames(textFrame("4x")), 25 * time.Second},
		{"binary message", frames(autobahn.Frame{Op: autobahn.Binary, Payload: []byte("x")}), 25 * time.Second},
		{"noop", frames(textFrame("6")), 20 * time.Second},
		{"WebSocket ping", frames(autobahn.Frame{Op: autobahn.Ping}), 20 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newApp()
				a.message = func(*engine.Session, []byte, bool) error { return nil }
				h := serveIn(t, setup{opts: beat, app: a})
				c, _ := h.wsOpen("")
				c.expect("2")
				start := time.Now()
				go func() {
					for _, wait := range []time.Duration{5, 5, 14} {
						<-time.After(wait * time.Second)
						_, _ = c.conn.Write(tt.wire)
					}
				}()
				h.ended(engine.ReasonPingTimeout)
				assert.Equal(t, "timeout after", time.Since(start), tt.after)
				<-time.After(time.Minute)
			})
		})
	}
}

// TestLongMessagePutsTimeoutOff: the pong of a client on a slow line waits
// behind its message.
func TestLongMessagePutsTimeoutOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: beat})
		c, _ := h.wsOpen("")
		c.expect("2")
		<-time.After(10 * time.Second)
		wire := frames(textFrame("4"+strings.Repeat("x", 28)), textFrame("3"))
		for i := range wire { // it takes longer than the ten seconds that are left
			c.raw(wire[i : i+1])
			if i < 28 {
				<-time.After(time.Second / 2)
			}
		}
		c.expect("4" + strings.Repeat("x", 28))
		c.expect("2")
		h.alive()
	})
}

// TestPongs: one that nobody asked for starts nothing.
func TestPongs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: beat})
		start := time.Now()
		c, _ := h.wsOpen("")
		<-time.After(10 * time.Second)
		synctest.Wait()
		before := goroutines()
		flood := frames(textFrame("3"), textFrame("3xyz"))
		for range 5000 {
			c.raw(flood)
		}
		synctest.Wait()
		assert.Equal(t, "goroutines", goroutines(), before)
		c.expect("2")
		assert.Equal(t, "ping after", time.Since(start), 25*time.Second)
		c.send("3", "3", "3")
		start = time.Now()
		c.expect("2")
		assert.Equal(t, "one ping after", time.Since(start), 25*time.Second)
		c.expectClose(1005)
		assert.Equal(t, "timeout after", time.Since(start), 45*time.Second)
	})
}

// TestHeldReader: while our own handlers hold a reader up, its peer is not
// blamed for the pong that waits to be read; afterwards it has the whole
// timeout again.
func TestHeldReader(t *testing.T) {
	bubble(t, func(t *testing.T) {
		room := make(chan struct{})
		full := false
		a := newApp()
		a.message = func(*engine.Session, []byte, bool) error {
			full = true
			return nil
		}
		a.backlog = func() <-chan struct{} {
			if full {
				return room
			}
			return nil
		}
		h := serveIn(t, setup{opts: beat, app: a})
		c, _ := h.wsOpen("")
		c.send("4x")
		c.expect("2")
		c.send("3")
		<-time.After(10 * time.Minute)
		h.alive()
		full = false
		start := time.Now()
		close(room)
		c.expect("2") // the pong counts from when it is read
		assert.Equal(t, "next ping after", time.Since(start), 25*time.Second)
		c.expectClose(1005)
		assert.Equal(t, "timeout after", time.Since(start), 45*time.Second)
	})
}

// TestHeldReaderWithoutPong: once it is let go, the peer has one timeout.
func TestHeldReaderWithoutPong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		room := make(chan struct{})
		full := false
		a := newApp()
		a.message = func(*engine.Session, []byte, bool) error {
			full = true
			return nil
		}
		a.backlog = func() <-chan struct{} {
			if full {
				return room
			}
			return nil
		}
		h := serveIn(t, setup{opts: beat, app: a})
		c, _ := h.wsOpen("")
		c.send("4x")
		c.expect("2")
		<-time.After(31 * time.Second)
		full = false
		start := time.Now()
		close(room)
		c.expectClose(1005)
		assert.Equal(t, "timeout after", time.Since(start), 20*time.Second)
	})
}

// TestHeldReaderEnds: a session that ends, and a server that closes, do not
// wait for room.
func TestHeldReaderEnds(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		held := make(chan struct{}, 9)
		var handled bool
		a := newApp()
		a.message = func(*engine.Session, []byte, bool) error {
			handled = true
			return nil
		}
		a.backlog = func() <-chan struct{} {
			if !handled {
				return nil
			}
			held <- struct{}{}
			return make(chan struct{})
		}
		h := serve(t, setup{app: a})
		c, _ := h.wsOpen("")
		c.send("4x")
		await(h, "the reader to be held", held)
		h.session().Close()
		c.expectClose(1005)
		c.raw(frames(closeFrame(1000)))
		c.expectEnd()
	})
}

// TestFirstPoll: a client that does nothing after the handshake.
func TestFirstPoll(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		first time.Duration // option
		do    func(h *host, sid string)
		after time.Duration
	}{
		{"nothing", 0, func(*host, string) {}, 10 * time.Second},
		{"option", 3 * time.Second, func(*host, string) {}, 3 * time.Second},
		{"off", -1, func(*host, string) {}, 45 * time.Second},
		{"later than a ping", time.Minute, func(*host, string) {}, 45 * time.Second},
		{"POST", 0, func(h *host, sid string) { h.posted(sid, "6") }, 45 * time.Second},
		{"poll", 0, func(h *host, sid string) { h.answered(h.poll(sid), "2") }, 45 * time.Second},
		{"upgrade", 0, func(h *host, sid string) { h.ws("&sid=" + sid).send("2probe") }, 45 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				opts := beat
				opts.FirstPollTimeout = tt.first
				h := serveIn(t, setup{opts: opts})
				start := time.Now()
				tt.do(h, h.open())
				h.ended(engine.ReasonPingTimeout)
				assert.Equal(t, "ended after", time.Since(start), tt.after)
				h.forgotten()
			})
		})
	}
}

// TestPingDuringUpgrade: pings go by polling until the upgrade is done, and
// the ping that is under way then is still waited for.
func TestPingDuringUpgrade(t *testing.T) {
	t.Parallel()
	for name, pong := range map[string]bool{"pong": true, "pong is lost": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{opts: beat})
				start := time.Now()
				sid := h.open()
				poll := h.poll(sid)
				<-time.After(20 * time.Second)
				c := h.ws("&sid=" + sid)
				c.send("2probe")
				c.expect("3probe")
				h.answered(poll, "6")
				<-time.After(5 * time.Second)
				h.answered(h.poll(sid), "2")
				assert.Equal(t, "ping after", time.Since(start), 25*time.Second)
				c.send("5")
				if pong {
					c.send("3")
					c.expect("2") // the heartbeat goes on
					assert.Equal(t, "ping after", time.Since(start), 50*time.Second)
				}
				c.expectClose(1005)
				h.ended(engine.ReasonPingTimeout)
				want := 45 * time.Second
				if pong {
					want = 70 * time.Second
				}
				assert.Equal(t, "timeout after", time.Since(start), want)
			})
		})
	}
}

// TestPingMovesWithUpgrade: a ping that no poll has taken goes out first.
func TestPingMovesWithUpgrade(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: beat})
		sid := h.open()
		h.posted(sid, "6")
		<-time.After(24 * time.Second)
		c := h.ws("&sid=" + sid)
		c.send("2probe")
		c.expect("3probe")
		<-time.After(2 * time.Second)
		c.send("5")
		c.expect("2")
		c.send("3")
		c.expect("2")
		h.alive()
	})
}
