//go:build e2e

package hostile

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// The ways of a session.
const (
	polling   = "polling"
	webSocket = "websocket"
	upgraded  = "upgraded" // begun by polling
)

var ways = []string{polling, webSocket, upgraded}

// A peer is a client in the raw: what it sends is up to the row.
type peer struct {
	w     *world
	addr  string
	via   string
	sid   string
	http  *link    // for requests; nil: none yet
	ws    *link    // nil: polling
	inbox []string // of a payload, not looked at yet
	mine  []*link  // everything it has opened
}

// link is a TCP connection.
type link struct {
	net.Conn
	br *bufio.Reader
}

// dial opens a connection, which ends with the peer.
func (p *peer) dial() (*link, error) {
	c, err := net.DialTimeout("tcp", p.addr, patience)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	l := &link{c, bufio.NewReaderSize(c, 2048)}
	p.mine = append(p.mine, l)
	return l, nil
}

// reset ends a connection with RST: no trace of it stays with the kernel.
func (l *link) reset() {
	_ = l.Conn.(*net.TCPConn).SetLinger(0)
	_ = l.Close()
}

// halfClose sends FIN and goes on reading.
func (l *link) halfClose() { _ = l.Conn.(*net.TCPConn).CloseWrite() }

// leave ends everything that the peer has opened.
func (p *peer) leave() {
	for _, l := range p.mine {
		l.reset()
	}
	p.mine, p.http, p.ws = nil, nil, nil
}

// stranger returns a peer without a session.
func (w *world) stranger() *peer { return &peer{w: w, addr: w.addrs[0]} }

// open returns a peer that is in "/".
func (w *world) open(via string) (*peer, error) { return w.openAt(via, w.addrs[0]) }

func (w *world) openAt(via, addr string) (p *peer, err error) {
	p = &peer{w: w, addr: addr, via: via}
	defer func() {
		if err != nil {
			p.leave()
			err = fmt.Errorf("opening by %s: %w", via, err)
		}
	}()
	if err = p.handshake(); err == nil {
		_, err = p.join("/")
	}
	if err == nil && via == upgraded {
		err = p.upgrade()
	}
	return p, err
}

// handshake opens the session.
func (p *peer) handshake() error {
	var first string
	if p.via == webSocket {
		if err := p.dialWS("EIO=4&transport=websocket"); err != nil {
			return err
		}
		var err error
		if first, err = p.next(); err != nil {
			return err
		}
	} else {
		a, err := p.do("GET", "EIO=4&transport=polling", "")
		if err != nil {
			return err
		}
		first = a.body
	}
	var open struct{ SID string }
	if !strings.HasPrefix(first, "0{") || json.Unmarshal([]byte(first[1:]), &open) != nil || open.SID == "" {
		return fmt.Errorf("handshake: %.100q", first)
	}
	p.sid = open.SID
	return nil
}

// join enters a namespace, and returns the answer.
func (p *peer) join(namespace string) (string, error) {
	packet, prefix := "40", "40{"
	if namespace != "/" {
		packet, prefix = "40"+namespace+",", "40"+namespace+",{"
	}
	if err := p.send(packet); err != nil {
		return "", err
	}
	answer, err := p.expect(prefix)
	return answer, err
}

func (p *peer) query() string { return "EIO=4&transport=polling&sid=" + p.sid }

// upgrade moves the session to a WebSocket.
func (p *peer) upgrade() error {
	if err := p.dialWS("EIO=4&transport=websocket&sid=" + p.sid); err != nil {
		return err
	}
	if err := p.send("2probe"); err != nil {
		return err
	}
	if _, err := p.expect("3probe"); err != nil {
		return err
	}
	return p.send("5")
}

// answer is a response.
type answer struct {
	status int
	header http.Header
	body   string
}

// do makes a request, over the connection for requests.
func (p *peer) do(method, query, body string) (answer, error) {
	head := method + " /socket.io/?" + query + " HTTP/1.1\r\nHost: " + p.addr + "\r\n"
	if body != "" || method == "POST" {
		head += fmt.Sprintf("Content-Type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n", len(body))
	}
	return p.raw(head+"\r\n"+body, method)
}

// raw sends a request as it is, and reads the answer.
func (p *peer) raw(request, method string) (a answer, err error) {
	if p.http == nil {
		if p.http, err = p.dial(); err != nil {
			return a, err
		}
	}
	l := p.http
	_ = l.SetDeadline(time.Now().Add(patience))
	_, werr := io.WriteString(l, request) // an answer may come before all is sent
	a, err = l.answer(method)
	if err != nil || a.header.Get("Connection") == "close" {
		_ = l.Close()
		p.http = nil
	}
	if err != nil {
		err = errors.Join(err, werr)
	}
	return a, err
}

func (l *link) answer(method string) (a answer, err error) {
	resp, err := http.ReadResponse(l.br, &http.Request{Method: method})
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	a = answer{resp.StatusCode, resp.Header, string(b)}
	if resp.Close {
		a.header.Set("Connection", "close")
	}
	return a, err
}

const wsHeader = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// dialWS opens a WebSocket.
func (p *peer) dialWS(query string) error {
	l, a, err := p.tryWS(query, wsHeader)
	if err != nil {
		return err
	}
	if a.status != http.StatusSwitchingProtocols {
		return fmt.Errorf("WebSocket: status %d, %.100q", a.status, a.body)
	}
	p.ws = l
	return nil
}

// tryWS asks for a WebSocket, with this header and what follows behind.
func (p *peer) tryWS(query, header string, behind ...byte) (*link, answer, error) {
	l, err := p.dial()
	if err != nil {
		return nil, answer{}, err
	}
	request := "GET /socket.io/?" + query + " HTTP/1.1\r\nHost: " + p.addr + "\r\n" + header + "\r\n"
	if _, err = l.Write(append([]byte(request), behind...)); err != nil {
		return nil, answer{}, err
	}
	a, err := l.answer("GET")
	return l, a, err
}

// send sends packets: each as a message, or all in a POST, which must be taken.
func (p *peer) send(packets ...string) error {
	if p.ws == nil {
		a, err := p.post(packets...)
		if err == nil && a.status != http.StatusOK {
			err = closed{fmt.Sprintf("POST: status %d, %.100q", a.status, a.body)}
		}
		return err
	}
	_ = p.ws.SetDeadline(time.Now().Add(patience))
	for _, packet := range packets {
		if _, err := p.ws.Write(message(packet)); err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) post(packets ...string) (answer, error) {
	return p.do("POST", p.query(), strings.Join(packets, "\x1e"))
}

// message is a packet as one WebSocket message: "b…" is binary, if it is base64.
func message(packet string) []byte {
	if text, ok := strings.CutPrefix(packet, "b"); ok {
		if b, err := base64.StdEncoding.DecodeString(text); err == nil {
			return frame(0x82, b)
		}
	}
	return frame(0x81, []byte(packet))
}

// frame is a WebSocket frame of a client. first is its first byte.
func frame(first byte, payload []byte) []byte {
	return frameOf(first, uint64(len(payload)), 0, payload)
}

// frameOf is a frame that says a length of its own; width is the bytes that the length
// takes, 0: as few as it needs.
func frameOf(first byte, length uint64, width int, payload []byte) []byte {
	return maskedFrame(first, length, width, payload, rand.Uint32())
}

func maskedFrame(first byte, length uint64, width int, payload []byte, key uint32) []byte {
	b := []byte{first}
	switch {
	case width == 8 || width == 0 && length > 0xffff:
		b = binary.BigEndian.AppendUint64(append(b, 0xff), length)
	case width == 2 || width == 0 && length > 125:
		b = binary.BigEndian.AppendUint16(append(b, 0xfe), uint16(length))
	default:
		b = append(b, 0x80|byte(length))
	}
	b = binary.LittleEndian.AppendUint32(b, key)
	for i, c := range payload {
		b = append(b, c^byte(key>>(8*(i&3))))
	}
	return b
}

// closed is the error of a session that has ended: how it was told.
type closed struct{ how string }

func (c closed) Error() string { return "the session has ended: " + c.how }

// next returns the next packet. Pings are answered; noops are left out.
func (p *peer) next() (string, error) {
	for late := time.Now().Add(2 * patience); ; {
		packet, err := p.receive()
		switch {
		case err == nil && time.Now().After(late):
			return "", errors.New("nothing but pings")
		case err != nil:
			return "", err
		case packet == "2":
			if err := p.send("3"); err != nil {
				return "", err
			}
		case packet == "1":
			return "", closed{"a close packet"}
		case packet != "6":
			return packet, nil
		}
	}
}

func (p *peer) receive() (string, error) {
	if len(p.inbox) == 0 {
		if p.ws != nil {
			return p.ws.message()
		}
		a, err := p.do("GET", p.query(), "")
		switch {
		case err != nil:
			return "", err
		case a.status != http.StatusOK:
			return "", closed{fmt.Sprintf("status %d, %.100s", a.status, a.body)}
		}
		p.inbox = strings.Split(a.body, "\x1e")
	}
	packet := p.inbox[0]
	p.inbox = p.inbox[1:]
	return packet, nil
}

// message reads a message of the server, whose messages are all one frame.
func (l *link) message() (string, error) {
	_ = l.SetDeadline(time.Now().Add(patience))
	var head [2]byte
	for {
		if _, err := io.ReadFull(l.br, head[:]); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				return "", err
			}
			return "", closed{err.Error()}
		}
		n := uint64(head[1])
		switch n {
		case 126:
			var b [2]byte
			_, _ = io.ReadFull(l.br, b[:])
			n = uint64(binary.BigEndian.Uint16(b[:]))
		case 127:
			var b [8]byte
			_, _ = io.ReadFull(l.br, b[:])
			n = binary.BigEndian.Uint64(b[:])
		}
		if n > 64<<20 {
			return "", fmt.Errorf("the server sends a frame of %d bytes", n)
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(l.br, payload); err != nil {
			return "", closed{err.Error()}
		}
		switch head[0] {
		case 0x81:
			return string(payload), nil
		case 0x82:
			return "b" + base64.StdEncoding.EncodeToString(payload), nil
		case 0x88:
			how := "a close frame"
			if n >= 2 {
				how = fmt.Sprintf("close %d", binary.BigEndian.Uint16(payload))
			}
			return "", closed{how}
		case 0x8a: // a pong
		default:
			return "", fmt.Errorf("the server sends a frame %x", head)
		}
	}
}

// expect reads packets until one begins so.
func (p *peer) expect(prefix string) (string, error) {
	for late := time.Now().Add(2 * patience); ; {
		packet, err := p.next()
		if err == nil && time.Now().After(late) {
			err = errors.New("it does not come")
		}
		if err != nil {
			return "", fmt.Errorf("waiting for %.60q: %w", prefix, err)
		}
		if strings.HasPrefix(packet, prefix) {
			return packet, nil
		}
	}
}

// lives checks that the session is served.
func (p *peer) lives() error {
	const id = "42777"
	if err := p.send(id + `["echo","` + secret + `"]`); err != nil {
		return err
	}
	_, err := p.expect(`43777["` + secret + `"]`)
	return err
}

// ends waits until the server has ended the session, and says how. A WebSocket has to
// be closed, too, although the peer does not answer the close frame.
func (p *peer) ends() (how string, err error) {
	for late := time.Now().Add(2 * patience); ; {
		_, err := p.next()
		var c closed
		switch {
		case err == nil && time.Now().After(late):
			return "", errors.New("the session does not end")
		case errors.As(err, &c):
			if p.ws != nil {
				_ = p.ws.SetDeadline(time.Now().Add(patience))
				if _, err := io.Copy(io.Discard, p.ws.br); errors.Is(err, os.ErrDeadlineExceeded) {
					return c.how, errors.New("the connection stays open behind the close frame")
				}
				return c.how, nil
			}
			a, err := p.do("GET", p.query(), "")
			if err == nil && a.status != http.StatusBadRequest {
				err = fmt.Errorf("a poll of the ended session: status %d, %.100q", a.status, a.body)
			}
			return c.how, err
		case err != nil:
			return "", fmt.Errorf("waiting for the end: %w", err)
		}
	}
}
