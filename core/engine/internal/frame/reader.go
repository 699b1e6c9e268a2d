package frame

import (
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"
)

// Limits bounds what a [Reader] accepts. The zero value bounds nothing.
type Limits struct {
	// Message is the longest message, in bytes of payload over all its
	// fragments. Zero and less: no limit but half the address space.
	Message int64

	// Fragments is the largest number of frames of one message, empty ones
	// included. Zero and less: no limit.
	Fragments int

	// Inflater decompresses messages, whose limit counts for what comes of
	// them. Nil: compressed messages are protocol errors. It must stay the same
	// for a connection.
	Inflater *Inflater
}

// message is the limit, in bytes.
func (l Limits) message() int64 {
	if l.Message > 0 {
		return min(l.Message, math.MaxInt/2)
	}
	return math.MaxInt / 2
}

// check refuses a frame of size bytes that continues a message of have bytes.
func (l Limits) check(have int, size uint64, deflated bool) error {
	limit := uint64(l.message())
	if deflated {
		limit += uint64(slack(int64(limit)))
	}
	if size > limit || uint64(have) > limit-size {
		return errMessageTooBig
	}
	return nil
}

// Handler receives what [Reader.Feed] finds, in the order of the wire, on the
// goroutine that calls Feed. Data aliases the fed bytes or a buffer of the
// Reader and is valid only during the call; the handler may change it. An error
// stops Feed, which returns it as it is; the Reader is then finished. A handler
// must not call the Reader.
type Handler interface {
	// Message is called for a whole message. Unless binary, it is valid UTF-8.
	Message(data []byte, binary bool) error

	// Ping is called for a ping, which is to be answered by a pong with the
	// same data, at most 125 bytes. It may come inside a fragmented message.
	Ping(data []byte) error

	// Pong is called for a pong, asked for or not.
	Pong(data []byte) error

	// Close is called for a close frame, with [CodeNoStatus] if it had no code.
	// The reason is valid UTF-8. What follows on the connection is ignored.
	Close(code int, reason []byte) error
}

// Reader parses the frames of one client. The zero value is ready for use. It
// is for one goroutine at a time and needs no clean-up.
type Reader struct {
	part *partial // nil between messages
	err  error    // once set, nothing more is parsed; errClosed after a close frame
}

// Feed parses src, the next bytes of the connection, and calls h for everything
// they complete. It changes src (unmasking), consumes all of it and keeps a
// copy of what is incomplete. The limits may differ from call to call.
//
// An error is an [*Error] if the peer caused it, otherwise it is the handler's.
// Either way the Reader is finished and returns the same error from then on.
// After a close frame it ignores its input and returns nil.
func (r *Reader) Feed(src []byte, lim Limits, h Handler) error {
	if r.err == nil {
		if r.err = r.feed(src, lim, h); r.err == nil {
			return nil
		}
		if r.part != nil {
			r.part.release()
			r.part = nil
		}
	}
	if errors.Is(r.err, errClosed) {
		return nil
	}
	return r.err
}

func (r *Reader) feed(src []byte, lim Limits, h Handler) error {
	for len(src) > 0 {
		var n int
		var err error
		if r.part == nil {
			if n, err = feedWhole(src, lim, h); n == 0 && err == nil {
				r.part = newPartial()
			}
		} else if n, err = r.part.feed(src, lim, h); r.part.idle() {
			r.part.release()
			r.part = nil
		}
		if err != nil {
			return err
		}
		src = src[n:]
	}
	return nil
}

// Partial reports whether a frame or a message is incomplete, and how many
// bytes of memory the Reader holds for it.
//
// A limit on the time a message may take starts when open becomes true, and
// starts again in every Feed that called [Handler.Message]: what is incomplete
// after such a Feed began in it.
func (r *Reader) Partial() (open bool, size int) {
	if r.part == nil {
		return false, 0
	}
	return true, partialSize + cap(r.part.data)
}

// feedWhole handles the frame at the start of src if it is a whole message or
// a whole control frame, in place, and returns its size. It returns 0 if the
// frame is anything else.
func feedWhole(src []byte, lim Limits, h Handler) (int, error) {
	hd, err := parseHeader(src, lim.Inflater != nil)
	if err != nil || hd.size == 0 {
		return 0, err
	}
	if !hd.op.control() {
		if hd.op == Continuation {
			return 0, errNotStarted
		}
		if err := lim.check(0, hd.len, hd.deflated); err != nil {
			return 0, err
		}
	}
	if !hd.fin || hd.len > uint64(len(src)-hd.size) {
		return 0, nil
	}
	end := hd.size + int(hd.len)
	data := src[hd.size:end:end]
	unmask(data, hd.key)
	switch {
	case hd.deflated:
		return end, lim.Inflater.deliver(data, hd.op == Binary, lim, h)
	case hd.op == Text:
		if !utf8.Valid(data) {
			return 0, errText
		}
		return end, h.Message(data, false)
	case hd.op == Binary:
		return end, h.Message(data, true)
	default:
		return end, handleControl(hd.op, data, h)
	}
}

// handleControl passes a whole control frame on. After a close frame it returns
// errClosed.
func handleControl(op Opcode, data []byte, h Handler) error {
	switch op {
	case Ping:
		return h.Ping(data)
	case Pong:
		return h.Pong(data)
	}
	code, reason := CodeNoStatus, []byte(nil)
	switch {
	case len(data) == 1:
		return errCloseSize
	case len(data) > 1:
		code, reason = int(binary.BigEndian.Uint16(data)), data[2:]
		if !validCode(code) {
			return errCloseCode
		}
		if !utf8.Valid(reason) {
			return errCloseReason
		}
	}
	if err := h.Close(code, reason); err != nil {
		return err
	}
	return errClosed
}
