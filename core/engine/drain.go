package engine

import (
	"errors"
	"os"
	"time"
)

// startDrain hands a connection that cannot take its bytes at once to a
// goroutine of its own. scheduled stays set: the drain is the one that writes.
func (c *wsConn) startDrain(rest pending, written int) {
	s := c.s
	s.mu.Lock()
	s.queued -= int64(written)
	c.blocked = true
	s.refs++
	s.mu.Unlock()
	go c.drain(rest)
}

// drain writes until the queue is empty. It ends with the connection, which
// abort and WriteTimeout see to.
func (c *wsConn) drain(rest pending) {
	defer c.s.unref()
	returned := false
	defer func() {
		if !returned { // the application has ended this goroutine
			c.writeFailed(errQuit, rest.size())
		}
	}()
	c.drainAll(&rest)
	returned = true
}

func (c *wsConn) drainAll(rest *pending) {
	w := writers.Get().(*writer)
	defer writers.Put(w)
	for {
		rest.msgs = c.framed(rest.msgs)
		for !rest.empty() {
			n, err := c.writeSome(rest.next(w.scratch[:]))
			if err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					err = ErrSlowConsumer
				}
				c.writeFailed(err, rest.size())
				return
			}
			rest.wrote(n)
			c.s.credit(n)
		}
		c.s.flushed(rest.at)
		_ = c.conn.SetWriteDeadline(time.Time{}) // fails only when it is closed
		s := c.s
		s.mu.Lock()
		if len(c.out) == 0 {
			c.blocked = false
			c.stopped()
			s.mu.Unlock()
			c.endStream()
			return
		}
		*rest = pending{msgs: c.out, at: c.takeSample()}
		c.out = nil
		s.mu.Unlock()
		if c.deflation != nil {
			c.deflateAll(rest.msgs)
		}
	}
}

// maxBlockingWrite is how much is written at once where only a whole write
// tells of progress: the payload of a TLS record.
const maxBlockingWrite = 16 << 10

// writeSome writes at least one byte within WriteTimeout, however slow the peer.
func (c *wsConn) writeSome(b []byte) (int, error) {
	if d := c.s.srv.opts.WriteTimeout; d > 0 {
		if err := c.conn.SetWriteDeadline(time.Now().Add(d)); err != nil {
			return 0, err
		}
	}
	if c.raw == nil { // all of b must get through in that time, and TLS survives no timeout
		b = b[:min(len(b), maxBlockingWrite)]
		n, err := c.conn.Write(b)
		if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
		return n, err
	}
	n, err := c.writeRaw(b)
	if errors.Is(err, os.ErrDeadlineExceeded) { // but the peer may have taken some since: see pause.go
		more := 0
		if c.raw.Control(func(fd uintptr) { more, _ = writeOnce(fd, b) }) == nil && more > 0 {
			return more, nil
		}
	}
	return n, err
}

// credit takes written bytes off what the session has queued.
func (s *Session) credit(n int) {
	s.mu.Lock()
	s.queued -= int64(n)
	s.mu.Unlock()
}
