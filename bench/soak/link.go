package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// link is the connection of one client: by WebSocket, by polling, or by polling until it
// upgrades.
type link struct {
	address   string
	web       *http.Client
	transport *http.Transport
	sid       string
	first     string    // packet of the handshake, not handed out yet
	upgradeAt time.Time // zero: never

	sending sync.Mutex // held while something is sent, and during the upgrade
	ws      *websocket.Conn

	mu  sync.Mutex
	tcp []*net.TCPConn // all that were opened
}

var errRefused = errors.New("refused")

// dial opens a session.
func dial(ctx context.Context, address string, polling bool) (*link, error) {
	l := &link{address: address}
	l.transport = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok {
			l.mu.Lock()
			l.tcp = append(l.tcp, tcp)
			l.mu.Unlock()
		}
		return conn, err
	}}
	l.web = &http.Client{Transport: l.transport}
	if !polling {
		return l, l.webSocket(ctx)
	}
	body, err := l.request(ctx, http.MethodGet, "")
	if err != nil {
		return l, err
	}
	var open struct{ SID string }
	if !strings.HasPrefix(body, "0") || json.Unmarshal([]byte(body[1:]), &open) != nil || open.SID == "" {
		return l, fmt.Errorf("%w: %.80q", errRefused, body)
	}
	l.sid, l.first = open.SID, body
	return l, nil
}

// webSocket opens the WebSocket, of a new session or of the one there is.
func (l *link) webSocket(ctx context.Context) error {
	query := "?EIO=4&transport=websocket"
	if l.sid != "" {
		query += "&sid=" + l.sid
	}
	ws, _, err := websocket.Dial(ctx, "ws://"+l.address+"/socket.io/"+query, &websocket.DialOptions{HTTPClient: l.web})
	if err != nil {
		return err
	}
	ws.SetReadLimit(-1)
	l.ws = ws
	return nil
}

var errRepeated = errors.New("the connection ended before the answer")

// request is a poll, or a POST. It fails where net/http would send a GET again, on another
// connection, because the first one has ended: the answer that was on its way is lost then,
// and only a client that knows of that can ask for the events again.
func (l *link) request(ctx context.Context, method, body string) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tries := 0
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		if tries++; tries > 1 {
			cancel(errRepeated)
		}
	}})
	query := "?EIO=4&transport=polling"
	if l.sid != "" {
		query += "&sid=" + l.sid
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+l.address+"/socket.io/"+query, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := l.web.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w: status %d, %.80q", errRefused, resp.StatusCode, b)
	}
	return string(b), err
}

// next returns the next packets. It is called by one goroutine.
func (l *link) next(ctx context.Context) ([]string, error) {
	if l.first != "" {
		packet := l.first
		l.first = ""
		return []string{packet}, nil
	}
	if l.ws == nil && !l.upgradeAt.IsZero() && time.Now().After(l.upgradeAt) {
		if err := l.upgrade(ctx); err != nil {
			return nil, err
		}
	}
	if l.ws != nil {
		_, b, err := l.ws.Read(ctx)
		return []string{string(b)}, err
	}
	body, err := l.request(ctx, http.MethodGet, "")
	return strings.Split(body, "\x1e"), err
}

// upgrade moves the session to a WebSocket, while nothing is sent and no poll waits.
func (l *link) upgrade(ctx context.Context) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	if err := l.webSocket(ctx); err != nil {
		return err
	}
	if err := l.ws.Write(ctx, websocket.MessageText, []byte("2probe")); err != nil {
		return err
	}
	if _, b, err := l.ws.Read(ctx); err != nil || string(b) != "3probe" {
		return fmt.Errorf("the probe is answered %.80q, %w", b, err)
	}
	return l.ws.Write(ctx, websocket.MessageText, []byte("5"))
}

// send sends a packet.
func (l *link) send(ctx context.Context, packet string) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	if l.ws != nil {
		return l.ws.Write(ctx, websocket.MessageText, []byte(packet))
	}
	_, err := l.request(ctx, http.MethodPost, packet)
	return err
}

// reset ends all connections with RST.
func (l *link) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tcp := range l.tcp {
		_ = tcp.SetLinger(0) // fails if it is closed
		_ = tcp.Close()
	}
}

// close ends all connections in one of several ways.
func (l *link) close() {
	if rand.IntN(2) == 0 {
		l.reset()
	}
	if l.ws != nil {
		_ = l.ws.CloseNow()
	}
	l.transport.CloseIdleConnections()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tcp := range l.tcp {
		_ = tcp.Close()
	}
}
