package load

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"
)

// attempt begins to connect, and to join the namespace "/".
func (s *storm) attempt(c *stormClient) error {
	if c.polling {
		return s.poll(c)
	}
	server := &s.servers[c.server]
	ws := &WS{kind: SocketIO, key: rand.Uint32(), request: server.request, onMessage: unexpected, auth: c.auth()}
	if s.how.Recovery { // what it has missed
		ws.onMessage = func(*WS, []byte) error { return nil }
	}
	ws.onWelcome = func(packet []byte) { s.welcome(c, packet) }
	ws.onJoined = func(*WS) error { return nil }
	err := s.loop.dialWS(server.address, ws)
	s.own(c, ws.Conn)
	return err
}

func (s *storm) own(c *stormClient, conn *Conn) {
	if conn != nil {
		c.conns = append(c.conns, conn)
		s.owners[conn] = c
	}
}

// auth is the payload of the CONNECT packet.
func (c *stormClient) auth() string {
	if c.pid == "" {
		return ""
	}
	return `{"pid":"` + c.pid + `"}`
}

// welcome takes the answer to the CONNECT packet: the client has joined.
func (s *storm) welcome(c *stormClient, packet []byte) {
	_, rest, _ := bytes.Cut(packet, []byte(`"pid":"`))
	pid, _, _ := bytes.Cut(rest, []byte{'"'})
	if s.how.Recovery {
		if c.pid != "" && string(pid) == c.pid {
			s.result.Recovered++
		}
		c.pid = string(pid)
	}
	c.at = time.Time{}
	s.joined = append(s.joined, time.Since(s.start))
	if s.onBack != nil {
		s.onBack(c)
	}
}

// poll connects by polling: one connection polls, and another one, which is opened when
// there is a session, posts.
func (s *storm) poll(c *stormClient) error {
	polls, err := s.http(c)
	if err != nil {
		return err
	}
	return polls.get(pollingPath, func(r Response) error {
		id := sid(r.Body)
		if id == "" {
			return fmt.Errorf("%w: %.120q", errNoSession, r.Body)
		}
		posts, err := s.http(c)
		if err != nil {
			return err
		}
		target := pollingPath + "&sid=" + id
		if err := posts.post(target, []byte("40"+c.auth()), acknowledged); err != nil {
			return err
		}
		return s.keepPolling(c, polls, posts, target)
	})
}

func (s *storm) http(c *stormClient) (*httpConn, error) {
	h, err := s.loop.dialHTTP(s.servers[c.server].address, s.servers[c.server].host)
	s.own(c, h.Conn)
	return h, err
}

func acknowledged(r Response) error {
	if string(r.Body) != "ok" {
		return fmt.Errorf("load: a POST was answered %.80q", r.Body)
	}
	return nil
}

// keepPolling parks a poll, and another one after each answer.
func (s *storm) keepPolling(c *stormClient, polls, posts *httpConn, target string) error {
	return polls.get(target, func(r Response) error {
		body := bytes.Clone(r.Body)
		if err := s.keepPolling(c, polls, posts, target); err != nil {
			return err
		}
		return SplitPayload(body, func(packet []byte) error {
			switch {
			case packet[0] == '2':
				return posts.post(target, []byte{'3'}, acknowledged)
			case bytes.HasPrefix(packet, []byte(`40{"sid":"`)) && !c.at.IsZero():
				s.welcome(c, packet)
			case packet[0] != '6' && !s.how.Recovery: // with it, what it has missed
				return fmt.Errorf("load: unexpected packet %.80q", packet)
			}
			return nil
		})
	})
}
