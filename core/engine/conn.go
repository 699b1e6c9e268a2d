package engine

import (
	"net"
	"time"

	"github.com/gosio/gosio/core/engine/internal/link"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// wsConn is one WebSocket connection: the transport of a session, or a probe
// that may become it. It puts the parts together: what comes in takes the way
// link, reader, framing, session; what goes out session, writer, framing, link.
// One on a stream differs in its framing only.
//
// What a send and a write need comes first: see ready.go.
type wsConn struct {
	writer writer

	s      *Session
	probe  *probe // nil: the session's transport; belongs to the reader
	reader reader

	unfinished  unfinished    // left by the messages of the bytes being fed; belongs to the reader
	opening     *time.Timer   // runs writer.begin, instead of run: see Options.OpenDelay
	over        chan struct{} // closed when the connection has ended, if its caller waits
	subprotocol string        // that was agreed on
}

// init puts the parts of a connection together. p is nil for a session's transport.
func (c *wsConn) init(s *Session, conn net.Conn, f framing, p *probe) *wsConn {
	shard := s.srv.flush.next()
	c.s, c.probe = s, p
	c.writer = writer{shard: shard, s: s, link: link.New(conn), framing: f, queue: outbox.Queue{Budget: &s.budget}}
	c.reader = reader{srv: s.srv, link: &c.writer.link, activity: activity{flush: &s.srv.flush, shard: shard}}
	if c.reader.link.Direct() {
		c.reader.ready = c.reader.onReadable
	}
	return c
}

// newWebSocket returns the connection of a session on a WebSocket that was accepted.
func newWebSocket(s *Session, a accepted, p *probe) *wsConn {
	both := new(struct { // one allocation for what lives as long
		conn    wsConn
		framing webSocketFraming
	})
	c, f := &both.conn, &both.framing
	c.init(s, a.Conn, f, p)
	c.subprotocol = a.subprotocol
	f.opts = &s.srv.opts
	if c.writer.deflation = a.deflation; a.deflation != nil {
		f.inflater = a.deflation.Inflater
	}
	return c
}
