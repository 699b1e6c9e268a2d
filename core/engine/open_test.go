package engine_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// TestSubprotocol: the 101 names one that was offered and is a token, the default
// the first; the session tells which, also after an upgrade.
func TestSubprotocol(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 257)
	second := func(_ *http.Request, offered []string) string { return offered[1] }
	for name, tt := range map[string]struct {
		offer  string
		choose func(*http.Request, []string) string
		want   string
	}{
		"none":           {"", second, ""},
		"one":            {"Sec-WebSocket-Protocol: chat.v2\r\n", nil, "chat.v2"},
		"several":        {"Sec-WebSocket-Protocol: chat.v2 , chat.v1\r\n", nil, "chat.v2"},
		"headers":        {"Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n", second, "b"},
		"no token":       {"Sec-WebSocket-Protocol: a b, c\"d, (e), caf\xe9, ,, ok\r\n", nil, "ok"},
		"no token alone": {"Sec-WebSocket-Protocol: a/b\r\n", second, ""},
		"longest":        {"Sec-WebSocket-Protocol: " + long + ", " + long[1:] + "\r\n", nil, long[1:]},
		"refused":        {"Sec-WebSocket-Protocol: a\r\n", func(*http.Request, []string) string { return "" }, ""},
		"not offered":    {"Sec-WebSocket-Protocol: a\r\n", func(*http.Request, []string) string { return "x\r\nSet-Cookie: y" }, ""},
		"most": {"Sec-WebSocket-Protocol: " + strings.Repeat("a,", 1000) + "b\r\n", func(_ *http.Request, offered []string) string {
			if len(offered) != 32 || slices.Contains(offered, "b") {
				return ""
			}
			return "a"
		}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{Subprotocol: tt.choose}})
				want := []string{tt.want}
				if tt.want == "" {
					want = nil
				}
				res := h.dial().http(upgradeRequest("&transport=websocket", keyHeaders+tt.offer))
				assert.Equal(t, "status", res.StatusCode, 101)
				assert.Equal(t, "answer", strings.Join(res.Header["Sec-Websocket-Protocol"], "|"), strings.Join(want, "|"))
				assert.Equal(t, "session", h.session().Subprotocol(), tt.want)
				sid := h.open()
				s := h.session()
				assert.Equal(t, "polling", s.Subprotocol(), "")
				c := h.dial()
				res = c.http(upgradeRequest("&transport=websocket&sid="+sid, keyHeaders+tt.offer))
				assert.Equal(t, "upgrade", strings.Join(res.Header["Sec-Websocket-Protocol"], "|"), strings.Join(want, "|"))
				c.send("5", "4x")
				c.expect("4x")
				assert.Equal(t, "upgraded session", s.Subprotocol(), tt.want)
			})
		})
	}
}

// TestOpenDelay: behind a proxy there is time between the 101 and the open packet,
// so that nobody reads them at once; what the client sends meanwhile is taken, and
// the order stays.
func TestOpenDelay(t *testing.T) {
	t.Parallel()
	const standard = 20 * time.Millisecond
	for name, tt := range map[string]struct {
		header string
		option time.Duration
		want   time.Duration
	}{
		"direct":           {"", 0, 0},
		"browser":          {"User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n", 0, 0},
		"Via":              {"Via: 2 edge\r\n", 0, standard},
		"Forwarded":        {"Forwarded: for=192.0.2.1\r\n", 0, standard},
		"X-Forwarded-For":  {"X-Forwarded-For: 192.0.2.1\r\n", 0, standard},
		"X-Forwarded-Host": {"X-Forwarded-Host: example\r\n", 0, standard},
		"X-Real-IP":        {"X-Real-IP: 192.0.2.1\r\n", 0, standard},
		"Cloudflare":       {"CF-Ray: 1\r\n", 0, standard},
		"microcontroller":  {"User-Agent: arduino-WebSocket-Client\r\n", 0, standard},
		"off":              {"Via: 2 edge\r\n", -1, 0},
		"all":              {"", time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{opts: engine.Options{OpenDelay: tt.option}})
				begun := time.Now()
				c := h.dial()
				res := c.http(upgradeRequest("&transport=websocket", keyHeaders+tt.header))
				assert.Equal(t, "status", res.StatusCode, 101)
				c.send("4a")
				synctest.Wait()
				if tt.want > 0 {
					assert.Equal(t, "bytes that came with the 101", c.br.Buffered(), 0)
				}
				op, packet := c.next()
				assert.True(t, "open packet", op == 1 && strings.HasPrefix(packet, "0{"))
				assert.Equal(t, "delay", time.Since(begun), tt.want)
				c.expect("4a")
			})
		})
	}
}

// TestOpenDelayEnds: a session that ends meanwhile sends all it has, and leaves
// nothing behind.
func TestOpenDelayEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do     func(h *host, c *client)
		reason engine.Reason
	}{
		"client":   {func(_ *host, c *client) { c.raw(frames(closeFrame(1000))) }, engine.ReasonTransportClose},
		"gone":     {func(_ *host, c *client) { c.reset() }, engine.ReasonTransportClose},
		"bad":      {func(_ *host, c *client) { c.send("9") }, engine.ReasonParseError},
		"Close":    {func(h *host, _ *client) { h.session().Close() }, engine.ReasonForcedClose},
		"Shutdown": {func(h *host, _ *client) { h.srv.Close() }, engine.ReasonServerShuttingDown},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				delay := time.Hour
				if name == "Close" { // waits for it, to say goodbye
					delay = time.Second
				}
				h, begun := serveIn(t, setup{opts: engine.Options{OpenDelay: delay}}), time.Now()
				c := h.dial()
				assert.Equal(t, "status", c.http(upgradeRequest("&transport=websocket", keyHeaders)).StatusCode, 101)
				tt.do(h, c)
				h.ended(tt.reason)
				if name == "Close" || name == "bad" || name == "client" {
					_, packet := c.next()
					assert.True(t, "open packet", strings.HasPrefix(packet, "0{"))
					op, _ := c.next()
					assert.Equal(t, "close frame", op, 8)
				}
				_ = c.conn.Close()
				h.forgotten()
				assert.True(t, "soon", time.Since(begun) < time.Minute)
			})
		})
	}
}
