package engine

import (
	"errors"
	"os"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/link"
)

// ended ends the session, or the probe, of a connection whose reader has ended with err,
// and waits until the close frame has left.
func (c *wsConn) ended(err error) {
	reason, cause := ReasonTransportError, err
	var f *failure
	var broken *frame.Error
	var closed *peerClosed
	switch {
	case errors.As(err, &f):
		reason, cause = f.reason, f.err
	case errors.As(err, &broken), errors.Is(err, errNotProbe):
	case errors.Is(err, os.ErrDeadlineExceeded):
		cause = errMessageTimeout
	case errors.As(err, &closed):
		reason = ReasonTransportClose // and the close frame has the same code
	case link.IsGone(err):
		reason, cause = ReasonTransportClose, nil
	}
	answers := f != nil || broken != nil || closed != nil // the peer gets what was queued before
	defer func() {
		if c.opening != nil && c.opening.Stop() {
			c.writer.begin()
		}
		c.writer.waitWritten()
		if f != nil || broken != nil {
			c.hangUp()
		}
	}()
	if c.probe == nil {
		c.s.shut(reason, cause, answers)
	} else {
		c.probe.ended(c, cause)
	}
}

// hangUp ends a connection that was failed: the peer gets the close frame and the end of
// what this side sends, and then has CloseTimeout to end its own side.
// See RFC 6455 section 7.1.1.
func (c *wsConn) hangUp() {
	if c.writer.framing.transport() == WebSocket { // the framing of a stream does it
		c.reader.link.CloseWrite()
	}
	c.reader.discard()
}
