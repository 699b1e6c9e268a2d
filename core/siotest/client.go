package siotest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
)

// The reasons of [Client.ExpectDisconnect], as the stock client calls them.
const (
	// ServerDisconnect: the server made the socket leave the namespace.
	ServerDisconnect = "io server disconnect"
	// TransportClose: the connection ended.
	TransportClose = "transport close"
)

// Client is a connected client in one namespace. See [Dial].
type Client struct {
	t         testing.TB
	handler   http.Handler
	opts      Options
	conn      *Conn
	hub       *hub
	namespace string
	id        string
	inbox     *queue[*Message]
	session   session // its offset is guarded by mu
	recovered bool

	mu       sync.Mutex
	handlers map[string]func(*Message)
	acks     map[uint64]chan *Message
	nextAck  uint64
	gone     bool
}

// Dial connects to h, a server or the router it is mounted in, and joins a
// namespace.
func Dial(t testing.TB, h http.Handler, o Options) *Client {
	t.Helper()
	c, refusal := connect(t, h, o)
	if refusal != nil {
		t.Fatalf("siotest: %v; data: %v", refusal, refusal.Data)
	}
	return c
}

// Refused connects to h and expects to be turned down by the namespace. Data
// is what encoding/json makes of err.data.
func Refused(t testing.TB, h http.Handler, o Options) *socketio.ConnectError {
	t.Helper()
	_, refusal := connect(t, h, o)
	if refusal == nil {
		t.Fatal("siotest: the connection is not refused")
	}
	return refusal
}

func connect(t testing.TB, h http.Handler, o Options) (*Client, *socketio.ConnectError) {
	t.Helper()
	hub := &hub{conn: &Conn{}, sending: make(chan struct{}, 1)}
	hub.decoder.Limits = &parser.Limits{Total: -1, Depth: -1, EventName: -1, Namespace: -1} // as stock clients do
	hub.conn.sink = hub
	if err := hub.conn.open(t, h, o); err != nil {
		t.Fatalf("siotest: the handshake fails: %v", err)
	}
	return hub.join(t, h, hub.conn.opts)
}

// Of joins another namespace over the same connection.
func (c *Client) Of(namespace string, auth any) *Client {
	c.t.Helper()
	o := c.opts
	o.Namespace, o.Auth = namespace, auth
	other, refusal := c.hub.join(c.t, c.handler, o)
	if refusal != nil {
		c.t.Fatalf("siotest: %v; data: %v", refusal, refusal.Data)
	}
	return other
}

// RefusedOf is Of for a namespace that turns the client down. Data is what
// encoding/json makes of err.data.
func (c *Client) RefusedOf(namespace string, auth any) *socketio.ConnectError {
	c.t.Helper()
	o := c.opts
	o.Namespace, o.Auth = namespace, auth
	_, refusal := c.hub.join(c.t, c.handler, o)
	if refusal == nil {
		c.t.Fatalf("siotest: the connection to %s is not refused", namespace)
	}
	return refusal
}

// Reconnect connects anew with the same options, as a client does that has
// lost its connection; the old one is cut. The new client has a new id, unless
// the server recovers its session.
func (c *Client) Reconnect() *Client {
	c.t.Helper()
	return c.ReconnectWith(c.opts.Auth)
}

// ReconnectWith is Reconnect with another auth payload.
func (c *Client) ReconnectWith(auth any) *Client {
	c.t.Helper()
	c.conn.Cut()
	return c.resume(auth)
}

// Cut breaks the connection without a word, for all namespaces: neither side
// says goodbye.
func (c *Client) Cut() { c.conn.Cut() }

// Stall stops, or with false resumes, reading: a client that does not take
// what the server sends.
func (c *Client) Stall(stalled bool) { c.conn.Stall(stalled) }

// ID is the socket's id.
func (c *Client) ID() string { return c.id }

// Conn is the connection under the client, to upgrade, mute or close it.
func (c *Client) Conn() *Conn { return c.conn }

// Emit sends an event; []byte values at any depth travel as binary. It waits
// while the server does not read. After a disconnect it does nothing.
func (c *Client) Emit(event string, args ...any) { c.emit(0, false, event, args) }

// EmitWithAck sends an event and returns where its acknowledgement will come.
// The channel is closed without one when the client is disconnected.
func (c *Client) EmitWithAck(event string, args ...any) <-chan *Message {
	ack := make(chan *Message, 1)
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		close(ack)
		return ack
	}
	id := c.nextAck
	c.nextAck++
	c.acks[id] = ack
	c.mu.Unlock()
	c.emit(id, true, event, args)
	return ack
}

// Call sends an event and waits for its acknowledgement.
func (c *Client) Call(event string, args ...any) *Message {
	c.t.Helper()
	return c.answer(c.EmitWithAck(event, args...), strconv.Quote(event))
}

func (c *Client) emit(id uint64, hasID bool, event string, args []any) {
	text, attachments, err := parser.AppendEvent(nil, c.namespace, id, hasID, event, args)
	c.send(text, attachments, err)
}

func (c *Client) send(text []byte, attachments [][]byte, err error) {
	if err != nil {
		c.t.Errorf("siotest: %v", err)
		return
	}
	packets := []string{"4" + string(text)}
	for _, a := range attachments {
		packets = append(packets, "b"+base64.StdEncoding.EncodeToString(a))
	}
	c.hub.sending <- struct{}{} // a packet's attachments follow it
	defer func() { <-c.hub.sending }()
	_ = c.conn.Send(packets...) // a connection that is gone shows by its disconnect
}

// On calls f with the events of that name from now on, on the goroutine that
// reads: it must not wait for anything that arrives. Expect no longer sees them.
func (c *Client) On(event string, f func(*Message)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handlers[event] = f
}

// Next waits for the next event, whatever it is.
func (c *Client) Next() *Message {
	c.t.Helper()
	return c.next("an event")
}

func (c *Client) next(want string) *Message {
	c.t.Helper()
	return c.nextBy(time.Now().Add(c.opts.Timeout), want)
}

func (c *Client) nextBy(by time.Time, want string) *Message {
	c.t.Helper()
	m, ok, ended := c.inbox.next(time.Until(by))
	switch {
	case !ok && ended:
		c.t.Fatalf("siotest: disconnected, want %s", want)
	case !ok:
		c.t.Fatalf("siotest: no event within %v, want %s", c.opts.Timeout, want)
	case m.reason != "":
		c.t.Fatalf("siotest: disconnected (%s), want %s", m.reason, want)
	}
	return m
}

// Expect waits for the next event, which must be the one named, and decodes
// its arguments into the variables that dst point to.
func (c *Client) Expect(event string, dst ...any) *Message {
	c.t.Helper()
	m := c.next("event " + strconv.Quote(event))
	if m.Event != event {
		c.t.Fatalf("siotest: event %q %.200s, want %q", m.Event, m, event)
	}
	m.Decode(dst...)
	return m
}

// ExpectNone waits for d and fails if an event arrives, or a disconnect.
// Within testing/synctest that costs no time.
func (c *Client) ExpectNone(d time.Duration) {
	c.t.Helper()
	m, ok, _ := c.inbox.next(d)
	switch {
	case ok && m.reason != "":
		c.t.Fatalf("siotest: disconnected (%s), want nothing to happen", m.reason)
	case ok:
		c.t.Fatalf("siotest: event %q %.200s, want none", m.Event, m)
	}
}

// ExpectDisconnect waits for the end of the client: next must be the
// disconnect, for that reason. Empty means any.
func (c *Client) ExpectDisconnect(reason string) {
	c.t.Helper()
	m, ok, ended := c.inbox.next(c.opts.Timeout)
	switch {
	case !ok:
		c.t.Fatalf("siotest: no disconnect; it has come before: %t", ended)
	case m.reason == "":
		c.t.Fatalf("siotest: event %q %.200s, want a disconnect", m.Event, m)
	case reason != "" && m.reason != reason:
		c.t.Fatalf("siotest: disconnected: %s, want %s", m.reason, reason)
	}
}

// Disconnect leaves the namespace, and closes the connection if it was in no
// other one, as the stock client does.
func (c *Client) Disconnect() {
	if !c.leave("io client disconnect") {
		return
	}
	p := parser.Packet{Type: parser.Disconnect, Namespace: c.namespace}
	c.send(p.Append(nil), nil, nil)
	if c.hub.forget(c) {
		c.conn.Close()
	}
}

// leave ends the client once.
func (c *Client) leave(reason string) bool {
	c.mu.Lock()
	acks, first := c.acks, !c.gone
	c.acks, c.gone = nil, true
	c.mu.Unlock()
	for _, ack := range acks {
		close(ack)
	}
	if first {
		c.inbox.put(&Message{reason: reason})
		c.inbox.end()
	}
	return first
}

// packet handles one packet of the client's namespace, on the reader.
func (c *Client) packet(p *parser.Packet) {
	m := newMessage(c, p)
	c.mu.Lock()
	c.note(p, m.args)
	handler, ack := c.handlers[m.Event], chan *Message(nil)
	if p.Type.IsAck() {
		ack = c.acks[p.ID]
		delete(c.acks, p.ID)
	}
	late := c.gone
	c.mu.Unlock()
	switch {
	case p.Type == parser.Disconnect:
		c.hub.forget(c)
		c.leave(ServerDisconnect)
	case late: // the client has left and the server had not heard; the stock client drops it, too
	case p.Type.IsAck() && ack == nil:
		c.t.Errorf("siotest: acknowledgement %d was not asked for: %s", p.ID, m)
	case p.Type.IsAck():
		ack <- m // holds one
	case handler != nil:
		handler(m)
	default:
		c.inbox.put(m)
	}
}

// hub routes what arrives on one connection to its clients.
type hub struct {
	conn    *Conn
	sending chan struct{}  // holds one, see Conn.posting
	decoder parser.Decoder // used by the reader

	mu      sync.Mutex
	clients []*Client
	joining *joining // nil: nobody
}

// joining waits for the answer to a CONNECT.
type joining struct {
	namespace string
	answer    chan *parser.Packet // holds one
}

func (h *hub) join(t testing.TB, handler http.Handler, o Options) (*Client, *socketio.ConnectError) {
	t.Helper()
	c := &Client{
		t: t, handler: handler, opts: o, conn: h.conn, hub: h, namespace: o.Namespace, inbox: newQueue[*Message](),
		handlers: make(map[string]func(*Message)), acks: make(map[uint64]chan *Message),
	}
	p := parser.Packet{Type: parser.Connect, Namespace: o.Namespace}
	auth, err := o.auth()
	if err != nil {
		t.Fatalf("siotest: auth: %v", err)
	}
	p.Data = auth
	j := &joining{o.Namespace, make(chan *parser.Packet, 1)}
	h.mu.Lock()
	h.clients, h.joining = append(h.clients, c), j
	h.mu.Unlock()
	c.send(p.Append(nil), nil, nil)
	select {
	case answer := <-j.answer:
		refusal := new(socketio.ConnectError)
		switch {
		case answer == nil:
			t.Fatal("siotest: the connection is closed instead of joining the namespace")
		case answer.Type == parser.Connect:
			c.welcome(auth, answer.Data)
			return c, nil
		}
		_ = json.Unmarshal(answer.Data, refusal) // as above
		return nil, refusal
	case <-time.After(o.Timeout):
		t.Fatal("siotest: no answer to CONNECT")
	}
	return nil, nil
}

// forget takes a client off the connection. It reports whether it was the last.
func (h *hub) forget(c *Client) (last bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clients = slices.DeleteFunc(h.clients, func(o *Client) bool { return o == c })
	return len(h.clients) == 0
}

func (h *hub) message(text string) {
	p, whole, err := h.decode(text)
	if err != nil {
		h.conn.t.Errorf("siotest: the server sent %.200q: %v", text, err)
	}
	if err != nil || !whole {
		return
	}
	h.mu.Lock()
	j := h.joining
	i := slices.IndexFunc(h.clients, func(c *Client) bool { return c.namespace == p.Namespace })
	var c *Client
	if i >= 0 {
		c = h.clients[i]
	}
	answer := p.Type == parser.Connect || p.Type == parser.ConnectError
	asked := j != nil && j.namespace == p.Namespace
	if answer && asked {
		h.joining = nil
	}
	h.mu.Unlock()
	switch {
	case answer && asked:
		j.answer <- &p // holds one
		if p.Type == parser.ConnectError {
			h.forget(c)
		}
	case answer: // the test has sent a CONNECT of its own
	case c != nil:
		c.packet(&p)
	}
}

// decode decodes a message. Nothing of the packet refers to what the caller
// uses again.
func (h *hub) decode(packet string) (parser.Packet, bool, error) {
	if packet[0] != 'b' {
		return h.decoder.Text([]byte(packet[1:]))
	}
	b, err := base64.StdEncoding.DecodeString(packet[1:])
	if err != nil {
		return parser.Packet{}, false, fmt.Errorf("base64: %w", err)
	}
	return h.decoder.Binary(b)
}

func (h *hub) closed() {
	h.mu.Lock()
	clients, j := h.clients, h.joining
	h.clients, h.joining = nil, nil
	h.mu.Unlock()
	if j != nil {
		close(j.answer)
	}
	for _, c := range clients {
		c.leave(TransportClose)
	}
}
