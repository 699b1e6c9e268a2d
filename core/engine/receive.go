package engine

import (
	"time"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// What the framing of a connection finds: see frame.Handler. All of it runs on
// the reader.

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
		c.s.answerInKind()
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

// Pong implements frame.Handler. Nobody asked for it: Engine.IO has pings of
// its own.
func (c *wsConn) Pong([]byte) error { return nil }

// peerClosed stops the reader after the peer's close frame.
type peerClosed struct{ code int }

func (*peerClosed) Error() string { return "engine: peer closed the connection" }

// Close implements frame.Handler.
func (c *wsConn) Close(code int, _ []byte) error { return &peerClosed{code} }
