package socketio

import (
	"sync/atomic"
	"time"
)

// WriteTime is when an event was written to the connection of a recipient: when the
// operating system has taken the last byte or, on polling, when the event was put into the
// response to a poll. That comes after [Observer] Emit has returned what it does. The
// methods may be called concurrently, and of a nil WriteTime.
type WriteTime struct {
	start *time.Time
	after atomic.Int64 // nanoseconds; 0: it is not written
}

// After returns how long after the call the event was written. ok is false as long as it is
// not written, and for ever if it is dropped, if the client leaves before, or if it was one
// of more than 255 traced events that were queued for the client since it was last written
// to, those included that newer ones have replaced.
func (w *WriteTime) After() (after time.Duration, ok bool) {
	if w == nil {
		return 0, false
	}
	after = time.Duration(w.after.Load())
	return after, after > 0
}

// writeMark is a WriteTime for the engine, which tells it that the event is written.
type writeMark WriteTime

// Written implements engine.Mark.
func (w *writeMark) Written() { w.after.Store(max(1, int64(time.Since(*w.start)))) }
