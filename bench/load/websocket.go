package load

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Kind says what a server speaks.
type Kind string

// The kinds of servers.
const (
	SocketIO Kind = "socketio"  // Engine.IO v4 and Socket.IO v5
	BareEcho Kind = "websocket" // a WebSocket echo without a protocol on top
	BareHTTP Kind = "http"      // GET and POST that answer at once
)

var (
	errNoSession = errors.New("load: no session")
	errRefused   = errors.New("load: the server refuses for now")
)

// sid returns the session id of an Engine.IO open packet, whose JSON may have
// its members in any order, or "".
func sid(packet []byte) string {
	if !bytes.HasPrefix(packet, []byte("0{")) {
		return ""
	}
	_, rest, _ := bytes.Cut(packet, []byte(`"sid":"`))
	id, _, ok := bytes.Cut(rest, []byte{'"'})
	if !ok {
		return ""
	}
	return string(id)
}

// One key for all connections: the generator saves the random numbers, the
// server hashes as ever.
const websocketKey = "Z29zaW8gYmVuY2htYXJrIQ=="

var websocketAccept = func() string {
	sum := sha1.Sum([]byte(websocketKey + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}()

// fiveHeaders is the least a WebSocket client sends; {host} is filled in.
const fiveHeaders = "Host: {host}\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key: " + websocketKey + "\r\n" +
	"Sec-WebSocket-Version: 13\r\n"

// wsState is how far a WebSocket has come.
type wsState byte

const (
	wsHTTP   wsState = iota // waits for the 101
	wsOpen                  // waits for the Engine.IO open packet
	wsJoin                  // waits for the namespace to be joined
	wsJoined                // carries the load
)

// WS is a WebSocket client with its namespace "/".
type WS struct {
	*Conn
	index     int
	kind      Kind
	request   []byte
	state     wsState
	key       uint32
	onJoined  func(*WS) error
	onMessage func(ws *WS, text []byte) error
	onWelcome func(packet []byte) // that says that it has joined; nil: nobody reads it
	auth      string              // of the CONNECT packet, as JSON; "": none

	sent, received uint64 // messages of the load
}

// websocketRequest builds the handshake request for all connections of a load.
func websocketRequest(host string, kind Kind, browser bool) []byte {
	path, headers := "/socket.io/?EIO=4&transport=websocket", fiveHeaders
	if kind == BareEcho {
		path = "/"
	}
	if browser {
		headers = browserHeaders
	}
	return []byte("GET " + path + " HTTP/1.1\r\n" + strings.ReplaceAll(headers, "{host}", host) + "\r\n")
}

func (l *Loop) dialWS(address *syscall.SockaddrInet4, ws *WS) error {
	conn, err := l.dial(address, ws)
	ws.Conn = conn
	return err
}

func (ws *WS) connected() error {
	ws.out = append(ws.out, ws.request...)
	ws.request = nil
	return nil
}

func (ws *WS) input(b []byte) (int, error) {
	used := 0
	if ws.state == wsHTTP {
		n, err := ws.handshake(b)
		if n == 0 || err != nil {
			return 0, err
		}
		used = n
	}
	for {
		frame, n, err := ParseFrame(b[used:])
		if n == 0 || err != nil {
			return used, err
		}
		used += n
		if err := ws.frame(frame); err != nil {
			return used, err
		}
	}
}

func (ws *WS) handshake(b []byte) (int, error) {
	response, n, err := ParseHead(b)
	if n == 0 || err != nil {
		return 0, err
	}
	if response.Status == 503 {
		return 0, errRefused
	}
	if response.Status != 101 || string(response.Get("Sec-WebSocket-Accept")) != websocketAccept {
		return 0, fmt.Errorf("load: no WebSocket: %.200q", b)
	}
	if response.Get("Sec-WebSocket-Extensions") != nil {
		return 0, fmt.Errorf("load: the server wants an extension: %.400q", b)
	}
	ws.state = wsOpen
	if ws.kind == BareEcho {
		ws.state = wsJoined
		return n, ws.onJoined(ws)
	}
	return n, nil
}

func (ws *WS) frame(f Frame) error {
	switch {
	case !f.Fin:
		return fmt.Errorf("load: a fragmented message")
	case f.Op == OpPing:
		ws.out = AppendFrame(ws.out, OpPong, f.Payload, ws.key)
		return nil
	case f.Op == OpPong:
		return nil
	case f.Op != OpText && f.Op != OpBinary || len(f.Payload) == 0:
		return fmt.Errorf("%w: opcode %d %.80q", errEnded, f.Op, f.Payload)
	}
	if f.Payload[0] == '2' && ws.kind == SocketIO { // heartbeat
		ws.send([]byte{'3'})
		return nil
	}
	switch ws.state {
	case wsJoined:
		return ws.onMessage(ws, f.Payload)
	case wsOpen:
		if sid(f.Payload) == "" {
			return fmt.Errorf("%w: %.120q", errNoSession, f.Payload)
		}
		ws.state = wsJoin
		ws.send([]byte("40" + ws.auth))
		return nil
	default:
		if !bytes.HasPrefix(f.Payload, []byte(`40{"sid":"`)) {
			return fmt.Errorf("load: namespace not joined: %.80q", f.Payload)
		}
		ws.state = wsJoined
		if ws.onWelcome != nil {
			ws.onWelcome(f.Payload)
		}
		return ws.onJoined(ws)
	}
}

// send queues a text message; the loop writes at the end of the connection's
// turn, or flush does.
func (ws *WS) send(text []byte) {
	ws.key = ws.key*1664525 + 1013904223 // masks must differ, not be secret
	ws.out = AppendFrame(ws.out, OpText, text, ws.key)
}
