package outbox

import (
	"slices"
	"time"
)

// Batch is messages that are being written.
type Batch struct {
	Msgs  []Message
	off   int // bytes of the first message that are written
	timed *Timing
}

// Empty reports whether everything is written.
func (b *Batch) Empty() bool { return len(b.Msgs) == 0 }

// Next returns bytes to write: the rest of the first message, or as much of
// several as scratch holds.
func (b *Batch) Next(scratch []byte) []byte {
	first := b.Msgs[0].Frame[b.off:]
	if len(b.Msgs) == 1 || len(first) >= len(scratch) {
		return first
	}
	n := copy(scratch, first)
	for _, m := range b.Msgs[1:] {
		if n+len(m.Frame) > len(scratch) {
			break
		}
		n += copy(scratch[n:], m.Frame)
	}
	return scratch[:n]
}

// Wrote removes n written bytes from the batch.
func (b *Batch) Wrote(n int) {
	n += b.off
	for len(b.Msgs) > 0 && n >= len(b.Msgs[0].Frame) {
		n -= len(b.Msgs[0].Frame)
		if b.Msgs[0].mark > 0 {
			b.timed.tell(&b.Msgs[0])
		}
		b.Msgs[0] = Message{}
		b.Msgs = b.Msgs[1:]
	}
	b.off = n
}

// Split takes all but n messages out of the batch, in which nothing is written yet, together
// with the message that is timed.
func (b *Batch) Split(n int) (rest Batch) {
	rest = Batch{Msgs: slices.Clone(b.Msgs[n:]), timed: b.timed}
	b.Msgs, b.timed = b.Msgs[:n], nil
	for i := range b.Msgs {
		if m := b.Msgs[i].mark; m > 0 {
			if b.timed == nil {
				b.timed = timings.Get().(*Timing)
			}
			b.Msgs[i].mark = b.timed.add(rest.timed.marks[m-1])
		}
	}
	return rest
}

// Tell tells the marks of all messages, which are written together.
func (b *Batch) Tell() {
	if b.timed == nil || len(b.timed.marks) == 0 {
		return
	}
	for i := range b.Msgs {
		if b.Msgs[i].mark > 0 {
			b.timed.tell(&b.Msgs[i])
		}
	}
}

// Done is called when everything is written. It returns when the message was queued that is
// timed; 0 if none is.
func (b *Batch) Done() (sampled time.Duration) {
	if b.timed == nil {
		return 0
	}
	sampled = b.timed.Sampled
	b.timed.free()
	b.timed = nil
	return sampled
}
