package engine

import "github.com/gosio/gosio/core/engine/internal/link"

// flush writes what is queued, without waiting. It reports whether more was
// queued meanwhile, and the writer belongs on the ready list again.
func (w *writer) flush(b *link.WriteBuffer) (again bool) {
	w.s.mu.Lock()
	rest := w.queue.Take()
	w.s.mu.Unlock()
	batch := rest.Msgs
	if w.deflation != nil && !w.deflate(batch) {
		// What is not to be compressed leaves first: else a client to whom there is
		// always something new to compress would get nothing.
		n := w.deflation.Leading(batch)
		if n == 0 {
			w.deflateAside(rest)
			return false
		}
		w.putBack(rest.Split(n))
	}
	if !w.link.Direct() { // a write could block
		w.startDrain(rest, 0)
		return false
	}
	total := 0
	for !rest.Empty() {
		n, err := w.link.TryWrite(b, rest.Next(b.Scratch[:]))
		if err != nil {
			w.fail(err)
			return false
		}
		total += n
		rest.Wrote(n)
		if n == 0 {
			w.startDrain(rest, total)
			return false
		}
	}
	again = w.flushed(batch, total)
	if at := rest.Done(); at > 0 { // the last step, as the application may end this goroutine
		if again {
			w.s.srv.flush.add(w)
		}
		w.s.flushed(at)
		return false
	}
	return again
}
