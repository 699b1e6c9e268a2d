package siotest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Options says how a client connects. The zero value joins "/" over WebSocket.
type Options struct {
	// Namespace that [Dial] joins. Default "/".
	Namespace string
	// Auth is the auth payload: something that encodes as a JSON object. Nil: none.
	Auth any
	// Transport is "websocket", the default, or "polling".
	Transport string
	// Path of the requests. Default "/socket.io/".
	Path string
	// Query parameters beside the protocol's own.
	Query url.Values
	// Header of every request: cookies, Origin, Authorization. Host sets the
	// request's host.
	Header http.Header
	// Jar keeps cookies as a browser does, for "http://server.test/". Give the
	// same one to [HTTP] to connect as whoever has signed in there. Default:
	// none are kept.
	Jar http.CookieJar
	// Dial connects to a server that is no http.Handler: the handler that
	// Dial, Open, Refused and Rejected are given is nil then. Default: the
	// handler is served in memory.
	Dial func(ctx context.Context) (net.Conn, error)
	// Timeout of everything that waits. Default 5 s.
	Timeout time.Duration

	resume session // what to ask for; its pid may be empty
}

// separator stands between the packets of a polling payload.
const separator = "\x1e"

// Conn is an open connection without a client: what is sent is the test's
// business. Pings are answered. Its methods may be called concurrently.
type Conn struct {
	t       testing.TB
	opts    Options
	url     string // with the session id, once it is known
	sid     string
	sink    sink
	inbox   *queue[string]
	http    *http.Client
	header  http.Header // of the handshake's response
	network *network
	ctx     context.Context // of all requests
	end     context.CancelFunc
	running sync.WaitGroup
	posting chan struct{} // holds one; a mutex would stop virtual time

	mu        sync.Mutex
	ws        *websocket.Conn // nil: polling
	upgrading bool
	paused    chan struct{} // closed when polling has ended
	mute      bool
}

// sink takes what arrives, on the reader's goroutine.
type sink interface {
	message(packet string) // as Send takes them
	closed()
}

func (c *Conn) message(packet string) { c.inbox.put(packet) }
func (c *Conn) closed()               {}

// Open connects to h and does not join a namespace.
func Open(t testing.TB, h http.Handler, o Options) *Conn {
	t.Helper()
	c := &Conn{}
	c.sink = c
	if err := c.open(t, h, o); err != nil {
		t.Fatalf("siotest: the handshake fails: %v", err)
	}
	return c
}

// open serves h on a network of its own, and connects.
func (c *Conn) open(t testing.TB, h http.Handler, o Options) error {
	t.Helper()
	if h == nil && o.Dial == nil {
		t.Fatal("siotest: there is neither a handler nor Options.Dial")
	}
	c.t, c.opts, c.inbox = t, o.withDefaults(), newQueue[string]()
	c.posting = make(chan struct{}, 1)
	c.ctx, c.end = context.WithCancel(context.Background())
	c.network = newNetwork(h, c.opts.Dial)
	c.http = c.network.client()
	c.http.Jar = c.opts.Jar
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error {
		return errors.New("redirected: Options.Path should end with a slash, or should not")
	}
	t.Cleanup(func() {
		c.Cut()
		c.network.close()
		c.wait()
	})
	q := url.Values{"EIO": {"4"}, "transport": {c.opts.Transport}}
	for key, values := range c.opts.Query {
		q[key] = values
	}
	c.url = origin + c.opts.Path + "?" + q.Encode()
	if c.opts.Transport == "polling" {
		return c.openPolling()
	}
	return c.openWebSocket()
}

// wait waits for the goroutines that read. One that a test's own function
// holds up fails the test instead of hanging it.
func (c *Conn) wait() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.running.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(c.opts.Timeout):
		c.t.Errorf("siotest: a function given to On has not returned within %v", c.opts.Timeout)
	}
}

func (o Options) withDefaults() Options {
	if o.Namespace == "" {
		o.Namespace = "/"
	}
	if o.Transport == "" {
		o.Transport = "websocket"
	}
	if o.Path == "" {
		o.Path = "/socket.io/"
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	return o
}

func (c *Conn) openPolling() error {
	body, err := c.request(http.MethodGet, "")
	if err != nil {
		return err
	}
	first, rest, _ := strings.Cut(body, separator)
	if err := c.handshake(first); err != nil {
		return err
	}
	c.url += "&sid=" + c.sid
	c.paused = make(chan struct{})
	c.running.Go(func() {
		defer close(c.paused)
		more := c.payload(rest)
		for more && !c.leavesPolling() {
			if rest, err = c.request(http.MethodGet, ""); err != nil {
				break
			}
			more = c.payload(rest)
		}
		if !more || err != nil {
			c.closeSink()
		}
	})
	return nil
}

// payload handles what a poll has brought. It reports whether to go on.
func (c *Conn) payload(text string) (more bool) {
	for _, packet := range strings.Split(text, separator) {
		if packet == "1" {
			return false
		}
		c.packet(packet)
	}
	return true
}

func (c *Conn) openWebSocket() error {
	ws, header, err := c.dialWebSocket(c.url)
	if err != nil {
		return err
	}
	_, first, err := ws.Read(c.ctx)
	if err == nil {
		err = c.handshake(string(first))
	}
	if err != nil {
		_ = ws.CloseNow()
		return err
	}
	c.ws, c.header = ws, header
	c.read(ws)
	return nil
}

// dialWebSocket opens a WebSocket, on which nothing is read yet.
func (c *Conn) dialWebSocket(url string) (*websocket.Conn, http.Header, error) {
	ws, resp, err := websocket.Dial( //nolint:bodyclose // the library closes the connection and leaves a copy
		c.ctx, url, &websocket.DialOptions{
			HTTPClient: c.http, HTTPHeader: c.opts.Header, Host: c.opts.Header.Get("Host"),
		})
	if err != nil {
		if resp != nil && resp.Body != nil {
			b, _ := io.ReadAll(resp.Body) // a copy
			err = &statusError{resp.StatusCode, resp.Header, string(b)}
		}
		return nil, nil, err
	}
	ws.SetReadLimit(-1)
	return ws, resp.Header, nil
}

// read reads the connection until it ends.
func (c *Conn) read(ws *websocket.Conn) {
	c.running.Go(func() {
		defer c.closeSink()
		defer func() { _ = ws.CloseNow() }() // it has ended
		for {
			typ, b, err := ws.Read(c.ctx)
			text := string(b)
			if typ == websocket.MessageBinary {
				text = "b" + base64.StdEncoding.EncodeToString(b)
			}
			if err != nil {
				return
			}
			c.packet(text)
		}
	})
}

// handshake reads the open packet.
func (c *Conn) handshake(packet string) error {
	var open struct{ SID string }
	data, ok := strings.CutPrefix(packet, "0")
	if err := json.Unmarshal([]byte(data), &open); !ok || err != nil || open.SID == "" {
		return fmt.Errorf("not an open packet: %.100q", packet)
	}
	c.sid = open.SID
	return nil
}

func (c *Conn) closeSink() {
	c.inbox.end()
	c.sink.closed()
}

// packet handles one Engine.IO packet in its text form.
func (c *Conn) packet(text string) {
	switch {
	case text == "2":
		c.mu.Lock()
		mute := c.mute
		c.mu.Unlock()
		if !mute {
			c.running.Go(func() { _ = c.Write("3") }) // not here: it may have to wait
		}
	case strings.HasPrefix(text, "4"), strings.HasPrefix(text, "b"):
		c.sink.message(text)
	}
}

// request makes one request and returns the body of a 200.
func (c *Conn) request(method, body string) (string, error) {
	req, err := http.NewRequestWithContext(c.ctx, method, c.url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	for key, values := range c.opts.Header {
		req.Header[key] = values
	}
	if host := c.opts.Header.Get("Host"); host != "" {
		req.Host = host
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = &statusError{resp.StatusCode, resp.Header, string(b)}
	}
	if c.header == nil { // the first
		c.header = resp.Header
	}
	return string(b), err
}

// Header is the header of the handshake's response.
func (c *Conn) Header() http.Header { return c.header }

// SID is the id of the Engine.IO session.
func (c *Conn) SID() string { return c.sid }

// Send sends packets as they look in a polling payload, and in one payload when
// polling: `42["event"]`, or b and base64 for a binary message, which a
// WebSocket carries in a binary frame.
func (c *Conn) Send(packets ...string) error {
	ws, err := c.post(strings.Join(packets, separator))
	if ws == nil {
		return err
	}
	for _, p := range packets {
		var err error
		if data, binary := strings.CutPrefix(p, "b"); !binary {
			err = c.Write(p)
		} else if b, e := base64.StdEncoding.DecodeString(data); e == nil {
			err = ws.Write(c.ctx, websocket.MessageBinary, b)
		} else {
			err = e
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Write sends text as it is: the body of a POST, or a WebSocket text message.
func (c *Conn) Write(text string) error {
	ws, err := c.post(text)
	if ws == nil {
		return err
	}
	return ws.Write(c.ctx, websocket.MessageText, []byte(text))
}

// post sends a body while the connection is polling. Otherwise it does nothing
// and returns the WebSocket.
func (c *Conn) post(body string) (*websocket.Conn, error) {
	if ws := c.socket(); ws != nil {
		return ws, nil
	}
	c.posting <- struct{}{} // overlapping POSTs end a session
	defer func() { <-c.posting }()
	if ws := c.socket(); ws != nil { // since then
		return ws, nil
	}
	_, err := c.request(http.MethodPost, body)
	return nil, err
}

// Expect waits for messages, in the form that Send takes.
func (c *Conn) Expect(messages ...string) {
	c.t.Helper()
	for _, want := range messages {
		if got := c.Next(); got != want {
			c.t.Fatalf("siotest: got  %.200q\n\twant %.200q", got, want)
		}
	}
}

// Next waits for the next message.
func (c *Conn) Next() string {
	c.t.Helper()
	text, ok, ended := c.inbox.next(c.opts.Timeout)
	if !ok {
		c.t.Fatalf("siotest: no message; the connection is closed: %t", ended)
	}
	return text
}

// ExpectClosed waits for the end of the connection.
func (c *Conn) ExpectClosed() {
	c.t.Helper()
	if text, ok, ended := c.inbox.next(c.opts.Timeout); ok || !ended {
		c.t.Fatalf("siotest: the connection is still open; message: %.200q", text)
	}
}

// Close closes the connection as clients do.
func (c *Conn) Close() {
	if ws := c.socket(); ws != nil {
		_ = ws.Close(websocket.StatusNormalClosure, "") // may be closed already
		return
	}
	_ = c.Write("1") // as above
}

// Cut breaks the connection without a word.
func (c *Conn) Cut() {
	c.end()
	c.network.cut()
}

// Stall stops, or with false resumes, reading: nothing arrives any more, as
// from a cable that is pulled.
func (c *Conn) Stall(stalled bool) { c.network.stall(stalled) }

// Mute stops, or with false resumes, answering pings.
func (c *Conn) Mute(mute bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mute = mute
}
