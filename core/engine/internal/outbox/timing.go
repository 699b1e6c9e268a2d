package outbox

import (
	"sync"
	"time"
)

// Mark is told when a message was written to the connection, or is in the response to a
// poll. Written is called without a lock, and must not block.
type Mark interface{ Written() }

// Timing is what is to be told of the messages of a queue, or of a batch, when they are
// written. Most have none.
type Timing struct {
	Sampled time.Duration // when the one message that is timed was queued; 0: none is
	marks   []Mark        // by Message.mark-1; of messages that are not written any more, too
}

// timings are those that nothing is to be told of any more.
var timings = sync.Pool{New: func() any { return new(Timing) }}

// maxMarks is how many messages of a queue have marks. Those count, too, that are not
// written any more, until the queue is taken.
const maxMarks = 255

// timing returns that of the queue.
func (q *Queue) timing() *Timing {
	if q.timed == nil {
		q.timed = timings.Get().(*Timing)
	}
	return q.timed
}

// Sampled returns when the message was queued that is timed; 0 if none is.
func (q *Queue) Sampled() time.Duration {
	if q.timed == nil {
		return 0
	}
	return q.timed.Sampled
}

// Sample begins to time the last message.
func (q *Queue) Sample(now time.Duration) { q.timing().Sampled = now }

// Mark has the mark told when the last message is written, unless 255 others wait to be
// told of messages of this queue.
func (q *Queue) Mark(m Mark) { q.Msgs[len(q.Msgs)-1].mark = q.timing().add(m) }

// takeTiming takes what is to be told of messages of the queue that were another one's.
func (q *Queue) takeTiming(of []Message, from *Timing) {
	switch {
	case from == nil:
	case q.timed == nil:
		q.timed = from
	default:
		q.timed.take(of, from)
	}
}

// untime forgets what is to be told.
func (q *Queue) untime() {
	q.timed.free()
	q.timed = nil
}

func (t *Timing) add(m Mark) (number uint8) {
	if len(t.marks) == maxMarks {
		return 0
	}
	t.marks = append(t.marks, m)
	return uint8(len(t.marks)) //nolint:gosec // at most maxMarks
}

// take adds what another one has of messages, and forgets it.
func (t *Timing) take(of []Message, from *Timing) {
	for i := range of {
		if n := of[i].mark; n > 0 {
			of[i].mark = t.add(from.marks[n-1])
		}
	}
	if from.Sampled > 0 {
		t.Sampled = from.Sampled
	}
	from.free()
}

// free gives back what nobody uses any more. t may be nil.
func (t *Timing) free() {
	if t == nil {
		return
	}
	clear(t.marks)
	t.Sampled, t.marks = 0, t.marks[:0]
	timings.Put(t)
}

// tell tells the mark of a message that is written.
func (t *Timing) tell(m *Message) {
	t.marks[m.mark-1].Written()
}
