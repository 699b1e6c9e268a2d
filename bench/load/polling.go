package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"syscall"
)

var errBusy = errors.New("load: two requests at once on one connection")

// httpConn is a keep-alive HTTP/1.1 connection with one request in flight.
type httpConn struct {
	*Conn
	host       string
	onResponse func(Response) error
}

func (l *Loop) dialHTTP(address *syscall.SockaddrInet4, host string) (*httpConn, error) {
	h := &httpConn{host: host}
	conn, err := l.dial(address, h)
	h.Conn = conn
	return h, err
}

func (h *httpConn) connected() error { return nil }

func (h *httpConn) input(b []byte) (int, error) {
	response, n, err := ParseResponse(b)
	if n == 0 || err != nil {
		return 0, err
	}
	if response.Status == 503 {
		return n, errRefused
	}
	if response.Status != 200 {
		return n, fmt.Errorf("load: status %d: %.80q", response.Status, response.Body)
	}
	onResponse := h.onResponse
	if onResponse == nil {
		return n, fmt.Errorf("load: a response that nobody asked for: %.80q", response.Body)
	}
	h.onResponse = nil
	return n, onResponse(response)
}

func (h *httpConn) get(target string, then func(Response) error) error {
	if h.onResponse != nil {
		return errBusy
	}
	h.onResponse = then
	h.out = append(h.out, "GET "...)
	h.out = append(h.out, target...)
	h.out = append(h.out, " HTTP/1.1\r\nHost: "...)
	h.out = append(h.out, h.host...)
	h.out = append(h.out, "\r\n\r\n"...)
	return h.flush()
}

func (h *httpConn) post(target string, body []byte, then func(Response) error) error {
	if h.onResponse != nil {
		return errBusy
	}
	h.onResponse = then
	h.out = append(h.out, "POST "...)
	h.out = append(h.out, target...)
	h.out = append(h.out, " HTTP/1.1\r\nHost: "...)
	h.out = append(h.out, h.host...)
	h.out = append(h.out, "\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: "...)
	h.out = strconv.AppendInt(h.out, int64(len(body)), 10)
	h.out = append(h.out, "\r\n\r\n"...)
	h.out = append(h.out, body...)
	return h.flush()
}

const pollingPath = "/socket.io/?EIO=4&transport=polling"

// session is an Engine.IO session over long polling, namespace "/" joined. As
// in a browser, the poll and the posts have a connection each.
type session struct {
	poll, posts *httpConn
	target      string
	pinged      bool // and not answered yet
	onJoined    func(*session) error
	onPacket    func(packet []byte) error
}

// start opens the session over poll and posts, which may be the same
// connection and shared with other sessions that are not starting.
func (s *session) start() error {
	return s.poll.get(pollingPath, func(r Response) error {
		id := sid(r.Body)
		if id == "" {
			return fmt.Errorf("%w: %.120q", errNoSession, r.Body)
		}
		s.target = pollingPath + "&sid=" + id
		return s.posts.post(s.target, []byte("40"), s.join)
	})
}

func (s *session) join(r Response) error {
	if string(r.Body) != "ok" {
		return fmt.Errorf("load: a POST was answered %.80q", r.Body)
	}
	joined := false
	s.onPacket = func(packet []byte) error {
		if joined || !bytes.HasPrefix(packet, []byte(`40{"sid":"`)) {
			return fmt.Errorf("load: namespace not joined: %.80q", packet)
		}
		joined = true
		return nil
	}
	var poll func() error
	poll = func() error {
		return s.poll.get(s.target, func(r Response) error {
			if err := SplitPayload(r.Body, s.packet); err != nil {
				return err
			}
			if !joined {
				return s.pong(poll)
			}
			return s.pong(func() error { return s.onJoined(s) })
		})
	}
	return poll()
}

// keepPolling parks a poll, and another one after each answer.
func (s *session) keepPolling() error {
	return s.poll.get(s.target, func(r Response) error {
		if err := s.keepPolling(); err != nil {
			return err
		}
		return SplitPayload(r.Body, s.packet)
	})
}

func (s *session) packet(packet []byte) error {
	switch packet[0] {
	case '2':
		s.pinged = true
		return nil
	case '6':
		return nil
	}
	return s.onPacket(packet)
}

// pong answers a ping, if one has come since the last call, and calls then. No
// POST may be under way. Some servers send the first ping with the handshake.
func (s *session) pong(then func() error) error {
	if !s.pinged {
		return then()
	}
	s.pinged = false
	return s.posts.post(s.target, []byte{'3'}, func(Response) error { return then() })
}
