package engine_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// probe takes a session's upgrade up to the answered probe.
func (h *host) probe(sid string) *client {
	h.t.Helper()
	c := h.ws("&sid=" + sid)
	c.send("2probe")
	c.expect("3probe")
	return c
}

// TestUpgrade is the upgrade as a client makes it.
func TestUpgrade(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		sid := h.open()
		s := h.session()
		poll := h.poll(sid)
		c := h.probe(sid)
		h.answered(poll, "6")
		assert.Equal(t, "transport", s.Transport(), engine.Polling)
		h.posted(sid, "4by polling")
		c.send("5")
		c.expect("4by polling")
		assert.Equal(t, "transport", s.Transport(), engine.WebSocket)
		c.send("4by websocket")
		c.expect("4by websocket")
		h.get(sid).refused(t, 400, badRequest)
		h.post(sid, "4late").refused(t, 400, badRequest)
		res := h.dial().http(upgradeRequest("&transport=websocket&sid="+sid, keyHeaders))
		assert.Equal(t, "second upgrade: accepted to be closed", res.StatusCode, 101)
		h.alive()
		c.raw(frames(closeFrame(1000)))
		c.expectClose(1000)
		h.ended(engine.ReasonTransportClose)
		c.expectEnd()
	})
}

// TestUpgradeSteps: at each stage every kind of packet either is the next
// step, or closes the new WebSocket and leaves the session on polling.
func TestUpgradeSteps(t *testing.T) {
	t.Parallel()
	stages := []struct {
		name  string
		reach func(h *host, sid string) *client
	}{
		{"accepted", func(h *host, sid string) *client { return h.ws("&sid=" + sid) }},
		{"probed", (*host).probe},
		{"probed twice", func(h *host, sid string) *client {
			c := h.probe(sid)
			c.send("2probe")
			c.expect("3probe")
			return c
		}},
		{"upgraded", func(h *host, sid string) *client {
			c := h.probe(sid)
			c.send("5", "4x")
			c.expect("4x")
			return c
		}},
	}
	packets := []string{"0{}", "1", "2", "2probe", "2probeX", "3", "3probe", "4x", "5", "5x", "6", "", "x", "bAQID", "binary"}
	for _, stage := range stages {
		for _, packet := range packets {
			t.Run(stage.name+" "+packet, func(t *testing.T) {
				both(t, func(t *testing.T, serve starter) {
					h := serve(t, setup{})
					sid := h.open()
					c := stage.reach(h, sid)
					f := textFrame(packet)
					if packet == "binary" {
						f = autobahn.Frame{Op: autobahn.Binary, Payload: []byte("2probe")}
					}
					c.raw(frames(f))
					switch {
					case stage.name == "upgraded":
						return // TestWebSocketPackets has these
					case packet == "2probe":
						c.expect("3probe")
					case packet == "5": // also at once
						c.send("4x")
						c.expect("4x")
						return
					default:
						c.expectClose(1005)
						_ = c.conn.Close()
						c.expectEnd()
					}
					h.posted(sid, "4by polling")
					assert.Equal(t, "echo", h.get(sid).body, "4by polling")
					h.alive()
					if packet != "2probe" { // a later attempt may succeed
						h.upgradeAgain(sid)
					}
				})
			})
		}
	}
}

// upgradeAgain upgrades once the place of a failed upgrade is free.
func (h *host) upgradeAgain(sid string) {
	h.t.Helper()
	c := h.probe(sid)
	c.send("5", "4again")
	c.expect("4again")
}

// TestUpgradeUnprobed: the clients of PHP and .NET send "5" and no "2probe". The
// GET that waits is ended, and nothing is lost or comes twice.
func TestUpgradeUnprobed(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		sid := h.open()
		s := h.session()
		poll := h.poll(sid)
		c := h.ws("&sid=" + sid)
		h.posted(sid, "4before")
		h.answered(poll, "4before")
		poll = h.poll(sid)
		c.send("5")
		h.answered(poll, "6")
		c.send("4x")
		c.expect("4x")
		assert.Equal(t, "transport", s.Transport(), engine.WebSocket)
		c.raw(frames(closeFrame(1000)))
		c.expectClose(1000)
		h.ended(engine.ReasonTransportClose)
	})
}

// TestTwoProbes: the second WebSocket is refused, the first goes on.
func TestTwoProbes(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		sid := h.open()
		c := h.ws("&sid=" + sid)
		res := h.dial().http(upgradeRequest("&transport=websocket&sid="+sid, keyHeaders))
		assert.Equal(t, "second: accepted to be closed", res.StatusCode, 101)
		c.send("2probe")
		c.expect("3probe")
		c.send("5", "4x")
		c.expect("4x")
	})
}

// TestUpgradeRefused: where the server does not offer it.
func TestUpgradeRefused(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]engine.Options{
		"no upgrade":   {NoUpgrade: true},
		"polling only": {Transports: []string{"polling"}},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: opts})
				sid := h.open()
				res := h.dial().http(upgradeRequest("&transport=websocket&sid="+sid, keyHeaders))
				assert.Equal(t, "status", res.StatusCode, 400)
				h.posted(sid, "4x")
				assert.Equal(t, "echo", h.get(sid).body, "4x")
			})
		})
	}
}

// TestUpgradeTimeout: an upgrade that is begun and held.
func TestUpgradeTimeout(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{"accepted", "probed"} {
		t.Run(stage, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{})
				sid := h.open()
				c := h.ws("&sid=" + sid)
				start := time.Now()
				if stage == "probed" {
					c.send("2probe")
					c.expect("3probe")
				}
				c.expectEnd()
				assert.Equal(t, "closed after", time.Since(start), 10*time.Second)
				h.answered(h.poll(sid), "2") // the heartbeat was not held up
				assert.Equal(t, "ping after", time.Since(start), 25*time.Second)
				h.alive()
				h.upgradeAgain(sid)
			})
		})
	}
	t.Run("none", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h := serveIn(t, setup{opts: engine.Options{UpgradeTimeout: -1, PingInterval: time.Hour}})
			sid := h.open()
			c := h.probe(sid)
			<-time.After(30 * time.Minute)
			c.send("5", "4x")
			c.expect("4x")
		})
	})
}

// TestNoops: the poll that waits is ended at once, those that follow while
// the client upgrades after a moment; after that polls wait as ever.
func TestNoops(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{})
		start := time.Now()
		sid := h.open()
		poll := h.poll(sid)
		h.probe(sid)
		h.answered(poll, "6")
		assert.Equal(t, "first noop", time.Since(start), 0)
		h.answered(h.poll(sid), "6")
		assert.Equal(t, "second noop", time.Since(start), 100*time.Millisecond)
		poll = h.poll(sid)
		assert.NoError(t, h.session().Send(text("x")))
		h.answered(poll, "4x")
		assert.Equal(t, "no delay", time.Since(start), 100*time.Millisecond)
		<-time.After(10 * time.Second) // the upgrade is given up
		h.answered(h.poll(sid), "2")
		assert.Equal(t, "ping", time.Since(start), 25*time.Second)
	})
}

// TestQueueMoves: what no poll has taken follows on the WebSocket, in order,
// before what is sent later.
func TestQueueMoves(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		sid := h.open()
		s := h.session()
		c := h.probe(sid)
		for i := range 10 {
			assert.NoError(t, s.Send(text(fmt.Sprint(i)), engine.Binary([]byte{byte(i)})))
		}
		c.send("5")
		for i := range 10 {
			c.expect("4" + fmt.Sprint(i))
			op, got := c.next()
			assert.Equal(t, "binary", got, string(rune(i)))
			assert.Equal(t, "opcode", op, autobahn.Binary)
		}
		assert.NoError(t, s.Send(text("later")))
		c.expect("4later")
	})
}

// TestPostInFlight: the upgrade waits for the POST in flight, whose packets
// the client sent before; no other POST gets in between.
func TestPostInFlight(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		sid := h.open()
		s := h.session()
		c := h.probe(sid)
		body, posted := h.slowPost(sid, "4first\x1e4se")
		c.send("5", "4third")
		_, err := body.Write([]byte("cond"))
		assert.NoError(t, err)
		assert.Equal(t, "transport", s.Transport(), engine.Polling)
		assert.NoError(t, body.Close())
		await(h, "the POST", posted).refused(t, 200, "ok")
		c.expect("4first", "4second", "4third")
	})
}

// TestPostInFlightThenEnd: the upgrade does not wait for a POST of a session
// that has ended, and nor does Shutdown.
func TestPostInFlightThenEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{opts: engine.Options{BodyTimeout: -1}})
		sid := h.open()
		c := h.probe(sid)
		body, posted := h.slowPost(sid, "4")
		c.send("5")
		synctest.Wait() // the upgrade waits
		h.srv.Close()
		h.ended(engine.ReasonServerShuttingDown)
		if op, _, err := c.read(); err == nil { // the upgrade, which waits no more, may be the first to notice
			assert.Equal(t, "a close frame", op, 8)
			c.expectEnd()
		}
		await(h, "the POST", posted).refused(t, 400, badRequest) // before the body ends: the server closes the connection
		assert.NoError(t, body.Close())
	})
}

// TestPollAtUpgrade: a GET that the client has not let end.
func TestPollAtUpgrade(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{opts: engine.Options{SendBuffer: 1000}})
		sid := h.open()
		s := h.session()
		c := h.probe(sid)
		poll := h.poll(sid) // its noop would be due in 100 ms
		c.send("5", "4x")
		h.answered(poll, "6") // the reference answers 1
		c.expect("4x")
		assert.NoError(t, s.Send(text(strings.Repeat("x", 900)))) // what counts as queued is still right
		assert.Equal(t, "kept", len(read1(c)), 901)
		h.alive()
	})
}

func read1(c *client) string {
	c.t.Helper()
	_, s := c.next()
	return s
}

// TestPollDroppedAtUpgrade: before the upgrade a GET that goes ends the
// session, after it nobody minds. Which of them comes first is a race; there
// is nothing in between.
func TestPollDroppedAtUpgrade(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		for range 30 {
			sid := h.open()
			s := h.session()
			c := h.probe(sid)
			ctx, cancel := context.WithCancel(context.Background())
			poll := h.pollWith(ctx, sid)
			c.raw(frames(textFrame("5"), textFrame("4x")))
			cancel()
			await(h, "the poll", poll)
			if _, got, err := c.read(); err == nil && string(got) == "4x" {
				assert.Equal(t, "transport", s.Transport(), engine.WebSocket)
				h.alive()
				c.raw(frames(closeFrame(1000)))
				c.expectClose(1000)
				h.ended(engine.ReasonTransportClose)
				continue
			}
			h.ended(engine.ReasonTransportError)
		}
	})
}

// TestPostAtUpgrade: a client that POSTs and upgrades at once, which it must
// not, does not get two messages handled at a time (receiver looks for that).
func TestPostAtUpgrade(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		a := newApp()
		a.message = func(*engine.Session, []byte, bool) error {
			runtime.Gosched()
			return nil
		}
		h := serve(t, setup{app: a})
		many := strings.Repeat("4x\x1e", 100) + "4x"
		var flood []autobahn.Frame
		for range 100 {
			flood = append(flood, textFrame("4y"))
		}
		for range 30 {
			sid := h.open()
			c := h.probe(sid)
			posted := make(chan reply, 1)
			go func() {
				posted <- h.try(request{method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader(many)})
			}()
			c.raw(append(frames(textFrame("5")), frames(append(flood, closeFrame(1000))...)...))
			c.expectClose(1000)
			h.ended(engine.ReasonTransportClose)
			r := await(h, "the POST", posted)
			assert.True(t, "taken or refused: "+r.body, r.body == "ok" || r.body == badRequest || r.body == unknown)
		}
	})
}

// TestProbeEnds: the ways in which the new WebSocket goes before it is the
// session's; polling never minds.
func TestProbeEnds(t *testing.T) {
	t.Parallel()
	ends := map[string]func(c *client){
		"close frame": func(c *client) {
			c.raw(frames(closeFrame(1001)))
			c.expectClose(1001)
			c.expectEnd()
		},
		"FIN": func(c *client) { _ = c.conn.Close() },
		"RST": (*client).reset,
		"broken": func(c *client) {
			c.raw([]byte{0xF1, 0x80})
			c.expectClose(1002)
			_ = c.conn.Close()
		},
		"too big": func(c *client) {
			c.raw([]byte{0x82, 0xFF, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4})
			c.expectClose(1009)
			_ = c.conn.Close()
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{})
				sid := h.open()
				poll := h.poll(sid)
				c := h.probe(sid)
				h.answered(poll, "6")
				end(c)
				synctest.Wait()
				h.posted(sid, "4x")
				assert.Equal(t, "echo", h.get(sid).body, "4x")
				h.upgradeAgain(sid)
				h.alive()
			})
		})
	}
}

// TestUpgradeEarlyData: the whole upgrade in the segment of its request.
func TestUpgradeEarlyData(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		sid := h.open()
		c := h.dial()
		c.http(upgradeRequest("&transport=websocket&sid="+sid, keyHeaders) + string(frames(textFrame("2probe"), textFrame("5"), textFrame("4x"))))
		c.expect("3probe", "4x")
	})
}

// TestNoHijacker: a middleware's writer that cannot be hijacked is explained
// in the log, and clients stay on polling.
func TestNoHijacker(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		var log syncBuffer
		h := serve(t, setup{wrap: bare, opts: engine.Options{Logger: textLogger(&log)}})
		sid := h.open()
		for _, query := range []string{"", "&sid=" + sid} {
			res := h.dial().http(upgradeRequest("&transport=websocket"+query, keyHeaders))
			body, err := io.ReadAll(res.Body)
			assert.NoError(t, err)
			assert.Equal(t, "status", res.StatusCode, 501)
			assert.Equal(t, "body", string(body), badRequest)
		}
		assert.True(t, "explained: "+log.String(), strings.Contains(log.String(), "level=ERROR") &&
			strings.Contains(log.String(), "exclude the Socket.IO path") && strings.Contains(log.String(), "writer="))
		h.posted(sid, "4x")
		assert.Equal(t, "echo", h.get(sid).body, "4x")
		h.alive()
	})
}

// unwrapper is what most middlewares put around a ResponseWriter.
type unwrapper struct{ http.ResponseWriter }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// TestWrappedWriter: one that can be unwrapped does.
func TestWrappedWriter(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(unwrapper{w}, r) })
		}})
		c, _ := h.wsOpen("")
		c.send("4x")
		c.expect("4x")
	})
}
