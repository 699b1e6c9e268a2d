package engine

import "github.com/gosio/gosio/core/engine/internal/frame"

// Enqueue is Send for a caller that holds a lock which its Receiver takes,
// too: when it returns [ErrSlowConsumer] the session has not ended, and what
// was sent, before and now, stays queued in order. The caller ends the session
// with Overflow once it has released its lock.
func (s *Session) Enqueue(msgs ...Message) error { return s.enqueue(msgs, false) }

// Overflow ends a session whose Enqueue has failed with [ErrSlowConsumer], as
// Send does by itself.
func (s *Session) Overflow() { s.shut(TransportError, ErrSlowConsumer, false) }

// Lost ends a session whose peer is known to be gone, with [TransportClose].
// What is queued is dropped.
func (s *Session) Lost() { s.shut(TransportClose, nil, false) }

// SendBuffer is the bound on what waits for one peer, in bytes; negative: none.
func (srv *Server) SendBuffer() int64 { return srv.opts.SendBuffer }

// Draft returns a text message that lacks its end: buf began as a [TextBuffer].
// It must not be sent before Seal has completed it.
func Draft(buf []byte) Message { return Message{frame: buf, head: frame.MaxHeader} }

// Seal adds the end to a Draft. There is no copy if the buffer has room for it.
func (m Message) Seal(end []byte) Message {
	return Text(append(m.frame, end...)).Compress(!m.plain)
}
