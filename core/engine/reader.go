package engine

import (
	"time"

	"github.com/gosio/gosio/core/engine/internal/clock"
	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/link"
)

// reader is the way in of one WebSocket connection. It is used by one goroutine
// at a time: see lend.go for how that changes.
type reader struct {
	srv      *shared
	link     *link.Link
	ready    func(fd uintptr) bool // onReadable, bound once; nil where it is not used
	input    link.Input            // what onReadable has read
	activity activity
	pings    pingLimit
	stack    stackState

	timed      bool       // an incomplete message has a read deadline
	extensions uint8      // how often such a message was given more time; see package clock
	messages   uint32     // that have been completed
	messageBy  clock.Time // with timed
}

// read waits for bytes and returns those that have arrived, in a buffer that
// the caller puts back.
func (r *reader) read() (*link.ReadBuffer, int, error) {
	if !r.link.Direct() {
		return r.link.ReadBlocking()
	}
	if err := r.link.Wait(r.ready); err != nil {
		return nil, 0, err
	}
	return r.input.Take()
}

// onReadable reads once. It reports false if there is nothing to read yet.
func (r *reader) onReadable(fd uintptr) bool {
	if !r.input.TryRead(fd) {
		r.activity.stop()
		return false
	}
	if !r.input.Failed() {
		r.activity.start()
	}
	return true
}

// limit sets, or takes away, the time that a message may take which the bytes
// just read have left incomplete. before is what messages was before these. more
// reports that they belong to a message that has its time already.
func (r *reader) limit(partial bool, before uint32) (more bool, err error) {
	d := r.srv.opts.MessageTimeout
	switch {
	case !partial && !r.timed:
		return false, nil
	case !partial:
		r.timed = false
		return false, r.link.SetReadDeadline(time.Time{})
	case d > 0 && (!r.timed || r.messages != before):
		r.timed = true
		r.extensions = 0
		return false, r.limitMessage(d)
	}
	return true, nil
}

// limitMessage sets the time in which an incomplete message has to be complete.
func (r *reader) limitMessage(d time.Duration) error {
	r.messageBy = r.srv.clock.In(d)
	return r.link.SetReadDeadline(time.Now().Add(d))
}

// resume gives an incomplete message its time anew, as the reader was held up and
// the rest of it may have come long ago.
func (r *reader) resume() {
	if r.timed {
		_ = r.limitMessage(r.srv.opts.MessageTimeout) // reading fails where this does
	}
}

// messageLate returns err, which says that the time is over, or gives the
// message more.
func (r *reader) messageLate(err error) error {
	if !r.timed {
		return err
	}
	more := r.srv.clock.Extend(r.messageBy, r.srv.clock.Now(), &r.extensions, r.link.Unread)
	if more == 0 {
		return err
	}
	return r.limitMessage(more)
}

// discard reads what a peer still sends that broke the protocol: closing with
// unread bytes would reset the connection and take the close frame along.
func (r *reader) discard() {
	defer r.activity.stop()
	_ = r.link.SetReadDeadline(time.Now().Add(r.srv.opts.CloseTimeout))
	for {
		buf, n, err := r.read()
		if buf != nil {
			link.ReadBuffers.Put(buf)
		}
		if err != nil || n == 0 {
			return
		}
	}
}

// stackState says whether the reader goes on, after a message, on another
// goroutine: if what came before has grown its stack, and an idle period often
// follows. Go never shrinks a stack of 4 KB, but a new goroutine starts with 2 KB.
type stackState uint8

const (
	stackFirst stackState = iota // no message has come yet: an idle period often follows the first
	stackSmall
	stackGrown // a message may have grown the stack
	stackLeave // maybeRespawn is to start another goroutine
)

// after is the state after a message. A heartbeat is often followed by an idle
// period.
func (s stackState) after(heartbeat bool) stackState {
	switch {
	case s == stackFirst, heartbeat && s == stackGrown:
		return stackLeave
	case heartbeat:
		return stackSmall
	}
	return stackGrown
}

// pingLimit bounds the ping frames of a second.
type pingLimit struct {
	since      int64 // in ns
	n          int32
	extensions uint8 // how often more were taken; see package clock
}

// take reports whether a ping at a time, in ns, is within the limit. Beyond that
// it begins another second if the pings of several may have been read at once,
// because the process was stopped. A connection has maxSpared of those: else a
// server that is always late has no limit.
func (p *pingLimit) take(now int64, limit int, srv *shared) bool {
	if now-p.since > int64(time.Second) {
		p.since, p.n = now, 0
	}
	if p.n++; int(p.n) <= limit {
		return true
	}
	if p.extensions >= clock.MaxExtensions || srv.clock.Grace(srv.clock.Now()) == 0 {
		return false
	}
	p.extensions++
	p.since, p.n = now, 1
	return true
}

var errTooManyPings = &frame.Error{Code: frame.CodePolicyViolation}
