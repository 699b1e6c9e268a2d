package engine

import (
	"github.com/gosio/gosio/core/engine/internal/compress"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// Messages are compressed immediately before they are written, by the goroutine that
// writes: Send stays as fast as without, no lock is held, and what a connection with
// takeover sends is compressed in its order. A flusher compresses only little: it
// leaves more to a goroutine, which puts the connection back on the ready list. See
// flush.go.

// maxDeflate is how many bytes of a connection a flusher compresses by itself, in
// 0.1 ms or so. (At level 1; takeover adds the window to each message.)
const maxDeflate = 16 << 10

// deflate compresses a batch that is about to be written. It reports false if too much
// is to be compressed for a flusher.
func (w *writer) deflate(batch []outbox.Message) (ok bool) {
	saved, work := w.deflation.Reuse(batch)
	if saved != 0 {
		w.credit(saved)
	}
	if work > maxDeflate {
		return false
	}
	if work > 0 {
		w.deflateAll(batch)
	}
	return true
}

// deflateAll compresses a batch, however long that takes.
func (w *writer) deflateAll(batch []outbox.Message) {
	if saved := w.deflation.Deflate(batch); saved != 0 {
		w.credit(saved)
	}
}

// deflateAside compresses a batch that would hold up a flusher, puts it back
// and the connection on the ready list. The state stays writeScheduled meanwhile:
// nobody else writes.
func (w *writer) deflateAside(rest outbox.Batch) {
	s := w.s
	s.mu.Lock()
	s.refs++
	s.mu.Unlock()
	go func() {
		defer s.unref()
		compress.Acquire()
		w.deflateAll(rest.Msgs)
		compress.Release()
		w.putBack(rest)
		s.srv.flush.add(w)
	}()
}
