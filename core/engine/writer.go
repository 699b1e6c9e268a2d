package engine

import (
	"github.com/gosio/gosio/core/engine/internal/compress"
	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/link"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// writer queues and writes what one WebSocket connection sends, whether that is a
// session's transport or a probe. One goroutine at a time writes what is queued: a
// flusher, a drain, or the reader when it returns from the application. The mu of the
// session guards the state and the queue.
//
// The fields from lease to link are in the order in which a send and a write
// need them, and fill two cache lines: see ready.go.
type writer struct {
	lease     lease  // of the reader: while the reader is lent nothing is scheduled
	shard     uint32 // of the ready list
	state     writeState
	end       endState
	s         *Session
	queue     outbox.Queue
	link      link.Link           // the reader uses the link and the framing, too
	framing   framing             // also tells the session the name of its transport
	deflation *compress.Deflation // nil: messages are not compressed
	written   chan struct{}       // closed when the state becomes writeIdle; made on demand
}

// writeState says who writes.
type writeState uint8

const (
	writeIdle      writeState = iota // nobody: nothing is queued, or the reader is lent
	writeHeld                        // nobody yet: what is queued waits for begin
	writeScheduled                   // the writer is on the ready list, or a flusher is at it
	writeBlocked                     // a drain, as the kernel has refused bytes
)

// endState says whether more can be queued.
type endState uint8

const (
	endOpen   endState = iota
	endQueued          // a close frame is the last message, or nothing can be written any more
	endTold            // the peer of a stream has been told that nothing more comes
)

// moveLocked is the one transition of the state.
func (w *writer) moveLocked(to writeState) {
	w.state = to
	if to == writeIdle && w.written != nil {
		close(w.written)
		w.written = nil
	}
}

// scheduleLocked returns w if it has to be put on the ready list: not while the
// reader is lent, as that writes when it is given back.
func (w *writer) scheduleLocked() *writer {
	if w.state != writeIdle || len(w.queue.Msgs) == 0 || w.lease.lent() {
		return nil
	}
	w.state = writeScheduled
	return w
}

// begin ends writeHeld: what was queued is written.
func (w *writer) begin() {
	w.s.mu.Lock()
	held := w.state == writeHeld
	if held {
		w.state = writeIdle
	}
	ready := w.scheduleLocked()
	if ready == nil && held {
		w.moveLocked(writeIdle) // waitWritten waits for this
	}
	w.s.mu.Unlock()
	w.s.srv.flush.add(ready)
}

// write queues a frame on this connection, whether it is a transport or a probe. It
// fails if the peer causes answers and does not read them.
func (w *writer) write(m outbox.Message) error {
	w.s.mu.Lock()
	if w.s.budget.Over() {
		w.s.mu.Unlock()
		return ErrSlowConsumer
	}
	var ready *writer
	if w.end == endOpen {
		w.queue.Push(m)
		ready = w.scheduleLocked()
	}
	w.s.mu.Unlock()
	w.s.srv.flush.add(ready)
	return nil
}

// writableLocked reports whether the connection has taken what was written before.
func (w *writer) writableLocked() bool { return w.state != writeBlocked }

// closeLocked makes a close frame the last message: with flush behind what is
// queued, otherwise in its place.
func (w *writer) closeLocked(code int, flush bool) *writer {
	if !flush {
		w.queue.Clear()
	}
	if w.end == endOpen {
		w.queue.Push(outbox.RawFrame(frame.AppendClose(nil, code, "")))
		w.end = endQueued
	}
	return w.scheduleLocked()
}

// stopLocked drops what is queued, and has nothing queued any more.
func (w *writer) stopLocked() {
	w.queue.Clear()
	w.end = max(w.end, endQueued)
}

// waitWritten waits until what is queued is written, or cannot be: the session's timer
// aborts a connection that takes too long.
func (w *writer) waitWritten() {
	w.s.mu.Lock()
	if w.state == writeIdle {
		w.s.mu.Unlock()
		return
	}
	written := make(chan struct{})
	w.written = written
	w.s.mu.Unlock()
	<-written
}

// flushed accounts for a batch that is written.
func (w *writer) flushed(batch []outbox.Message, total int) (again bool) {
	outbox.Recycle(batch)
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.queue.Credit(total)
	if len(w.queue.Msgs) > 0 {
		return true
	}
	w.moveLocked(writeIdle)
	return false
}

// putBack queues what was taken to be written again, before everything else.
func (w *writer) putBack(p outbox.Batch) {
	w.s.mu.Lock()
	w.queue.PutBack(p)
	w.s.mu.Unlock()
}

// credit subtracts written bytes from what is queued.
func (w *writer) credit(n int) {
	w.s.mu.Lock()
	w.queue.Credit(n)
	w.s.mu.Unlock()
}
