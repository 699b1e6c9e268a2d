package engine

import (
	"errors"
	"os"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/link"
)

// ended maps the end of the reader to the end of its session, and sees that
// the close frame leaves before the connection is closed.
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
		reason = ReasonTransportClose // and its code is answered in kind
	case link.IsGone(err):
		reason, cause = ReasonTransportClose, nil
	}
	answers := f != nil || broken != nil || closed != nil // to what came before it
	defer func() {
		if c.opening != nil && c.opening.Stop() {
			c.writer.begin()
		}
		c.writer.waitWritten()
		if f != nil || broken != nil {
			c.reader.discard()
		}
	}()
	if c.probe == nil {
		c.s.shut(reason, cause, answers)
	} else {
		c.probe.ended(c, cause)
	}
}
