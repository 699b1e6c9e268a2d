package engine

import "slices"

// flush writes what is queued, without waiting. It reports whether more was
// queued meanwhile, and the writer belongs on the ready list again.
func (w *writer) flush(b *writeBuffer) (again bool) {
	w.s.mu.Lock()
	rest := w.queue.take()
	w.s.mu.Unlock()
	batch := rest.msgs
	if w.deflation != nil && !w.deflate(batch) {
		n := w.leading(batch)
		if n == 0 {
			w.deflateAside(rest)
			return false
		}
		rest.msgs = batch[:n]
		w.putBack(pending{msgs: slices.Clone(batch[n:]), at: rest.at})
		rest.at = 0
	}
	if w.link.raw == nil { // a write could block
		w.startDrain(rest, 0)
		return false
	}
	total := 0
	for !rest.empty() {
		n, err := w.link.tryWrite(b, rest.next(b.scratch[:]))
		if err != nil {
			w.fail(err)
			return false
		}
		total += n
		rest.wrote(n)
		if n == 0 {
			w.startDrain(rest, total)
			return false
		}
	}
	again = w.flushed(batch, total)
	if rest.at > 0 { // the last step, as the application may end this goroutine
		if again {
			w.s.srv.flush.add(w)
		}
		w.s.flushed(rest.at)
		return false
	}
	return again
}

// flushed accounts for a batch that is written.
func (w *writer) flushed(batch []Message, total int) (again bool) {
	recycle(batch)
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.queue.credit(total)
	if len(w.queue.msgs) > 0 {
		return true
	}
	w.moveLocked(writeIdle)
	return false
}

// putBack queues again, before everything else, what was taken to be written.
func (w *writer) putBack(p pending) {
	w.s.mu.Lock()
	w.queue.putBack(p)
	w.s.mu.Unlock()
}

// credit takes written bytes off what is queued.
func (w *writer) credit(n int) {
	w.s.mu.Lock()
	w.queue.credit(n)
	w.s.mu.Unlock()
}
