package engine

import (
	"slices"
	"sync"
	"time"
)

// budget is what may wait to be sent to one client, on all its transports
// together, in bytes. The session's mu guards it.
type budget struct {
	used  int64
	limit int64 // zero and less: none
}

// over reports whether more is queued than may be.
func (b *budget) over() bool { return b.limit > 0 && b.used > b.limit }

// sendQueue is what waits to be sent by one transport: polling, a WebSocket, or
// a WebSocket that is being tried. What is taken out to be written counts until
// it is credited. The session's mu guards a queue; its methods are called with
// that held.
type sendQueue struct {
	msgs    []Message
	bytes   int64 // of msgs, and of what is being written
	budget  *budget
	sampled time.Duration // when one of msgs was queued that is timed; 0: none is; see observer.go
}

// push appends a message.
func (q *sendQueue) push(m Message) {
	if len(q.msgs) == cap(q.msgs) {
		q.msgs = roomier(q.msgs)
	}
	q.msgs = append(q.msgs, m)
	q.credit(-len(m.frame))
}

// take empties the queue for somebody who writes what was in it.
func (q *sendQueue) take() pending {
	p := pending{msgs: q.msgs, at: q.sampled}
	q.msgs, q.sampled = nil, 0
	return p
}

// putBack queues again, before everything else, what was taken to be written.
func (q *sendQueue) putBack(p pending) {
	q.msgs = append(p.msgs, q.msgs...)
	if p.at > 0 {
		q.sampled = p.at
	}
}

// credit takes n bytes off that are written, or need not be.
func (q *sendQueue) credit(n int) {
	q.bytes -= int64(n)
	q.budget.used -= int64(n)
}

// waiting is how many messages are queued, without the 101 in front of them.
func (q *sendQueue) waiting() int {
	if len(q.msgs) > 0 && q.msgs[0].answer {
		return len(q.msgs) - 1
	}
	return len(q.msgs)
}

// endsWith reports whether m is the last message.
func (q *sendQueue) endsWith(m *Message) bool {
	n := len(q.msgs)
	return n > 0 && &q.msgs[n-1].frame[0] == &m.frame[0]
}

// clear drops what is queued, but not the 101 in front of it.
func (q *sendQueue) clear() {
	q.drop(q.waiting())
	q.sampled = 0
}

// drop takes the last messages off the queue again.
func (q *sendQueue) drop(last int) {
	keep := len(q.msgs) - last
	q.credit(int(sizeOf(q.msgs[keep:])))
	clear(q.msgs[keep:])
	q.msgs = q.msgs[:keep]
}

// fail drops everything, also what is being written.
func (q *sendQueue) fail() {
	q.credit(int(q.bytes))
	q.msgs, q.sampled = nil, 0
}

// makeRoom evicts volatile messages for the last ones, which have been pushed
// together and are over the limit. It reports whether those fit: an empty queue
// takes any one send. What was sent together goes together, and stays if some of
// it has left, or was compressed for a client that refers to it.
func (q *sendQueue) makeRoom(last int) (evicted int, fits bool) {
	before := len(q.msgs)
	old := before - last
	kept := q.msgs[:0]
	for i := 0; i < old; {
		end := i + 1
		for end < old && q.msgs[end].follows {
			end++
		}
		packet := q.msgs[i:end]
		i = end
		if packet[0].follows || slices.ContainsFunc(packet, func(m Message) bool { return !m.volatile }) {
			kept = append(kept, packet...)
			continue
		}
		q.credit(int(sizeOf(packet)))
	}
	own := sizeOf(q.msgs[old:])
	kept = append(kept, q.msgs[old:]...)
	clear(q.msgs[len(kept):])
	q.msgs = kept
	return before - len(kept), !q.budget.over() || q.budget.used == own
}

// smallBatches and largeBatches lend arrays to queues that are not empty: one
// event, or what gathers while others are written.
var (
	smallBatches = sync.Pool{New: func() any { return new([smallBatch]Message) }}
	largeBatches = sync.Pool{New: func() any { return new([largeBatch]Message) }}
)

const smallBatch, largeBatch = 8, 64

// roomier moves what is queued to a larger array, if there is one to lend;
// append sees to the rest.
func roomier(out []Message) []Message {
	switch cap(out) {
	case 0:
		return smallBatches.Get().(*[smallBatch]Message)[:0]
	case smallBatch:
		more := append(largeBatches.Get().(*[largeBatch]Message)[:0], out...)
		recycle(out)
		return more
	}
	return out
}

// recycle gives the array of messages that are written back.
func recycle(batch []Message) {
	switch cap(batch) {
	case smallBatch:
		clear(batch)
		smallBatches.Put((*[smallBatch]Message)(batch[:smallBatch]))
	case largeBatch:
		clear(batch)
		largeBatches.Put((*[largeBatch]Message)(batch[:largeBatch]))
	}
}

// sizeOf is what messages count against a session's budget.
func sizeOf(msgs []Message) (n int64) {
	for i := range msgs {
		n += int64(len(msgs[i].frame))
	}
	return n
}
