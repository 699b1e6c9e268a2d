package outbox

import "time"

// Batch is messages that are being written.
type Batch struct {
	Msgs []Message
	off  int           // bytes of the first message that are written
	At   time.Duration // see Queue.Sampled
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
		b.Msgs[0] = Message{}
		b.Msgs = b.Msgs[1:]
	}
	b.off = n
}
