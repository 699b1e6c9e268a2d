package engine

import (
	"slices"
	"sync"
)

// fewMessages and manyMessages lend arrays to connections that have something
// queued: one event, or what gathers while others are written.
var (
	fewMessages  = sync.Pool{New: func() any { return new([few]Message) }}
	manyMessages = sync.Pool{New: func() any { return new([many]Message) }}
)

const few, many = 8, 64

// push queues a message. Called with s.mu held.
func (c *wsConn) push(m Message) {
	if len(c.out) == cap(c.out) {
		c.out = roomier(c.out)
	}
	c.out = append(c.out, m)
}

// roomier moves what is queued to a larger array, if there is one to lend;
// append sees to the rest.
func roomier(out []Message) []Message {
	switch cap(out) {
	case 0:
		return fewMessages.Get().(*[few]Message)[:0]
	case few:
		more := append(manyMessages.Get().(*[many]Message)[:0], out...)
		recycle(out)
		return more
	}
	return out
}

// recycle gives a batch's array back.
func recycle(batch []Message) {
	switch cap(batch) {
	case few:
		clear(batch)
		fewMessages.Put((*[few]Message)(batch[:few]))
	case many:
		clear(batch)
		manyMessages.Put((*[many]Message)(batch[:many]))
	}
}

// waiting is the queue of the current transport. Called with mu held.
func (s *Session) waiting() *[]Message {
	if ws := s.ws.Load(); ws != nil {
		return &ws.out
	}
	return &s.queue
}

// over reports whether more is queued than may be. Called with mu held.
func (s *Session) over() bool {
	limit := s.srv.opts.SendBuffer
	return limit > 0 && s.queued > limit
}

// drop takes the last messages off the queue again. Called with mu held.
func (s *Session) drop(last int) {
	q := s.waiting()
	keep := len(*q) - last
	s.queued -= sizeOf((*q)[keep:])
	clear((*q)[keep:])
	*q = (*q)[:keep]
}

// fits reports whether what is queued over the limit may stay: volatile
// messages go first, and an empty queue takes any one send. What was sent
// together goes together, and stays if some of it has left, or was compressed
// for a client that refers to it. Called with mu held.
func (s *Session) fits(last int) bool {
	q := s.waiting()
	old := len(*q) - last
	kept := (*q)[:0]
	for i := 0; i < old; {
		end := i + 1
		for end < old && (*q)[end].follows {
			end++
		}
		packet := (*q)[i:end]
		i = end
		if packet[0].follows || slices.ContainsFunc(packet, func(m Message) bool { return !m.volatile }) {
			kept = append(kept, packet...)
			continue
		}
		s.queued -= sizeOf(packet)
	}
	own := sizeOf((*q)[old:])
	kept = append(kept, (*q)[old:]...)
	clear((*q)[len(kept):])
	*q = kept
	return !s.over() || s.queued == own
}

// sizeOf is what messages count against a session's outbound bound.
func sizeOf(msgs []Message) (n int64) {
	for i := range msgs {
		n += int64(len(msgs[i].frame))
	}
	return n
}
