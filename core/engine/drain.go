package engine

import (
	"errors"
	"os"
	"time"

	"github.com/gosio/gosio/core/engine/internal/link"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// startDrain hands a connection that cannot take its bytes at once to a
// goroutine of its own, which writes until the state is writeIdle again. written
// is what has left of the batch.
func (w *writer) startDrain(rest outbox.Batch, written int) {
	s := w.s
	s.mu.Lock()
	w.queue.Credit(written)
	w.moveLocked(writeBlocked)
	s.refs++
	s.mu.Unlock()
	go w.drain(rest)
}

// drain writes until the queue is empty. It ends with the connection, which
// abort and WriteTimeout see to.
func (w *writer) drain(rest outbox.Batch) {
	defer w.s.unref()
	returned := false
	defer func() {
		if !returned { // the application has ended this goroutine
			w.fail(errQuit)
		}
	}()
	w.drainAll(rest)
	returned = true
}

func (w *writer) drainAll(rest outbox.Batch) {
	b := link.WriteBuffers.Get().(*link.WriteBuffer)
	defer link.WriteBuffers.Put(b)
	for {
		msgs, saved := w.framing.outgoing(rest.Msgs)
		if saved != 0 {
			w.credit(saved)
		}
		rest.Msgs = msgs
		for !rest.Empty() {
			n, err := w.link.WriteSome(rest.Next(b.Scratch[:]), w.s.srv.opts.WriteTimeout)
			if err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					err = ErrSlowConsumer
				}
				w.fail(err)
				return
			}
			rest.Wrote(n)
			w.credit(n)
		}
		w.s.flushed(rest.Done())
		_ = w.link.SetWriteDeadline(time.Time{}) // fails only when it is closed
		var more bool
		if rest, more = w.drained(); !more {
			return
		}
		if w.deflation != nil {
			w.deflateAll(rest.Msgs)
		}
	}
}

// drained returns what has been queued meanwhile. If that is nothing, the drain
// ends, and with the last message the stream.
func (w *writer) drained() (rest outbox.Batch, more bool) {
	w.s.mu.Lock()
	if len(w.queue.Msgs) > 0 {
		rest = w.queue.Take()
		w.s.mu.Unlock()
		return rest, true
	}
	last := w.end == endQueued
	if last {
		w.end = endTold
	}
	w.moveLocked(writeIdle)
	w.s.mu.Unlock()
	if last {
		w.framing.end()
	}
	return rest, false
}
