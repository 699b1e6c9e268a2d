package frame

import (
	"sync"
	"unicode/utf8"
)

const (
	partialSize = 224  // of a partial without its data; the tests compare
	firstGrowth = 256  // least first capacity of data, unless the message is smaller
	keepData    = 4096 // largest capacity of data that goes back to the pool
)

// partial is what a Reader remembers of an incomplete frame or message.
type partial struct {
	// The message, while one is open: begun and not yet delivered.
	kind    Opcode // Text or Binary; Continuation while none is open
	frames  int    // begun so far
	checked int    // bytes of data known to be UTF-8, if Text
	data    []byte // unmasked

	// The frame.
	head    [maxClientHeader]byte // its header, while that is incomplete
	control [maxControl]byte      // its payload, if it is a control frame
	headLen int                   // bytes in head
	ctlLen  int                   // bytes in control
	rest    int                   // bytes of payload still to come
	key     uint32                // turned to the next byte of payload
	op      Opcode
	fin     bool
	inBody  bool // the header is complete, the payload is not

	deflated bool // the open message is
}

// partials recycles the memory of incomplete messages. Only what was received
// into a partial is ever read from it, so nothing of one peer reaches another.
var partials = sync.Pool{New: func() any { return new(partial) }}

func newPartial() *partial { return partials.Get().(*partial) }

// release gives p back. The caller forgets it.
func (p *partial) release() {
	data := p.data[:0]
	if cap(data) > keepData {
		data = nil
	}
	*p = partial{data: data}
	partials.Put(p)
}

// idle reports whether p holds nothing: no open message, no part of a frame.
func (p *partial) idle() bool {
	return p.kind == Continuation && p.headLen == 0 && !p.inBody
}

// feed handles the bytes at the start of src, up to the end of a frame at most,
// and returns how many they were: at least one, unless it fails.
func (p *partial) feed(src []byte, lim Limits, h Handler) (n int, err error) {
	if !p.inBody {
		if n, err = p.feedHeader(src, lim); err != nil || !p.inBody {
			return n, err
		}
		src = src[n:]
	}
	body := src[:min(p.rest, len(src))]
	p.key = unmask(body, p.key)
	if p.op.control() {
		p.ctlLen += copy(p.control[p.ctlLen:], body)
	} else if err = p.addData(body); err != nil {
		return 0, err
	}
	p.rest -= len(body)
	if p.rest == 0 {
		err = p.endFrame(lim, h)
	}
	return n + len(body), err
}

// feedHeader moves bytes from src to the header, and starts the frame if that
// completes it.
func (p *partial) feedHeader(src []byte, lim Limits) (n int, err error) {
	had := p.headLen
	p.headLen += copy(p.head[had:], src)
	hd, err := parseHeader(p.head[:p.headLen], lim.Inflater != nil)
	if err != nil {
		return 0, err
	}
	if hd.size == 0 {
		return p.headLen - had, nil
	}
	p.headLen = 0
	return hd.size - had, p.startFrame(hd, lim)
}

// startFrame checks a complete header against the open message and the limits.
func (p *partial) startFrame(hd header, lim Limits) error {
	if !hd.op.control() {
		switch {
		case hd.op == Continuation && p.kind == Continuation:
			return errNotStarted
		case hd.op != Continuation && p.kind != Continuation:
			return errNotFinished
		case hd.op != Continuation:
			p.kind, p.deflated = hd.op, hd.deflated
		}
		if err := lim.check(len(p.data), hd.len, p.deflated); err != nil {
			return err
		}
		p.frames++
		if lim.Fragments > 0 && p.frames > lim.Fragments {
			return errFragments
		}
	}
	p.op, p.fin, p.key = hd.op, hd.fin, hd.key
	p.rest = int(hd.len) // checked: at most 125, or within the limit
	p.ctlLen = 0
	p.inBody = true
	return nil
}

// addData appends body, unmasked, to the open message.
func (p *partial) addData(body []byte) error {
	p.grow(len(body))
	p.data = append(p.data, body...)
	if p.kind != Text || p.deflated {
		return nil
	}
	n, ok := validPrefix(p.data[p.checked:])
	p.checked += n
	if !ok {
		return errText
	}
	return nil
}

// grow makes room for n more bytes: up to twice what has been received, so that
// the cost stays linear and a declared length alone costs nothing, and not more
// than the message still needs if its last frame has begun.
func (p *partial) grow(n int) {
	need := len(p.data) + n
	if need <= cap(p.data) {
		return
	}
	size := max(2*need, firstGrowth)
	if p.fin {
		size = min(size, len(p.data)+p.rest)
	}
	p.data = append(make([]byte, 0, size), p.data...)
}

// endFrame handles the end of a frame's payload.
func (p *partial) endFrame(lim Limits, h Handler) error {
	p.inBody = false
	if p.op.control() {
		return handleControl(p.op, p.control[:p.ctlLen], h)
	}
	if !p.fin {
		return nil
	}
	var err error
	switch {
	case p.deflated:
		err = lim.Inflater.deliver(p.data, p.kind == Binary, lim, h)
	case p.kind == Text && p.checked != len(p.data):
		return errText // ends inside a character
	default:
		err = h.Message(p.data, p.kind == Binary)
	}
	p.kind, p.frames, p.checked, p.data, p.deflated = Continuation, 0, 0, p.data[:0], false
	return err
}

// validPrefix returns the length of the whole characters at the start of b. It
// reports false if they, or what follows them, cannot be UTF-8. At most three
// bytes follow: a character that is not yet complete.
func validPrefix(b []byte) (n int, ok bool) {
	n = len(b)
	for i := n - 1; i >= 0 && i >= len(b)-3; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				n = i
			}
			break
		}
	}
	return n, utf8.Valid(b[:n])
}
