package engine

import (
	"sync"
	"time"
)

// scratchSize is how many bytes a flusher gathers for one write.
const scratchSize = 64 << 10

// writeBuffer is what a goroutine needs to write to connections, without an
// allocation per write.
type writeBuffer struct {
	scratch [scratchSize]byte
	data    []byte
	n       int
	err     error
	try     func(fd uintptr)
}

var writeBuffers = sync.Pool{New: func() any {
	b := new(writeBuffer)
	b.try = b.once
	return b
}}

// pending is a batch of messages of which the first off bytes are written.
type pending struct {
	msgs []Message
	off  int
	at   time.Duration // see sendQueue.sampled
}

func (p *pending) empty() bool { return len(p.msgs) == 0 }

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
