package docs_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// strictRow is what a row of strictness.md is held to. name begins its first
// cell. A request's row has requests, each answered with the status codes of the
// second cell, in their order; a packet's has conversations, each of which ends
// the connection.
type strictRow struct {
	name     string
	opts     socketio.Options
	requests func(t *testing.T, s *strictServer) []int
	sent     [][]string // over WebSocket, each after CONNECT, message by message
	posted   bool       // requests end the session, too
	wire     [][]byte   // frames, each on a WebSocket of its own
}

var strictRequests = []strictRow{
	{name: "a request whose `Origin`", requests: one("GET", polling, "Origin: https://other.example\r\n", "")},
	{name: "a URL and a header", requests: one("GET", polling+"&q="+strings.Repeat("q", 16<<10), "", "")},
	{name: "a parameter of the protocol", requests: each(
		request{"GET", polling + "&EIO=4", "", ""},
		request{"GET", polling, "Origin: http://example\r\nOrigin: http://example\r\n", ""},
	)},
	{name: "a body of an upgrade", requests: each(
		request{"GET", webSocket, upgrade + "Content-Length: 1\r\n", "x"},
		request{"GET", polling, "Content-Length: 65537\r\n", strings.Repeat("x", 65537)},
	)},
	{name: "a body with a `Content-Encoding`", requests: func(t *testing.T, s *strictServer) []int {
		return []int{s.status(t, request{"POST", polling + "&sid=" + s.open(t), "Content-Encoding: gzip\r\nContent-Length: 2\r\n", "40"})}
	}},
	{name: "a body that is not UTF-8", posted: true, requests: post("4\xff")},
	{name: "no `EIO`, or a revision", requests: each(
		request{"GET", "/socket.io/?transport=polling", "", ""},
		request{"GET", "/socket.io/?EIO=5&transport=polling", "", ""},
		request{"GET", "/socket.io/?EIO=3&transport=polling", "", ""}, // without AllowEIO3
	)},
	{name: "JSONP", opts: socketio.Options{AllowEIO3: true}, requests: one("GET", "/socket.io/?EIO=3&transport=polling&j=0", "", "")},
	{name: "an upgrade, with `NoUpgrade`", opts: socketio.Options{NoUpgrade: true}, requests: func(t *testing.T, s *strictServer) []int {
		sid := s.open(t)
		got := s.status(t, request{"GET", webSocket + "&sid=" + sid, upgrade, ""})
		assert.Equal(t, "polling goes on", s.status(t, request{"POST", polling + "&sid=" + sid, "Content-Length: 2\r\n", "40"}), 200)
		return []int{got}
	}},
	{name: "an upgrade with `transport=polling`", requests: func(t *testing.T, s *strictServer) []int {
		return []int{
			s.status(t, request{"GET", polling, upgrade, ""}),
			s.raw(t, "GET "+webSocket+" HTTP/1.0\r\nHost: example\r\n"+upgrade+"\r\n"),
			s.status(t, request{"POST", webSocket + "&sid=" + s.open(t), upgrade, ""}),
		}
	}},
	{
		name: "the session id of another user",
		opts: socketio.Options{Pin: func(r *http.Request) string { return r.Header.Get("X-User") }},
		requests: func(t *testing.T, s *strictServer) []int {
			return []int{s.status(t, request{"GET", polling + "&sid=" + s.open(t), "X-User: other\r\n", ""})}
		},
	},
}

var strictEngine = []strictRow{
	{name: "more than `Limits.Fragments`", opts: socketio.Options{Limits: socketio.Limits{Fragments: 2, ControlFrames: 3, MessageTimeout: 100 * time.Millisecond}}, wire: [][]byte{
		slices.Concat(frame(0x01, "4"), frame(0x00, "2"), frame(0x80, `["e"]`)),
		bytes.Repeat(frame(0x89, ""), 500), // a server that was held up has another second for them, some times
		frame(0x01, "4"),                   // and no more
	}},
	{name: "a body or a message over", opts: socketio.Options{Limits: socketio.Limits{MaxHTTPBufferSize: 100}}, posted: true, requests: post(`42["` + strings.Repeat("e", 100) + `"]`), sent: [][]string{
		{`42["` + strings.Repeat("e", 100) + `"]`},
	}},
	{name: "a body that takes longer", opts: socketio.Options{Limits: socketio.Limits{BodyTimeout: 100 * time.Millisecond}}, posted: true, requests: func(t *testing.T, s *strictServer) []int {
		s.sid = s.open(t)
		return []int{s.status(t, request{"POST", polling + "&sid=" + s.sid, "Content-Length: 2\r\n", "4"})} // and no more
	}},
	{name: "a ping from a client", sent: [][]string{{"2"}, {"7"}, {"x"}, {""}}},
}

var strictPackets = []strictRow{
	{name: "the id of an acknowledgement", sent: [][]string{{"439007199254740992[]"}, {"4300000000000000001[]"}, {"43 1[]"}}},
	{name: "an event without a name", sent: [][]string{{"42[]"}}},
	{name: "a number of attachments", sent: [][]string{
		{`45+1-["e",{"_placeholder":true,"num":0}]`},
		{`451-["e",{"_placeholder":true,"num":0.5}]`, "bytes"},
		{`451-["e",{"_placeholder":true,"num":1}]`, "bytes"},
		{`451-["e",{"_placeholder":true,"num":0,"num":{}}]`, "bytes"},
		{`451-["e"]`, "bytes"},
	}},
	{name: "JSON deeper than", sent: [][]string{
		{`42["e",` + strings.Repeat("[", 128) + strings.Repeat("]", 128) + `]`},
		{`42["` + strings.Repeat("e", 100_000) + `"]`},
		{"40/" + strings.Repeat("n", 100_000) + ","},
	}},
	{name: "an event with a [reserved name]", sent: [][]string{{`42["connect"]`}, {`42["disconnect"]`}, {`42[null]`}, {`42[{}]`}}},
	{name: "a second CONNECT for a namespace", sent: [][]string{{`40{"token":"another"}`}}},
}

// TestStrictness runs each row of strictness.md.
func TestStrictness(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("strictness.md")
	assert.NoError(t, err)
	sections := strings.Split(string(page), "\n## ")
	for i, rows := range [][]strictRow{strictRequests, strictEngine, strictPackets} {
		table := regexp.MustCompile(`(?m)^\| (.*) \|$`).FindAllStringSubmatch(sections[i+1], -1)[1:] // without its head
		assert.Equal(t, "rows of the table and of this test", len(table), len(rows))
		for at, row := range rows {
			cells := strings.Split(table[at][1], " | ")
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				if !strings.HasPrefix(cells[0], row.name) {
					t.Fatalf("the page has %q here", cells[0])
				}
				row.hold(t, regexp.MustCompile(`\b[45]\d\d\b`).FindAllString(cells[1], -1), i == 0)
			})
		}
	}
}

func (row strictRow) hold(t *testing.T, codes []string, answered bool) {
	if row.requests != nil {
		s := newStrictServer(t, row.opts)
		got := row.requests(t, s)
		for i, status := range got {
			want := codes
			if len(codes) > 1 {
				want = codes[i : i+1]
			}
			if answered && !slices.Contains(want, fmt.Sprint(status)) || status < 400 {
				t.Errorf("request %d: status %d, and the page says %v", i, status, want)
			}
		}
		if row.posted {
			assert.Equal(t, "the session after it", s.status(t, request{"GET", polling + "&sid=" + s.sid, "", ""}), 400)
		}
	}
	for _, packets := range row.sent {
		s := newStrictServer(t, row.opts)
		c := s.webSocket(t)
		c.send("40")
		c.until(t, "40")
		for _, packet := range packets {
			c.send(packet)
		}
		c.ends(t)
	}
	for _, frames := range row.wire {
		c := newStrictServer(t, row.opts).webSocket(t)
		c.send("40")
		c.until(t, "40")
		_, _ = c.Write(frames) // or the server has had enough
		c.ends(t)
	}
}

// TestKindness: what the page says is taken leaves the connection as it was.
func TestKindness(t *testing.T) {
	t.Parallel()
	for name, packets := range map[string][]string{
		"open packet":              {"0{}"},
		"upgrade packet":           {"5"},
		"noop packet":              {"6"},
		"pong":                     {"3"},
		"a WebSocket's 1":          {"1"},
		"a namespace that is left": {"40/chat,", "41/chat,", `42/chat,["e"]`, "43/chat,1[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newStrictServer(t, socketio.Options{}).webSocket(t)
			c.send("40")
			for _, packet := range packets {
				c.send(packet)
			}
			c.send(`427["echo"]`)
			c.until(t, "437[]")
		})
	}
	t.Run("base64", func(t *testing.T) {
		t.Parallel()
		s := newStrictServer(t, socketio.Options{})
		for _, text := range []string{"AA==", "AA", strings.Repeat("A", 76) + "\nAAAA\n"} {
			post := "40\x1e45" + `1-7["echo",{"_placeholder":true,"num":0}]` + "\x1eb" + text
			sid := s.open(t)
			assert.Equal(t, fmt.Sprintf("post of %q", text), s.status(t, request{"POST", polling + "&sid=" + sid, fmt.Sprintf("Content-Length: %d\r\n", len(post)), post}), 200)
			assert.Equal(t, "poll", s.status(t, request{"GET", polling + "&sid=" + sid, "", ""}), 200)
		}
	})
	for name, packets := range map[string][]string{
		"5 without a probe":      {"5"},
		"a probe more than once": {"2probe", "2probe", "5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStrictServer(t, socketio.Options{})
			c := s.dial(t, webSocket+"&sid="+s.open(t))
			c.send(packets...)
			c.send("40", `427["echo"]`)
			c.until(t, "437[]")
		})
	}
}

const (
	polling   = "/socket.io/?EIO=4&transport=polling"
	webSocket = "/socket.io/?EIO=4&transport=websocket"
	upgrade   = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

type request struct{ method, target, header, body string }

func one(method, target, header, body string) func(*testing.T, *strictServer) []int {
	return each(request{method, target, header, body})
}

func each(requests ...request) func(*testing.T, *strictServer) []int {
	return func(t *testing.T, s *strictServer) (all []int) {
		for _, r := range requests {
			all = append(all, s.status(t, r))
		}
		return all
	}
}

// post sends a body in a session.
func post(body string) func(*testing.T, *strictServer) []int {
	return func(t *testing.T, s *strictServer) []int {
		s.sid = s.open(t)
		return []int{s.status(t, request{"POST", polling + "&sid=" + s.sid, fmt.Sprintf("Content-Length: %d\r\n", len(body)), body})}
	}
}

// strictServer is a server on a socket, since its answers depend on the bytes.
type strictServer struct {
	address string
	sid     string // the session of post
}

func newStrictServer(t *testing.T, opts socketio.Options) *strictServer {
	t.Helper()
	opts.Logger = slog.New(slog.DiscardHandler)
	srv := socketio.NewServer(&opts)
	srv.Of("/chat")
	srv.On("echo", func() {})
	ts := httptest.NewServer(srv)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		assert.NoError(t, srv.Shutdown(ctx))
		ts.Close()
	})
	return &strictServer{address: ts.Listener.Addr().String()}
}

// peer is a TCP connection.
type peer struct {
	net.Conn
	in *bufio.Reader
}

func (s *strictServer) tcp(t *testing.T) peer {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	assert.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return peer{c, bufio.NewReader(c)}
}

func (s *strictServer) response(t *testing.T, raw string) *http.Response {
	t.Helper()
	c := s.tcp(t)
	go func() { _, _ = io.WriteString(c, raw) }() // the answer may come before the body is read
	res, err := http.ReadResponse(c.in, nil)
	assert.NoError(t, err)
	return res
}

func (s *strictServer) raw(t *testing.T, raw string) int {
	t.Helper()
	res := s.response(t, raw)
	_ = res.Body.Close()
	return res.StatusCode
}

func (s *strictServer) status(t *testing.T, r request) int {
	t.Helper()
	return s.raw(t, r.method+" "+r.target+" HTTP/1.1\r\nHost: example\r\n"+r.header+"\r\n"+r.body)
}

// open opens a session by polling, and returns its id.
func (s *strictServer) open(t *testing.T) string {
	t.Helper()
	res := s.response(t, "GET "+polling+" HTTP/1.1\r\nHost: example\r\n\r\n")
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	assert.NoError(t, err)
	sid := regexp.MustCompile(`"sid":"([^"]+)"`).FindSubmatch(body)
	assert.True(t, "a session", sid != nil)
	return string(sid[1])
}

func (s *strictServer) webSocket(t *testing.T) peer { return s.dial(t, webSocket) }

func (s *strictServer) dial(t *testing.T, target string) peer {
	t.Helper()
	c := s.tcp(t)
	_, err := io.WriteString(c, "GET "+target+" HTTP/1.1\r\nHost: example\r\n"+upgrade+"\r\n")
	assert.NoError(t, err)
	res, err := http.ReadResponse(c.in, nil)
	assert.NoError(t, err)
	assert.Equal(t, "status", res.StatusCode, http.StatusSwitchingProtocols)
	return c
}

// send writes messages, "bytes" a binary one.
func (c peer) send(messages ...string) {
	for _, m := range messages {
		kind := byte(0x81)
		if m == "bytes" {
			kind = 0x82
		}
		_, _ = c.Write(frame(kind, m)) // or the server has had enough
	}
}

// frame is a WebSocket frame with a mask of zeros (RFC 6455 section 5.2).
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

var errStrictEnd = errors.New("the connection has ended")

// next reads a message; the connection has ended with a close frame, too.
func (c peer) next() (string, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(c.in, head); err != nil {
		return "", err
	}
	n := int(head[1])
	if n == 126 {
		if _, err := io.ReadFull(c.in, head); err != nil {
			return "", err
		}
		n = int(binary.BigEndian.Uint16(head))
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(c.in, payload); err != nil {
		return "", err
	}
	if head[0] == 0x88 {
		return "", errStrictEnd
	}
	return string(payload), nil
}

// until reads messages up to one that begins so.
func (c peer) until(t *testing.T, prefix string) {
	t.Helper()
	for {
		message, err := c.next()
		if err != nil {
			t.Fatalf("no %s: %v", prefix, err)
		}
		if strings.HasPrefix(message, prefix) {
			return
		}
	}
}

// ends waits for the end of the connection.
func (c peer) ends(t *testing.T) {
	t.Helper()
	for {
		_, err := c.next()
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			t.Fatal("the connection goes on")
		}
		if err != nil {
			return
		}
	}
}
