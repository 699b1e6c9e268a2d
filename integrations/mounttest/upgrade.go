package mounttest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// What client and server agree on in the 101 has to pass the framework.

// compressed: permessage-deflate is agreed on, directly and in an upgrade, and
// what is sent then arrives.
func compressed(t *testing.T, c *Client) {
	t.Helper()
	c.Compression = websocket.CompressionNoContextTakeover
	direct, upgraded := c.Dial(), c.Open()
	upgraded.Upgrade()
	for _, s := range []*Session{direct, upgraded} {
		assert.Equal(t, "extensions", s.extensions, "permessage-deflate; server_no_context_takeover; client_no_context_takeover")
		exchange(s)
	}
}

// subprotocol: the application chooses among all that the client offers, and the
// 101 says which; what was not offered, and none, is none.
func subprotocol(t *testing.T, mount Mount) {
	t.Helper()
	offer := []string{"chat.v1", "chat.v2"}
	for name, tt := range map[string]struct {
		choose func(r *http.Request, offered []string) string
		offer  []string
		want   []string
	}{
		"the first":         {nil, offer, offer[:1]},
		"the application's": {func(_ *http.Request, offered []string) string { return offered[len(offered)-1] }, offer, offer[1:]},
		"not offered":       {func(*http.Request, []string) string { return "chat.v3" }, offer, nil},
		"none":              {func(*http.Request, []string) string { return "" }, offer, nil},
		"nothing offered":   {nil, nil, nil},
	} {
		app := NewAppWith(t, socketio.Options{Subprotocol: tt.choose})
		c := mount.client(t, app.Server)
		c.Subprotocols = tt.offer
		direct := c.Dial()
		socket := Wait(t, "the socket", app.Connected)
		assert.Equal(t, name+": 101", direct.First.Values("Sec-WebSocket-Protocol"), tt.want)
		assert.Equal(t, name+": WebSocket", socket.Subprotocol(), strings.Join(tt.want, ""))
		s := c.Open()
		socket = Wait(t, "the socket", app.Connected)
		assert.Equal(t, name+": polling", socket.Subprotocol(), "")
		s.First = nil // to be that of the 101
		s.Upgrade()
		assert.Equal(t, name+": 101 of the upgrade", s.First.Values("Sec-WebSocket-Protocol"), tt.want)
		assert.Equal(t, name+": upgraded", socket.Subprotocol(), strings.Join(tt.want, ""))
		exchange(s)
	}
}

// openDelay: the 101 goes out at once, the first packet when the delay is over:
// what is between the server and the connection holds neither back. The
// framework's proxies count like any other.
func openDelay(t *testing.T, mount Mount) {
	t.Helper()
	const standard = 20 * time.Millisecond
	for name, tt := range map[string]struct {
		option time.Duration
		header string
		want   time.Duration
	}{
		"direct":            {0, "X-Other: 1", 0},
		"behind a proxy":    {0, "Via: 1.1 edge", standard},
		"X-Forwarded-For":   {0, "X-Forwarded-For: 203.0.113.9", standard},
		"switched off":      {-1, "Via: 1.1 edge", 0},
		"the application's": {time.Second, "X-Other: 1", time.Second},
	} {
		mount.virtual(t, socketio.Options{OpenDelay: tt.option}, func(t *testing.T, _ *App, c *Client) {
			begun := time.Now()
			resp, br := c.raw("GET", "?EIO=4&transport=websocket", "HTTP/1.1", append([]string{tt.header}, upgradeLines...), "")
			assert.Equal(t, name+": status", resp.StatusCode, http.StatusSwitchingProtocols)
			assert.Equal(t, name+": until the 101", time.Since(begun), 0)
			if tt.want > 0 {
				assert.Equal(t, name+": bytes that came with the 101", br.Buffered(), 0)
			}
			packet := readFrame(t, br)
			assert.True(t, name+": "+packet, strings.HasPrefix(packet, "0{"))
			assert.Equal(t, name+": until the first packet", time.Since(begun), tt.want)
		})
	}
}
