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

	"github.com/gosio/gosio/internal/pipe"
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
	// Header of every request. Host sets the request's host.
	Header http.Header
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
	ws      *websocket.Conn // nil: polling
	ctx     context.Context // of all requests
	end     context.CancelFunc
	running sync.WaitGroup
	posting chan struct{} // holds one; a mutex would stop virtual time

	mu      sync.Mutex
	pipes   []*pipe.Conn
	stalled bool
	mute    bool
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
	c.t, c.opts, c.inbox = t, o.withDefaults(), newQueue[string]()
	c.posting = make(chan struct{}, 1)
	c.ctx, c.end = context.WithCancel(context.Background())
	listener := pipe.Listen()
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ConnState: c.count}
	c.running.Go(func() { _ = server.Serve(listener) }) // until Close
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return c.dial(ctx, listener)
	}}
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("redirected: Options.Path should end with a slash, or should not")
	}}
	t.Cleanup(func() {
		c.Cut()
		transport.CloseIdleConnections()
		_ = server.Close() // nothing is left to fail
		c.running.Wait()
	})
	q := url.Values{"EIO": {"4"}, "transport": {c.opts.Transport}}
	for key, values := range c.opts.Query {
		q[key] = values
	}
	c.url = "http://server.test" + c.opts.Path + "?" + q.Encode()
	if c.opts.Transport == "polling" {
		return c.openPolling()
	}
	return c.openWebSocket()
}

// count sees to it that the server's connections end before the test does.
func (c *Conn) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.running.Add(1)
	case http.StateClosed, http.StateHijacked: // the last of each
		c.running.Done()
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

func (c *Conn) dial(ctx context.Context, l *pipe.Listener) (net.Conn, error) {
	p, err := l.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p.StallReads(c.stalled)
	c.pipes = append(c.pipes, p)
	return p, nil
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
	c.running.Go(func() {
		defer c.closeSink()
		for err == nil && c.payload(rest) {
			rest, err = c.request(http.MethodGet, "")
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
	ws, resp, err := websocket.Dial( //nolint:bodyclose // the library closes the connection and leaves a copy
		c.ctx, c.url, &websocket.DialOptions{
			HTTPClient: c.http, HTTPHeader: c.opts.Header, Host: c.opts.Header.Get("Host"),
		})
	if err != nil {
		if resp != nil && resp.Body != nil {
			b, _ := io.ReadAll(resp.Body) // for the text of the error only
			err = fmt.Errorf("%s: %s", resp.Status, b)
		}
		return err
	}
	c.ws = ws
	ws.SetReadLimit(-1)
	_, first, err := ws.Read(c.ctx)
	if err == nil {
		err = c.handshake(string(first))
	}
	if err != nil {
		_ = ws.CloseNow()
		return err
	}
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
	return nil
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
		err = fmt.Errorf("%s: %s", resp.Status, b)
	}
	return string(b), err
}

// SID is the id of the Engine.IO session.
func (c *Conn) SID() string { return c.sid }

// Send sends packets as they look in a polling payload, and in one payload when
// polling: `42["event"]`, or b and base64 for a binary message, which a
// WebSocket carries in a binary frame.
func (c *Conn) Send(packets ...string) error {
	if c.ws == nil {
		return c.Write(strings.Join(packets, separator))
	}
	for _, p := range packets {
		var err error
		if data, binary := strings.CutPrefix(p, "b"); !binary {
			err = c.Write(p)
		} else if b, e := base64.StdEncoding.DecodeString(data); e == nil {
			err = c.ws.Write(c.ctx, websocket.MessageBinary, b)
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
	if c.ws != nil {
		return c.ws.Write(c.ctx, websocket.MessageText, []byte(text))
	}
	c.posting <- struct{}{} // overlapping POSTs end a session
	defer func() { <-c.posting }()
	_, err := c.request(http.MethodPost, text)
	return err
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
	if c.ws != nil {
		_ = c.ws.Close(websocket.StatusNormalClosure, "") // may be closed already
		return
	}
	_ = c.Write("1")
}

// Cut breaks the connection without a word.
func (c *Conn) Cut() {
	c.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pipes {
		p.Cut()
	}
}

// Stall stops, or with false resumes, reading: nothing arrives any more, as
// from a cable that is pulled.
func (c *Conn) Stall(stalled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = stalled
	for _, p := range c.pipes {
		p.StallReads(stalled)
	}
}

// Mute stops, or with false resumes, answering pings.
func (c *Conn) Mute(mute bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mute = mute
}
