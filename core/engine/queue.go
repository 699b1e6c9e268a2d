package engine

import "sync"

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
