package engine_test

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
	"github.com/gosio/gosio/internal/assert"
)

// client is a WebSocket client that does only what it is told.
type client struct {
	t    *testing.T
	conn net.Conn
	br   *bufio.Reader
}

// dial connects without saying anything.
func (h *host) dial() *client {
	h.t.Helper()
	conn, err := h.connect()
	assert.NoError(h.t, err)
	h.t.Cleanup(func() { _ = conn.Close() })
	assert.NoError(h.t, conn.SetDeadline(time.Now().Add(h.patience)))
	c := &client{t: h.t, conn: conn}
	c.br = newReader(c)
	return c
}

func newReader(c *client) *bufio.Reader { return bufio.NewReader(c.conn) }

const keyHeaders = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"

// upgradeRequest is the request that opens a WebSocket.
func upgradeRequest(query, headers string) string {
	return "GET /engine.io/?EIO=4" + query + " HTTP/1.1\r\nHost: example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		headers + "\r\n"
}

// http sends a request, and bytes behind it, and reads the answer's head.
func (c *client) http(raw string) *http.Response {
	c.t.Helper()
	c.raw([]byte(raw))
	res, err := http.ReadResponse(c.br, nil)
	assert.NoError(c.t, err)
	return res
}

// ws opens a WebSocket.
func (h *host) ws(query string) *client {
	h.t.Helper()
	c := h.dial()
	res := c.http(upgradeRequest("&transport=websocket"+query, keyHeaders))
	assert.Equal(h.t, "status", res.StatusCode, http.StatusSwitchingProtocols)
	assert.Equal(h.t, "accept", res.Header.Get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
	return c
}

// wsOpen opens a session on WebSocket and reads its open packet.
func (h *host) wsOpen(query string) (c *client, sid string) {
	h.t.Helper()
	c = h.ws(query)
	op, packet := c.next()
	assert.Equal(h.t, "opcode", op, autobahn.Text)
	assert.True(h.t, "open packet", strings.HasPrefix(packet, `0{"sid":"`))
	return c, sidOf(packet)
}

func (c *client) raw(b []byte) {
	c.t.Helper()
	_, err := c.conn.Write(b)
	assert.NoError(c.t, err)
}

var mask = [4]byte{1, 2, 3, 4}

// frames returns frames as a client sends them.
func frames(fs ...autobahn.Frame) []byte {
	var wire []byte
	for _, f := range fs {
		wire = f.Append(wire, mask)
	}
	return wire
}

func textFrame(s string) autobahn.Frame { return autobahn.Frame{Op: autobahn.Text, Payload: []byte(s)} }

func closeFrame(code int) autobahn.Frame {
	return autobahn.Frame{Op: autobahn.Close, Payload: binary.BigEndian.AppendUint16(nil, uint16(code))}
}

func (c *client) send(packets ...string) {
	c.t.Helper()
	var wire []byte
	for _, p := range packets {
		wire = textFrame(p).Append(wire, mask)
	}
	c.raw(wire)
}

// read reads one frame.
func (c *client) read() (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(c.br, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0]&0xF0 != 0x80 || head[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("a server's frame must be whole, bare and unmasked: %x", head)
	}
	n := uint64(head[1])
	if n >= 126 {
		ext := make([]byte, 2+6*(n-126))
		if _, err := io.ReadFull(c.br, ext); err != nil {
			return 0, nil, err
		}
		n = 0
		for _, b := range ext {
			n = n<<8 | uint64(b)
		}
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(c.br, payload)
	return head[0] & 0xF, payload, err
}

func (c *client) next() (op byte, payload string) {
	c.t.Helper()
	op, b, err := c.read()
	assert.NoError(c.t, err)
	return op, string(b)
}

// expect reads text frames.
func (c *client) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		op, got := c.next()
		assert.Equal(c.t, "packet", got, w)
		assert.Equal(c.t, "opcode", op, autobahn.Text)
	}
}

// expectClose reads a close frame with this code, 1005 for none, and the end
// of the connection behind it.
func (c *client) expectClose(code int) {
	c.t.Helper()
	op, payload := c.next()
	assert.Equal(c.t, "opcode", op, autobahn.Close)
	got := 1005
	if len(payload) >= 2 {
		got = int(binary.BigEndian.Uint16([]byte(payload)))
	}
	assert.Equal(c.t, "close code", got, code)
}

// expectEnd reads the end of the connection.
func (c *client) expectEnd() {
	c.t.Helper()
	op, payload, err := c.read()
	if err == nil {
		c.t.Fatalf("connection goes on: %d %q", op, payload)
	}
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		c.t.Fatal("connection is not closed")
	}
}

// reset closes the connection so that the peer gets a reset.
func (c *client) reset() {
	switch conn := c.conn.(type) {
	case *net.TCPConn:
		_ = conn.SetLinger(0)
		_ = conn.Close()
	case interface{ Cut() }:
		conn.Cut()
	}
}

func decode(b64 string) string {
	b, _ := base64.StdEncoding.DecodeString(b64)
	return string(b)
}
