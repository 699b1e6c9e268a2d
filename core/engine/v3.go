package engine

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/parser"
)

// Protocol 3, for clients of Socket.IO 2.x: see Options.AllowEIO3. A session
// of it differs in who sends the pings, in how payloads are put together, and
// in that bytes carry a packet type. All else, its limits and the upgrade
// included, is the same.
// See https://github.com/socketio/engine.io-protocol/tree/v3.

// octetStream is the content type of a binary payload. Clients compare it as it stands.
const octetStream = "application/octet-stream"

var headerOctets = []string{octetStream}

// revision is the session's protocol as requests name it.
func (s *Session) revision() string {
	if s.v3 {
		return "3"
	}
	return "4"
}

// Protocol is the revision of Engine.IO that the client speaks: 4, or 3 with
// Options.AllowEIO3.
func (s *Session) Protocol() int {
	if s.v3 {
		return 3
	}
	return 4
}

// LogValue implements slog.LogValuer: a piece of a hash of the id, which is a
// secret.
func (s *Session) LogValue() slog.Value { return sessionTag(s.id).LogValue() }

// checkRevision decides whether a handshake's protocol is spoken here.
func (srv *Server) checkRevision(q query) *RequestError {
	switch {
	case q.repeated:
	case q.eio == "4":
		return nil
	case q.eio == "3" && srv.opts.AllowEIO3:
		if q.jsonp { // its answers are scripts, which any page could read
			return &RequestError{Code: BadRequest, Message: "JSONP is not supported", Context: "JSONP"}
		}
		return nil
	case q.eio == "3":
		return &RequestError{Code: UnsupportedProtocolVersion, Context: "EIO 3: a client of Socket.IO 2.x; Options.AllowEIO3 lets it in"}
	}
	return &RequestError{Code: UnsupportedProtocolVersion, Context: "EIO " + clip(q.eio)}
}

// allowOctets lets pages of other origins POST binary payloads, for which their
// browsers ask first.
func (c *CORS) allowOctets() {
	if len(c.AllowedHeaders) > 0 && !slices.ContainsFunc(c.AllowedHeaders, func(name string) bool {
		return http.CanonicalHeaderKey(name) == "Content-Type"
	}) {
		c.AllowedHeaders = append(slices.Clip(c.AllowedHeaders), "Content-Type")
	}
}

var pongMessage = control("3")

// firstBeat is the time after which the server sends its first ping or, when
// the client sends the pings, gives up waiting for one.
func (s *Session) firstBeat() time.Duration {
	if s.v3 {
		return time.Duration(clock(s.srv.opts.PingInterval).add(s.srv.opts.PingTimeout))
	}
	return s.srv.opts.PingInterval
}

// beat takes a ping or a pong: who sends which depends on the protocol.
func (s *Session) beat(t parser.Type) error {
	switch {
	case t == parser.Ping && s.v3:
		s.answerPing()
	case t == parser.Pong && !s.v3:
		s.pong()
	default:
		return fail(TransportError, "invalid heartbeat direction")
	}
	return nil
}

// graceV3 gives a client time whose pings were not read, which is this side's
// doing. Called with mu held.
func (s *Session) graceV3(held bool) {
	if !s.v3 || held {
		return
	}
	if by := s.srv.in(s.srv.opts.PingTimeout); s.pingAt < by {
		s.pingAt = by // the timer sees it when it fires
	}
}

// pingLate ends a session whose client has sent no ping in time. Called with mu
// held, which it releases.
func (s *Session) pingLate(now clock) {
	if s.held || s.posting { // not the peer's fault
		s.pingAt = now.add(s.srv.opts.PingTimeout)
		s.arm(s.pingAt)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	s.shut(PingTimeout, nil, false)
}

// answerPing answers a client's ping. A pong that has not left yet answers all
// of them: pings must not fill the queue.
func (s *Session) answerPing() {
	s.mu.Lock()
	if s.state.Load() != stateOpen {
		s.mu.Unlock()
		return
	}
	s.pingAt, s.spared = s.srv.in(s.firstBeat()), 0
	s.arm(s.pingAt)
	var ready *writer
	if q := s.queueLocked(); !q.endsWith(&pongMessage) {
		q.push(pongMessage)
		ready = s.wakeLocked()
	}
	s.mu.Unlock()
	s.srv.flush.add(ready)
}

// appendV3 appends a response to a poll: the batch, then the control packet, if
// any. It is binary if some of the batch is.
func appendV3(dst []byte, batch []Message, end string) (body []byte, binary bool) {
	binary = slices.ContainsFunc(batch, func(m Message) bool { return m.binary })
	for _, m := range batch {
		if binary {
			dst = parser.AppendBinaryV3(dst, m.packet(), m.binary)
		} else {
			dst = parser.AppendTextV3(dst, m.packet())
		}
	}
	switch {
	case end == "":
	case binary:
		dst = parser.AppendBinaryV3(dst, []byte(end), false)
	default:
		dst = parser.AppendTextV3(dst, []byte(end))
	}
	return dst, binary
}

// moveQueueLocked moves what was queued for polling, where bytes of protocol 4
// are base64 in any case, to a WebSocket, in the form that the client takes there.
func (s *Session) moveQueueLocked(to *sendQueue) {
	p := s.queue.take()
	s.queue.credit(int(sizeOf(p.msgs)))
	for _, m := range p.msgs {
		if m.binary && s.base64 && !s.v3 {
			text := m.base64Text()
			text.follows = m.follows
			m = text
		}
		to.push(m)
	}
	to.sampled = p.at
	recycle(p.msgs)
}

// decode reads a packet that has come in a message of a WebSocket or a stream.
func (s *Session) decode(data []byte, binary bool) (parser.Packet, error) {
	switch {
	case s.v3 && binary:
		return parser.DecodeBinaryV3(data)
	case s.v3:
		return parser.DecodeV3(data)
	case binary: // always the data of a message, without a type
		return parser.Packet{Type: parser.Message, Data: data, Binary: true}, nil
	}
	return parser.Decode(data)
}

// isBeat reports whether the client sends packets of this type for the heartbeat.
func (s *Session) isBeat(t parser.Type) bool {
	if s.v3 {
		return t == parser.Ping
	}
	return t == parser.Pong
}

// inKindLocked is a binary message in the form that the session's client takes.
func (s *Session) inKindLocked(m Message) Message {
	switch {
	case s.v3 && s.base64:
		return m.base64V3()
	case s.v3:
		return m.EIO3()
	case s.base64 && s.ws.Load() != nil:
		return m.base64Text()
	}
	return m
}

// EIO3 is a binary message as clients of protocol 3 get it, with the packet
// type: bytes of its own, which a broadcast to many of them shares. A session
// of that protocol does by itself what is not done with it.
func (m Message) EIO3() Message {
	if !m.binary || m.typed {
		return m
	}
	data := m.packet()
	buf := make([]byte, frame.MaxHeader+1+len(data))
	buf[frame.MaxHeader] = byte(parser.Message)
	copy(buf[frame.MaxHeader+1:], data)
	start := frame.PutHeader(buf, frame.Binary, 1+len(data))
	m.frame, m.head, m.typed = buf[start:], uint8(frame.MaxHeader-start), true
	return m
}

// base64V3 is base64Text in protocol 3.
func (m Message) base64V3() Message {
	data := m.Payload()
	n := 2 + base64.StdEncoding.EncodedLen(len(data))
	buf := parser.AppendBase64V3(make([]byte, frame.MaxHeader, frame.MaxHeader+n), data)
	start := frame.PutHeader(buf, frame.Text, n)
	return Message{frame: buf[start:], head: uint8(frame.MaxHeader - start), volatile: m.volatile, plain: m.plain}
}
