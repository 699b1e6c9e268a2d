package engine

import (
	"slices"
	"sync"
	"time"
)

// scratchSize is how many bytes a flusher gathers for one write.
const scratchSize = 64 << 10

// writer is what a flusher needs to write, without an allocation per write.
type writer struct {
	scratch [scratchSize]byte
	data    []byte
	n       int
	err     error
	try     func(fd uintptr)
}

var writers = sync.Pool{New: func() any {
	w := new(writer)
	w.try = w.once
	return w
}}

// pending is a batch of messages of which the first off bytes are written.
type pending struct {
	msgs []Message
	off  int
	at   time.Duration // see Session.takeSample
}

func (p *pending) empty() bool { return len(p.msgs) == 0 }

// size is how many bytes are not written.
func (p *pending) size() int64 { return sizeOf(p.msgs) - int64(p.off) }

// next returns bytes to write: the rest of the first message, or as much of
// several as scratch holds.
func (p *pending) next(scratch []byte) []byte {
	first := p.msgs[0].frame[p.off:]
	if len(p.msgs) == 1 || len(first) >= len(scratch) {
		return first
	}
	n := copy(scratch, first)
	for _, m := range p.msgs[1:] {
		if n+len(m.frame) > len(scratch) {
			break
		}
		n += copy(scratch[n:], m.frame)
	}
	return scratch[:n]
}

// wrote takes n written bytes off the batch.
func (p *pending) wrote(n int) {
	n += p.off
	for len(p.msgs) > 0 && n >= len(p.msgs[0].frame) {
		n -= len(p.msgs[0].frame)
		p.msgs[0] = Message{}
		p.msgs = p.msgs[1:]
	}
	p.off = n
}

// flush writes what the connection has queued. It reports whether the
// connection got more to write meanwhile and belongs on the list again.
func (c *wsConn) flush(w *writer) (again bool) {
	s := c.s
	s.mu.Lock()
	batch := c.out
	c.out = nil
	rest := pending{msgs: batch, at: c.takeSample()}
	s.mu.Unlock()
	if c.deflation != nil && !c.deflate(batch) {
		n := c.leading(batch)
		if n == 0 {
			c.deflateAside(rest)
			return false
		}
		rest.msgs = batch[:n]
		c.putBack(pending{msgs: slices.Clone(batch[n:]), at: rest.at})
		rest.at = 0
	}
	if c.raw == nil { // a write could block
		c.startDrain(rest, 0)
		return false
	}
	total := 0
	for !rest.empty() {
		w.data = rest.next(w.scratch[:])
		err := c.raw.Control(w.try) // not Write: it would make ready to wait
		if err == nil {
			err = w.err
		}
		w.data = nil
		if err != nil {
			c.writeFailed(err, int64(total)+rest.size())
			return false
		}
		total += w.n
		rest.wrote(w.n)
		if w.n == 0 {
			c.startDrain(rest, total)
			return false
		}
	}
	again = c.flushed(batch, total)
	if rest.at > 0 { // the last step, as the application may end this goroutine
		if again {
			s.srv.flush.add(c)
		}
		s.flushed(rest.at)
		return false
	}
	return again
}

// flushed accounts for a batch that is written.
func (c *wsConn) flushed(batch []Message, total int) (again bool) {
	recycle(batch)
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queued -= int64(total)
	if len(c.out) > 0 {
		return true
	}
	c.stopped()
	return false
}

// writeFailed ends a connection that cannot be written to. taken is how many
// bytes the caller has taken off the queue and not credited: a probe's session
// lives on.
func (c *wsConn) writeFailed(err error, taken int64) {
	s := c.s
	s.mu.Lock()
	current := s.ws.Load() == c
	s.mu.Unlock()
	var tell func()
	switch {
	case current && isGone(err):
		tell = s.leave(TransportClose, nil, false, false)
	case current:
		tell = s.leave(TransportError, err, false, false)
	}
	if tell != nil { // others wait for this goroutine
		go tell()
	}
	c.abort()
	s.mu.Lock()
	c.closing = true // nothing is queued from now on
	s.queued -= taken + sizeOf(c.out)
	clear(c.out)
	c.out = nil
	c.stopped()
	s.mu.Unlock()
}
