package mounttest

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/gosio/gosio/internal/assert"
)

// Client is a client in the raw: no retries, no redirects, no fallback.
type Client struct {
	t   testing.TB
	url string
	// Header goes with every request, that of a WebSocket handshake too.
	// "Connection" replaces what the handshake would say.
	Header http.Header
	// Query is appended to the query of handshakes: "&token=x".
	Query string
	// Slash is put between the mount's path and the query. Default "/".
	Slash string
	// Compression is what WebSockets offer. Default: nothing.
	Compression websocket.CompressionMode
	// Subprotocols are what WebSockets offer.
	Subprotocols []string

	dial      Dialer
	transport *http.Transport
	sent      chan struct{} // holds one after each write to a connection
}

// NewClient returns a client for the mount at url. It uses one keep-alive
// connection for requests and one more for each that waits.
func NewClient(t testing.TB, url string) *Client {
	return NewClientVia(t, url, new(net.Dialer).DialContext)
}

// A Dialer makes connections, as http.Transport.DialContext does.
type Dialer = func(ctx context.Context, network, addr string) (net.Conn, error)

// NewClientVia is NewClient for a server that is reached another way.
func NewClientVia(t testing.TB, url string, dial Dialer) *Client {
	c := &Client{t: t, url: url, Header: make(http.Header), Slash: "/", dial: dial, sent: make(chan struct{}, 1)}
	c.transport = &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return watched{conn, c.sent}, err
	}}
	t.Cleanup(c.transport.CloseIdleConnections)
	return c
}

// watched tells of what was sent; httptrace tells before that.
type watched struct {
	net.Conn
	sent chan<- struct{}
}

// Write implements net.Conn.
func (w watched) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	select {
	case w.sent <- struct{}{}:
	default:
	}
	return n, err
}

// RoundTrip implements http.RoundTripper: it adds the header.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for key, values := range c.Header {
		if key != "Connection" || r.Header.Get("Upgrade") != "" {
			r.Header[key] = values
		}
	}
	return c.transport.RoundTrip(r)
}

func (c *Client) http() *http.Client {
	return &http.Client{Transport: c, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Answer is a response that was read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Do sends one request; suffix is what follows the mount's path.
func (c *Client) Do(method, suffix, body string) Answer {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a, err := c.do(ctx, method, suffix, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, suffix, err)
	}
	return a
}

// Status makes a request and returns the status of the answer, 0 if the
// connection has ended without one.
func (c *Client) Status(method, suffix, body string) int {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a, err := c.do(ctx, method, suffix, body)
	if ctx.Err() != nil {
		c.t.Fatalf("%s %s: %v", method, suffix, err)
	}
	return a.Status
}

func (c *Client) do(ctx context.Context, method, suffix, body string) (Answer, error) {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+suffix, content)
	if err != nil {
		return Answer{}, err
	}
	resp, err := c.http().Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return Answer{resp.StatusCode, resp.Header, string(b)}, err
}

// Session is one connection of a client.
type Session struct {
	c          *Client
	ID         string
	First      http.Header // of the first response: the 101, for a WebSocket
	ws         *websocket.Conn
	pending    []string // of a payload, not yet returned by Recv
	extensions string   // of the 101
}

// Open opens a session by polling and connects to "/".
func (c *Client) Open() *Session {
	c.t.Helper()
	s := c.OpenOnly()
	s.connect()
	return s
}

// OpenOnly opens a session by polling.
func (c *Client) OpenOnly() *Session {
	c.t.Helper()
	a := c.Do("GET", c.Slash+"?EIO=4&transport=polling"+c.Query, "")
	if a.Status != http.StatusOK || !strings.HasPrefix(a.Body, "0{") {
		c.t.Fatalf("handshake: status %d, %q", a.Status, a.Body)
	}
	return &Session{c: c, ID: c.sid(a.Body), First: a.Header}
}

func (c *Client) sid(packet string) string {
	c.t.Helper()
	var open struct{ SID string }
	assert.NoError(c.t, json.Unmarshal([]byte(packet[1:]), &open))
	return open.SID
}

func (s *Session) connect() {
	s.c.t.Helper()
	s.Send("40")
	if p := s.Recv(); !strings.HasPrefix(p, `40{"sid"`) {
		s.c.t.Fatalf("answer to CONNECT: %q", p)
	}
}

// Dial opens a session directly by WebSocket and connects to "/".
func (c *Client) Dial() *Session {
	c.t.Helper()
	s := &Session{c: c}
	a, err := s.dial("?EIO=4&transport=websocket" + c.Query)
	if err != nil {
		c.t.Fatalf("WebSocket handshake: %v; status %d, %q", err, a.Status, a.Body)
	}
	s.ID = c.sid(s.Recv())
	s.connect()
	return s
}

// Refused tries to open a session by WebSocket and returns what came instead.
func (c *Client) Refused() Answer {
	c.t.Helper()
	s := &Session{c: c}
	a, err := s.dial("?EIO=4&transport=websocket" + c.Query)
	if err == nil {
		c.t.Fatal("a WebSocket was opened that should have been refused")
	}
	return a
}

// dial does the opening handshake. On an error the answer is what came instead
// of a 101.
func (s *Session) dial(query string) (Answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, resp, err := websocket.Dial(ctx, s.c.url+s.c.Slash+query, &websocket.DialOptions{ //nolint:bodyclose // the body of a 101 is the connection
		HTTPClient: s.c.http(), CompressionMode: s.c.Compression, Subprotocols: s.c.Subprotocols,
	})
	var a Answer
	if resp != nil {
		a = Answer{Status: resp.StatusCode, Header: resp.Header}
	}
	if err != nil {
		if resp != nil {
			b, _ := io.ReadAll(resp.Body) // the library has read it already
			a.Body = string(b)
		}
		return a, err
	}
	ws.SetReadLimit(1 << 20)
	s.c.t.Cleanup(func() { _ = ws.CloseNow() })
	s.ws = ws
	s.extensions = resp.Header.Get("Sec-WebSocket-Extensions")
	if s.First == nil {
		s.First = resp.Header
	}
	return a, nil
}

func (s *Session) suffix() string { return s.c.Slash + "?EIO=4&transport=polling&sid=" + s.ID }

// Send sends one packet: "40", `42["echo",1]`, or "b" and base64.
func (s *Session) Send(packet string) {
	s.c.t.Helper()
	if s.ws == nil {
		a := s.c.Do("POST", s.suffix(), packet)
		if a.Status != http.StatusOK || a.Body != "ok" {
			s.c.t.Fatalf("POST: status %d, %q", a.Status, a.Body)
		}
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	typ, data := websocket.MessageText, []byte(packet)
	if text, ok := strings.CutPrefix(packet, "b"); ok {
		b, err := base64.StdEncoding.DecodeString(text)
		assert.NoError(s.c.t, err)
		typ, data = websocket.MessageBinary, b
	}
	assert.NoError(s.c.t, s.ws.Write(ctx, typ, data))
}

// Recv returns the next packet. Noops are left out and pings answered.
func (s *Session) Recv() string {
	s.c.t.Helper()
	for {
		switch p := s.next(); p {
		case "6":
		case "2":
			s.Send("3")
		default:
			return p
		}
	}
}

func (s *Session) next() string {
	s.c.t.Helper()
	if len(s.pending) > 0 {
		p := s.pending[0]
		s.pending = s.pending[1:]
		return p
	}
	if s.ws == nil {
		a := s.c.Do("GET", s.suffix(), "")
		if a.Status != http.StatusOK {
			s.c.t.Fatalf("poll: status %d, %q", a.Status, a.Body)
		}
		s.pending = strings.Split(a.Body, "\x1e")
		return s.next()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	typ, data, err := s.ws.Read(ctx)
	if err != nil {
		s.c.t.Fatalf("WebSocket: %v", err)
	}
	if typ == websocket.MessageBinary {
		return "b" + base64.StdEncoding.EncodeToString(data)
	}
	return string(data)
}

// Echo sends text to the server's handler and waits for it to come back.
func (s *Session) Echo(text string) {
	s.c.t.Helper()
	s.Send(`42["echo","` + text + `"]`)
	if got, want := s.Recv(), `42["echo","`+text+`"]`; got != want {
		s.c.t.Fatalf("echo: got %.80q, want %.80q", got, want)
	}
}

// Park sends a poll that has nothing to bring. It returns a channel for its
// answer, which is empty when the request fails, and a function that gives up.
func (s *Session) Park() (answer <-chan Answer, abandon context.CancelFunc) {
	s.c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.c.t.Cleanup(cancel)
	select {
	case <-s.c.sent: // an earlier request
	default:
	}
	done := make(chan Answer, 1)
	suffix := s.suffix()
	go func() { // ends with ctx at the latest
		a, err := s.c.do(ctx, "GET", suffix, "")
		if err != nil {
			a = Answer{}
		}
		done <- a
	}()
	Wait(s.c.t, "a poll to be sent", s.c.sent)
	return done, cancel
}

// Upgrade moves a session from polling to WebSocket, with a poll waiting and
// an event in flight.
func (s *Session) Upgrade() {
	s.c.t.Helper()
	poll, _ := s.Park()
	polling := *s
	a, err := s.dial("?EIO=4&transport=websocket&sid=" + s.ID)
	if err != nil {
		s.c.t.Fatalf("upgrade: %v; status %d, %q", err, a.Status, a.Body)
	}
	s.Send("2probe")
	assert.Equal(s.c.t, "answer to the probe", s.Recv(), "3probe")
	if a := Wait(s.c.t, "the poll to end", poll); a.Body != "6" && a.Body != "2" {
		s.c.t.Fatalf("poll during the upgrade: status %d, %q", a.Status, a.Body)
	}
	polling.Send(`42["echo","in flight"]`)
	s.Send("5")
	assert.Equal(s.c.t, "first packet after the upgrade", s.Recv(), `42["echo","in flight"]`)
}

// Raw sends a request as it is and returns the answer.
func (c *Client) Raw(request string) Answer {
	c.t.Helper()
	conn, _ := c.connect()
	_, err := io.WriteString(conn, request)
	assert.NoError(c.t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	assert.NoError(c.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	assert.NoError(c.t, err)
	return Answer{resp.StatusCode, resp.Header, string(b)}
}

// connect opens a connection, which ends with the test, to the host of u.
func (c *Client) connect() (conn net.Conn, u *url.URL) {
	c.t.Helper()
	u, err := url.Parse(c.url)
	assert.NoError(c.t, err)
	ctx := timeout(c.t)
	conn, err = c.dial(ctx, "tcp", u.Host)
	assert.NoError(c.t, err)
	c.t.Cleanup(func() { _ = conn.Close() })
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn, u
}
