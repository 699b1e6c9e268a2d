package mounttest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// Requests as no client library sends them.

// rawAnswer is the head of an answer, and what is behind it: its body, and the
// connection.
type rawAnswer struct {
	StatusCode int
	Header     http.Header
	Body       io.Reader
}

// raw sends a request with these lines of header.
func (c *Client) raw(method, query, version string, lines []string, body string) (rawAnswer, *bufio.Reader) {
	c.t.Helper()
	conn, u := c.connect()
	head := fmt.Sprintf("%s %s/%s %s\r\nHost: %s\r\n", method, u.Path, query, version, u.Host)
	for _, l := range lines {
		head += l + "\r\n"
	}
	_, _ = io.WriteString(conn, head+"\r\n"+body) // who refuses may close before all is read: the answer decides
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil) //nolint:bodyclose,nolintlint // the connection ends with the test
	assert.NoError(c.t, err)
	return rawAnswer{resp.StatusCode, resp.Header, resp.Body}, br
}

var upgradeLines = []string{
	"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
}

// frame is one that a client sends, of less than 126 bytes.
func frame(text string) string {
	return string([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}) + text
}

// forms: what could be read in two ways is refused, however the front reads it,
// and no answer quotes the client.
func forms(t *testing.T, app *App, c *Client) {
	const polling, ws, http11 = "?EIO=4&transport=polling", "?EIO=4&transport=websocket", "HTTP/1.1"
	with := func(lines ...string) []string { return append(append([]string(nil), upgradeLines...), lines...) }
	s := c.Open()
	Wait(t, "the socket", app.Connected)
	sid := "&sid=" + s.ID
	const mark = "clients-own-bytes"
	for _, tt := range []struct {
		name, method, query, version string
		lines                        []string
		body                         string
		status                       int
	}{
		{"upgrade", "GET", ws, http11, with(), "", 101},
		{"upgrade by HTTP/1.0", "GET", ws, "HTTP/1.0", with(), "", 426},
		{"upgrade with a body", "GET", ws, http11, with("Content-Length: 8"), frame("40"), 400},
		{"upgrade with a body in chunks", "GET", ws, http11, with("Transfer-Encoding: chunked"), "8\r\n" + frame("40") + "\r\n0\r\n\r\n", 400},
		{"upgrade of a session with a body", "GET", ws + sid, http11, with("Content-Length: 12"), frame("2probe"), 400},
		{"upgrade by POST", "POST", ws + sid, http11, with("Content-Length: 2"), "40", 400},
		{"upgrade with an empty body", "GET", ws, http11, with("Content-Length: 0"), "", 101},
		{"POST that speaks of an upgrade", "POST", polling + sid, http11, []string{"Upgrade: websocket", "Content-Length: 1"}, "3", 200},
		{"upgrade among others", "GET", ws, http11, append([]string{"Upgrade: h2c"}, upgradeLines...), "", 101},
		{"two origins", "GET", polling, http11, []string{"Origin: " + Origin, "Origin: https://evil.example"}, "", 400},
		{"two origins, one empty", "GET", polling, http11, []string{"Origin:", "Origin: https://evil.example"}, "", 400},
		{"two origins of a WebSocket", "GET", ws, http11, with("Origin: "+Origin, "Origin: https://evil.example"), "", 400},
		{"two hosts", "GET", polling, http11, []string{"Host: evil.example", "Origin: http://evil.example"}, "", 400},
		{"two content types", "POST", polling + sid, http11, []string{"Content-Type: application/octet-stream", "Content-Type: text/plain", "Content-Length: 1"}, "3", 400},
		{"two keys", "GET", ws, http11, with("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), "", 400},
		{"two versions", "GET", ws, http11, with("Sec-WebSocket-Version: 8"), "", 400},
		{"two sids", "GET", polling + "&sid=" + sid, http11, nil, "", 400},
		{"GET with a body", "GET", polling, http11, []string{"Content-Length: 2"}, "40", 200},
		{"script with a body", "GET", "socket.io.js", http11, []string{"Content-Length: 2"}, "40", 200},
		{"preflight with a body", "OPTIONS", "", http11, []string{"Origin: " + Origin, "Access-Control-Request-Method: POST", "Content-Length: 2"}, "40", 204},
		{"large header", "GET", polling, http11, []string{"Cookie: " + strings.Repeat("c", 20_000)}, "", 431},
		{"large header of a WebSocket", "GET", ws, http11, with("Cookie: " + strings.Repeat("c", 20_000)), "", 431},
		{"key", "GET", ws, http11, append([]string{"Sec-WebSocket-Key: " + strings.Repeat(mark, 100)}, upgradeLines[:3]...), "", 400},
		{"version", "GET", ws, http11, append([]string{"Sec-WebSocket-Version: " + mark}, upgradeLines[:2]...), "", 400},
		{"preflight for odd names", "OPTIONS", "", http11, []string{"Origin: " + Origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: " + mark + " x"}, "", 204},
	} {
		resp, br := c.raw(tt.method, tt.query, tt.version, tt.lines, tt.body)
		if resp.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, resp.StatusCode, tt.status)
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			if p := readFrame(t, br); !strings.HasPrefix(p, "0{") {
				t.Errorf("%s: %q", tt.name, p)
			}
			continue
		}
		b, err := io.ReadAll(resp.Body)
		assert.NoError(t, err)
		if quoted := fmt.Sprint(resp.Header, string(b)); strings.Contains(quoted, mark) {
			t.Errorf("%s: the answer quotes the client: %s", tt.name, quoted)
		}
	}
	s.Echo("untouched")
	assert.Equal(t, "sockets", len(app.Connected), 0)
	resp, _ := c.raw("POST", polling+sid, http11, []string{"Content-Encoding: gzip", "Content-Length: 1"}, "3")
	assert.Equal(t, "encoded", resp.StatusCode, http.StatusUnsupportedMediaType)
	assert.Equal(t, "what it ends", Wait(t, "the disconnect", app.Gone), socketio.ReasonTransportError)
}

// SlowBodies checks a mount at which bodies arrive in part only, in virtual time:
// the request is answered all the same, and its connection ends.
func SlowBodies(t *testing.T, mount Mount) {
	t.Helper()
	limits := socketio.Limits{BodyTimeout: time.Second, CloseTimeout: time.Second}
	mount.virtual(t, socketio.Options{Limits: limits}, slowBodies)
}

func slowBodies(t *testing.T, _ *App, c *Client) {
	const polling = "?EIO=4&transport=polling"
	for _, tt := range []struct {
		name, method, query string
		lines               []string
		status              int
	}{
		{"slow", "POST", polling + "&sid=SID", nil, 408},
		{"unknown sid", "POST", polling + "&sid=nobody", nil, 400},
		{"foreign origin", "POST", polling + "&sid=SID", []string{"Origin: https://evil.example"}, 403},
		{"octets", "POST", polling + "&sid=SID", []string{"Content-Type: application/octet-stream"}, 400},
		{"method", "PUT", polling + "&sid=SID", nil, 405},
		{"GET", "GET", polling, nil, 400},
		{"script", "POST", "socket.io.js", nil, 405},
		{"preflight", "OPTIONS", "", []string{"Origin: " + Origin, "Access-Control-Request-Method: POST"}, 400},
		{"upgrade", "GET", "?EIO=4&transport=websocket", upgradeLines, 400},
	} {
		for _, length := range []string{"Content-Length: 900000", "Content-Length: 9", "Transfer-Encoding: chunked"} {
			s := c.Open()
			part := "4"
			if length[0] == 'T' {
				part = "9\r\n4"
			}
			resp, br := c.raw(tt.method, strings.Replace(tt.query, "SID", s.ID, 1), "HTTP/1.1", append([]string{length}, tt.lines...), part)
			if resp.StatusCode != tt.status {
				t.Errorf("%s, %s: status %d, want %d", tt.name, length, resp.StatusCode, tt.status)
			}
			_, err := io.Copy(io.Discard, resp.Body)
			assert.NoError(t, err)
			if _, err = br.ReadByte(); !ended(err) {
				t.Errorf("%s, %s: the connection goes on: %v", tt.name, length, err)
			}
		}
	}
}

// SlowBody opens a session and POSTs a body with this length of which only a part
// comes, in virtual time. It returns the status of the answer once the connection
// has ended.
func SlowBody(t *testing.T, limits socketio.Limits, length, part string, mount Mount) (status int) {
	t.Helper()
	mount.virtual(t, socketio.Options{Limits: limits}, func(t *testing.T, _ *App, c *Client) {
		resp, br := c.raw("POST", "?EIO=4&transport=polling&sid="+c.Open().ID, "HTTP/1.1", []string{length}, part)
		_, err := io.Copy(io.Discard, resp.Body)
		assert.NoError(t, err)
		if _, err = br.ReadByte(); !ended(err) {
			t.Errorf("%s: the connection goes on: %v", length, err)
		}
		status = resp.StatusCode
	})
	return status
}

// ended reports whether it was the server that ended a connection.
func ended(err error) bool {
	return err != nil && !strings.Contains(err.Error(), net.ErrClosed.Error())
}
