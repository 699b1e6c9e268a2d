package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// TestWebSocket is a session with a client that is not ours.
func TestWebSocket(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		ctx := context.Background()
		c, res, err := websocket.Dial(ctx, h.base+"&transport=websocket", &websocket.DialOptions{HTTPClient: h.http})
		assert.NoError(t, err)
		_ = res
		c.SetReadLimit(-1)
		_, open, err := c.Read(ctx)
		assert.NoError(t, err)
		assert.True(t, "open packet", strings.HasPrefix(string(open), `0{"sid":"`))
		for _, size := range []int{0, 1, 124, 125, 126, 65534, 65535, 65536, 900_000} {
			want := "4" + strings.Repeat("x", size)
			assert.NoError(t, c.Write(ctx, websocket.MessageText, []byte(want)))
			typ, got, err := c.Read(ctx)
			assert.NoError(t, err)
			assert.Equal(t, "echo", string(got) == want && typ == websocket.MessageText, true)
			assert.NoError(t, c.Write(ctx, websocket.MessageBinary, []byte(want)))
			typ, got, err = c.Read(ctx)
			assert.NoError(t, err)
			assert.Equal(t, "binary echo", string(got) == want && typ == websocket.MessageBinary, true)
		}
		assert.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
		h.ended(engine.ReasonTransportClose)
	})
}

// TestWebSocketPackets walks the packets of a settled WebSocket.
func TestWebSocketPackets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		frame  autobahn.Frame
		reason engine.Reason // empty: the session lives, and answers
		answer string
	}{
		{"open", textFrame(`0{"sid":"x"}`), "", ""},
		{"empty open", textFrame("0"), "", ""},
		{"close", textFrame("1"), "", ""}, // WebSocket clients close the connection instead
		{"ping", textFrame("2"), engine.ReasonTransportError, ""},
		{"probe", textFrame("2probe"), engine.ReasonTransportError, ""},
		{"pong", textFrame("3"), "", ""},
		{"pong with data", textFrame("3xyz"), "", ""},
		{"message", textFrame("4a"), "", "4a"},
		{"empty message", textFrame("4"), "", "4"},
		{"upgrade", textFrame("5"), "", ""},
		{"noop", textFrame("6"), "", ""},
		{"no type", textFrame(""), engine.ReasonParseError, ""},
		{"unknown type", textFrame("7"), engine.ReasonParseError, ""},
		{"letter", textFrame("a"), engine.ReasonParseError, ""},
		{"sign", textFrame("-1"), engine.ReasonParseError, ""},
		{"Arabic digit", textFrame("\u0664"), engine.ReasonParseError, ""},
		{"separator", textFrame("\x1e"), engine.ReasonParseError, ""},
		{"binary", autobahn.Frame{Op: autobahn.Binary, Payload: []byte("2")}, "", "2"}, // always the data of a message
		{"empty binary", autobahn.Frame{Op: autobahn.Binary}, "", ""},
		{"base64", textFrame("bAQID"), "", "bAQID"}, // answered in kind
		{"broken base64", textFrame("b!"), engine.ReasonParseError, ""},
		{"WebSocket ping", autobahn.Frame{Op: autobahn.Ping, Payload: []byte("p")}, "", "p"},
		{"WebSocket pong", autobahn.Frame{Op: autobahn.Pong, Payload: []byte("p")}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{})
				c, _ := h.wsOpen("")
				c.raw(frames(tt.frame, textFrame("4behind")))
				if tt.reason != "" {
					c.expectClose(1005)
					h.ended(tt.reason)
					_ = c.conn.Close()
					return
				}
				if tt.answer != "" || tt.name == "empty binary" {
					_, got := c.next()
					assert.Equal(t, "answer", got, tt.answer)
				}
				c.expect("4behind")
				h.alive()
			})
		})
	}
}

// TestBase64 covers clients that cannot take binary frames: they say so in
// the query, or by what they send.
func TestBase64(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		c, _ := h.wsOpen("&b64=1")
		assert.NoError(t, h.session().Send(engine.Binary([]byte{1, 2, 3})))
		c.expect("bAQID")

		d, _ := h.wsOpen("")
		s := h.session()
		assert.NoError(t, s.Send(engine.Binary([]byte{1, 2, 3})))
		op, got := d.next()
		assert.Equal(t, "binary", got, "\x01\x02\x03")
		assert.Equal(t, "opcode", op, autobahn.Binary)
		d.send("b_-8") // URL-safe and unpadded
		d.expect("b/+8=")

		sid := sidOf(h.do(request{query: "&transport=polling&b64=1"}).body)
		assert.NoError(t, h.session().Send(engine.Binary([]byte{1, 2, 3})))
		assert.Equal(t, "poll", h.get(sid).body, "bAQID")
	})
}

// TestBase64Upgrade: each transport's own request says what the client takes:
// some ask for base64 on polling only. What is queued over the upgrade follows.
func TestBase64Upgrade(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		for _, tt := range []struct {
			polling, ws string
			want        string
		}{
			{"", "", "\x01\x02\x03"},
			{"&b64=1", "", "\x01\x02\x03"},
			{"", "&b64=1", "bAQID"},
			{"&b64=1", "&b64=1", "bAQID"},
		} {
			h := serve(t, setup{})
			sid := sidOf(h.do(request{query: "&transport=polling" + tt.polling}).body)
			s := h.session()
			c := h.ws("&sid=" + sid + tt.ws)
			c.send("2probe")
			c.expect("3probe")
			assert.NoError(t, s.Send(engine.Binary([]byte{1, 2, 3}), engine.Binary([]byte{1, 2, 3})))
			c.send("5")
			for range 2 {
				_, got := c.next()
				assert.Equal(t, "queued", got, tt.want)
			}
			assert.NoError(t, s.Send(engine.Binary([]byte{1, 2, 3})))
			_, got := c.next()
			assert.Equal(t, "after", got, tt.want)
			c.send("bAQID") // answered in kind
			c.expect("bAQID")
		}
	})
}

// TestEarlyData: a frame in the same segment as the request is not lost.
func TestEarlyData(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		c := h.dial()
		res := c.http(upgradeRequest("&transport=websocket", keyHeaders) + string(frames(textFrame("4one"), textFrame("4two"))))
		assert.Equal(t, "status", res.StatusCode, 101)
		_, open := c.next()
		assert.True(t, "open packet", strings.HasPrefix(open, "0{"))
		c.expect("4one", "4two")
	})
}

// TestMessageError: the application refuses a message.
func TestMessageError(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		refusal := errors.New("no")
		a := newApp()
		a.message = func(*engine.Session, []byte, bool) error { return refusal }
		h := serve(t, setup{app: a})
		c, _ := h.wsOpen("")
		c.send("4x")
		c.expectClose(1005)
		assert.ErrorIs(t, h.ended(engine.ReasonForcedClose), refusal)
		_ = c.conn.Close()

		sid := h.open()
		poll := h.poll(sid)
		h.post(sid, "4x").refused(t, 400, badRequest)
		assert.ErrorIs(t, h.ended(engine.ReasonForcedClose), refusal)
		h.answered(poll, "1")
	})
}

// TestSendOrder sends from many goroutines: each one's messages stay in
// order, and those of one call stay together.
func TestSendOrder(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		c, _ := h.wsOpen("")
		s := h.session()
		const senders, rounds = 8, 100
		for i := range senders {
			go func() {
				for n := range rounds {
					m := string(rune('a'+i)) + string(rune(n))
					_ = s.Send(text(m), engine.Binary([]byte(m)))
				}
			}()
		}
		var next [senders]rune
		for range senders * rounds {
			_, first := c.next()
			_, second := c.next()
			assert.Equal(t, "pair", "4"+second, first)
			i := second[0] - 'a'
			assert.Equal(t, "order", second[1:], string(next[i]))
			next[i]++
		}
	})
}
