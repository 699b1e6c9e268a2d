package frame

import (
	"compress/flate"
	"errors"
	"io"
	"sync"
	"unicode/utf8"
)

// Inflater decompresses the messages of one connection (permessage-deflate,
// RFC 7692 section 7.2.2). Without Takeover it keeps nothing, and all
// connections may share one; with it each needs its own.
type Inflater struct {
	// Takeover keeps the last 32 KB of what was received: the client may refer
	// to them in its next message (context takeover, RFC 7692 section 7.1.1).
	Takeover bool

	window []byte
}

const (
	// WindowSize is the largest that DEFLATE has, in bytes.
	WindowSize = 1 << 15

	keepOutput = 1 << 16 // largest capacity of output that goes back to the pool

	// tail is what a sender takes off the end of each message, and then a final
	// block, so that the decompressor ends where the message does.
	tail  = "\x00\x00\xff\xff"
	final = "\x01\x00\x00\xff\xff"

	// maxFinals bounds the blocks in a message that say they are the last: what
	// follows such a block costs a copy of the window, however short it is.
	maxFinals = 1024
)

// slack is what DEFLATE may add, at most, to n bytes that it cannot compress:
// a limit on messages must not refuse what obeys it uncompressed.
func slack(n int64) int64 { return n>>10 + 64 }

// inflation is what it takes to decompress one message. It is lent for just
// that: an incomplete message is kept as it came.
type inflation struct {
	src source
	z   io.ReadCloser // and a flate.Resetter
	out []byte
}

var inflations = sync.Pool{New: func() any {
	in := new(inflation)
	in.z = flate.NewReader(&in.src)
	return in
}}

// source reads a message, the tail, and the final block.
type source struct {
	data []byte
	end  string
}

// ReadByte implements io.ByteReader: flate then takes no byte too many.
func (s *source) ReadByte() (byte, error) {
	if len(s.data) > 0 {
		b := s.data[0]
		s.data = s.data[1:]
		return b, nil
	}
	if len(s.end) > 0 {
		b := s.end[0]
		s.end = s.end[1:]
		return b, nil
	}
	return 0, io.EOF
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n := copy(p, s.data)
	s.data = s.data[n:]
	m := copy(p[n:], s.end)
	s.end = s.end[m:]
	if n+m == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n + m, nil
}

// deliver decompresses a message and passes it on.
func (f *Inflater) deliver(data []byte, binary bool, lim Limits, h Handler) error {
	in := inflations.Get().(*inflation)
	defer in.release()
	if err := in.inflate(data, f.window, lim.message()); err != nil {
		return err
	}
	if !binary && !utf8.Valid(in.out) {
		return errText
	}
	if f.Takeover {
		f.window = Slide(f.window, in.out)
	}
	return h.Message(in.out, binary)
}

// release gives in back, without anything of the message.
func (in *inflation) release() {
	in.src = source{}
	in.out = in.out[:0]
	if cap(in.out) > keepOutput {
		in.out = nil
	}
	inflations.Put(in)
}

// Slide appends data to a window of context takeover and returns the last
// [WindowSize] bytes, in an array that is no longer.
func Slide(window, data []byte) []byte {
	data = data[max(0, len(data)-WindowSize):]
	if over := len(window) + len(data) - WindowSize; over > 0 {
		window = window[:copy(window, window[over:])]
	}
	if need := len(window) + len(data); need > cap(window) {
		window = append(make([]byte, 0, min(2*need, WindowSize)), window...)
	}
	return append(window, data...)
}

// inflate decompresses data, to no more than limit bytes. See RFC 7692 section
// 7.2.2, and 7.2.3.4 for the blocks that are marked as the last.
func (in *inflation) inflate(data, window []byte, limit int64) error {
	if len(data) == 0 { // RFC 7692 wants one byte, but there is nothing to misread
		return nil
	}
	in.src = source{data, tail + final}
	dict := window
	for range maxFinals {
		_ = in.z.(flate.Resetter).Reset(&in.src, dict) // never fails
		if err := in.readAll(limit); err != nil {
			return err
		}
		if len(in.src.data) == 0 && (in.src.end == "" || in.src.end == tail+final) {
			return nil
		}
		dict = in.history(window)
	}
	return errDeflate
}

// history is the end of what came before the next block.
func (in *inflation) history(window []byte) []byte {
	if len(in.out) >= WindowSize || len(window) == 0 {
		return in.out[max(0, len(in.out)-WindowSize):]
	}
	both := append(append(make([]byte, 0, len(window)+len(in.out)), window...), in.out...)
	return both[max(0, len(both)-WindowSize):]
}

// readAll appends to out what comes up to the end of the stream.
func (in *inflation) readAll(limit int64) error {
	for {
		if len(in.out) == cap(in.out) {
			in.grow(limit)
		}
		n, err := in.z.Read(in.out[len(in.out):cap(in.out)])
		in.out = in.out[:len(in.out)+n]
		switch {
		case int64(len(in.out)) > limit:
			return errMessageTooBig
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errDeflate
		}
	}
}

// grow doubles out, to one byte over the limit at most.
func (in *inflation) grow(limit int64) {
	size := max(2*cap(in.out), 1024)
	if limit < int64(size) {
		size = int(limit) + 1
	}
	in.out = append(make([]byte, 0, max(size, len(in.out)+1)), in.out...)
}
