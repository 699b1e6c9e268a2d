package engine

import (
	"time"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/outbox"
	"github.com/gosio/gosio/core/engine/parser"
)

// The messages and control frames that the framing of a connection finds: see
// frame.Handler. These methods run on the reader.

// Message implements frame.Handler.
func (c *wsConn) Message(data []byte, binary bool) error {
	c.reader.messages++
	if c.probe != nil {
		return c.probe.message(c, data, binary)
	}
	p, err := c.s.decode(data, binary)
	c.reader.stack = c.reader.stack.after(err == nil && c.s.isBeat(p.Type))
	if err != nil {
		return &failure{ReasonParseError, err}
	}
	if p.Binary && !binary {
		c.s.useBase64()
	}
	w, err := c.s.receive(p, false)
	c.unfinished.add(w)
	return err
}

// Ping implements frame.Handler: RFC 6455 section 5.5.2.
func (c *wsConn) Ping(data []byte) error {
	if limit := c.s.srv.opts.ControlFrames; limit > 0 && !c.reader.pings.take(time.Now().UnixNano(), limit, c.s.srv) {
		return errTooManyPings
	}
	return c.writer.write(outbox.RawFrame(append(frame.AppendHeader(nil, frame.Pong, len(data)), data...)))
}

// Pong implements frame.Handler. It does nothing: this side sends no ping frames, as
// Engine.IO has pings of its own.
func (c *wsConn) Pong([]byte) error { return nil }

// Close implements frame.Handler.
func (c *wsConn) Close(code int, _ []byte) error { return &peerClosed{code} }

// decode reads a packet that has come in a message of a WebSocket or a stream.
func (s *Session) decode(data []byte, binary bool) (parser.Packet, error) {
	switch {
	case s.v3 && binary:
		return parser.DecodeBinaryV3(data)
	case s.v3:
		return parser.DecodeV3(data)
	case binary: // always the data of a message, without a type
		return parser.Packet{Type: parser.TypeMessage, Data: data, Binary: true}, nil
	}
	return parser.Decode(data)
}

// isBeat reports whether the client sends packets of this type for the heartbeat.
func (s *Session) isBeat(t parser.Type) bool {
	if s.v3 {
		return t == parser.TypePing
	}
	return t == parser.TypePong
}

// receive is the one switch on the types of incoming packets. It runs on the goroutine
// of the packet's transport, and returns the work that a message leaves.
func (s *Session) receive(p parser.Packet, polling bool) (Worker, error) {
	if s.state.Load() != stateOpen {
		return nil, nil
	}
	switch p.Type {
	case parser.TypeMessage:
		s.traffic()
		if t := s.srv.traffic.Load(); t != nil {
			t.received(s, len(p.Data))
		}
		w, err := s.recv.Message(p.Data, p.Binary)
		if err != nil {
			return w, &failure{ReasonForcedClose, err}
		}
		return w, nil
	case parser.TypePing, parser.TypePong:
		return nil, s.takeBeat(p.Type)
	case parser.TypeClose:
		if polling { // a WebSocket client closes the connection instead
			return nil, fail(ReasonTransportClose, "closed by the client")
		}
		return nil, nil
	}
	// Noop, Open and Upgrade say nothing here, and some clients send the last
	// two again. The reference ignores them, too.
	return nil, nil
}

// useBase64 has binary messages sent as base64 from now on: a client that sends base64
// over a WebSocket (the stock client's forceBase64) may not take binary frames.
func (s *Session) useBase64() {
	s.mu.Lock()
	s.base64 = true
	s.mu.Unlock()
}

// waitBacklog waits while the Receiver has a backlog, until the session ends. The
// heartbeat does not blame the peer meanwhile. It reports whether it has waited.
//
// A POST waits beyond the end of its request, too: else a client whose requests end
// early could queue more with each.
func (s *Session) waitBacklog(reader *activity) (held bool) {
	for {
		room := s.recv.Backlog()
		if room == nil {
			return held
		}
		held = true
		if reader != nil {
			reader.stop()
		}
		s.setHeld(true)
		select {
		case <-room:
		case <-s.ended():
		}
		s.setHeld(false)
		if s.state.Load() != stateOpen {
			return held
		}
	}
}
