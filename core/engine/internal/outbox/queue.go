package outbox

import (
	"slices"
	"sync"
)

// Budget is how many bytes may wait to be sent to one client, in all its queues
// together. The lock of the client's session guards it.
type Budget struct {
	Used  int64
	Limit int64 // zero and less: none

	low   chan struct{} // closed when no more than lowWater is used; nil: nobody waits for that
	keyed *keyed        // of the one queue that has events with keys; nil: none has
}

// lowWater is how many bytes may wait for a client that is written to as fast as it reads.
const lowWater = 64 << 10

// Low returns nil if at most 64 KB are used, otherwise a channel that is closed when so few
// are used.
func (b *Budget) Low() <-chan struct{} {
	if b.Used <= lowWater {
		return nil
	}
	if b.low == nil {
		b.low = make(chan struct{})
	}
	return b.low
}

// lowered tells who waits for Low.
func (b *Budget) lowered() {
	if b.Used <= lowWater {
		close(b.low)
		b.low = nil
	}
}

// Over reports whether more is queued than may be.
func (b *Budget) Over() bool { return b.Limit > 0 && b.Used > b.Limit }

// Queue is what waits to be sent by one transport: polling, a WebSocket, or
// a WebSocket that is being tried. What is taken out to be written counts until
// it is credited. The lock of the session guards a queue, and is held while its methods
// are called.
type Queue struct {
	Msgs   []Message
	Bytes  int64 // of Msgs, and of what is being written
	Budget *Budget
	timed  *Timing // nil: nothing is to be told of Msgs when they are written
}

// Push appends a message.
func (q *Queue) Push(m Message) {
	if len(q.Msgs) == cap(q.Msgs) {
		q.Msgs = grow(q.Msgs)
	}
	q.Msgs = append(q.Msgs, m)
	q.Credit(-len(m.Frame))
}

// Take empties the queue and returns what was in it, to be written.
func (q *Queue) Take() Batch {
	if q.Budget.keyed != nil {
		q.unkey()
	}
	p := Batch{Msgs: q.Msgs, timed: q.timed}
	q.Msgs, q.timed = nil, nil
	return p
}

// PutBack queues what was taken again, before everything else.
func (q *Queue) PutBack(p Batch) {
	if k := q.table(); k != nil {
		k.shift(len(p.Msgs))
	}
	q.Msgs = append(p.Msgs, q.Msgs...)
	q.takeTiming(q.Msgs[:len(p.Msgs)], p.timed)
}

// Credit subtracts n bytes that are written, or need not be.
func (q *Queue) Credit(n int) {
	q.Bytes -= int64(n)
	q.Budget.Used -= int64(n)
	if q.Budget.low != nil {
		q.Budget.lowered()
	}
}

// Waiting is how many messages are queued, without the 101 in front of them.
func (q *Queue) Waiting() int {
	n := len(q.Msgs)
	if k := q.table(); k != nil {
		n -= k.gaps
	}
	if n > 0 && q.Msgs[0].Answer {
		n--
	}
	return n
}

// EndsWith reports whether m is the last message.
func (q *Queue) EndsWith(m *Message) bool {
	n := len(q.Msgs)
	return n > 0 && &q.Msgs[n-1].Frame[0] == &m.Frame[0]
}

// Clear drops what is queued, but not the 101 in front of it.
func (q *Queue) Clear() {
	q.unkey()
	q.Drop(q.Waiting())
	q.untime()
}

// Drop takes the last messages off the queue again. They must not be known to Keep.
func (q *Queue) Drop(last int) {
	keep := len(q.Msgs) - last
	q.Credit(int(SizeOf(q.Msgs[keep:])))
	clear(q.Msgs[keep:])
	q.Msgs = q.Msgs[:keep]
	if k := q.table(); k != nil && k.gaps > 0 {
		q.compact() // the last message has a frame
	}
}

// Fail drops everything, also what is being written.
func (q *Queue) Fail() {
	q.unkey()
	q.Credit(int(q.Bytes))
	q.Msgs = nil
	q.untime()
}

// MakeRoom evicts volatile messages for the last ones, which have been pushed
// together and are over the limit. It reports whether those fit: an empty queue
// takes any one send. What was sent together goes together, and stays if some of
// it has left, or was compressed for a client that refers to it.
func (q *Queue) MakeRoom(last int) (evicted int, fits bool) {
	old := len(q.Msgs) - last
	for i := 0; i < old; {
		end := i + 1
		for end < old && q.Msgs[end].Follows {
			end++
		}
		packet := q.Msgs[i:end]
		i = end
		if packet[0].Follows || slices.ContainsFunc(packet, func(m Message) bool { return !m.Volatile }) {
			continue
		}
		q.empty(packet)
		evicted += len(packet)
	}
	own := SizeOf(q.Msgs[old:])
	q.compact()
	return evicted, !q.Budget.Over() || q.Budget.Used == own
}

// smallBatches and largeBatches hold arrays for queues that are not empty: for one
// event, or for what is queued while other messages are written.
var (
	smallBatches = sync.Pool{New: func() any { return new([smallBatch]Message) }}
	largeBatches = sync.Pool{New: func() any { return new([largeBatch]Message) }}
)

const smallBatch, largeBatch = 8, 64

// grow moves the messages to a larger array of a pool, if there is one; otherwise append
// does.
func grow(out []Message) []Message {
	switch cap(out) {
	case 0:
		return smallBatches.Get().(*[smallBatch]Message)[:0]
	case smallBatch:
		more := append(largeBatches.Get().(*[largeBatch]Message)[:0], out...)
		Recycle(out)
		return more
	}
	return out
}

// Recycle gives the array of messages that are written back to its pool.
func Recycle(batch []Message) {
	switch cap(batch) {
	case smallBatch:
		clear(batch)
		smallBatches.Put((*[smallBatch]Message)(batch[:smallBatch]))
	case largeBatch:
		clear(batch)
		largeBatches.Put((*[largeBatch]Message)(batch[:largeBatch]))
	}
}

// SizeOf is the number of bytes that messages count against a budget.
func SizeOf(msgs []Message) (n int64) {
	for i := range msgs {
		n += int64(len(msgs[i].Frame))
	}
	return n
}
