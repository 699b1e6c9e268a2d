package compress

import (
	"compress/flate"
	"sync"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// Options has the fields of engine.PerMessageDeflate, which documents them.
type Options struct {
	Threshold             int
	Level                 int
	ServerContextTakeover bool
	ClientContextTakeover bool
}

// Deflater compresses the WebSocket messages of one server: RFC 7692. It may be used
// concurrently; nil means off.
type Deflater struct {
	Options
	shared  [16]*Deflation // of connections without takeover, by server_max_window_bits
	writers sync.Pool      // of *deflateWriter
	frames  sync.Map       // of weak.Pointer[byte], the plain frame's: *deflatedFrame
}

// Deflation is the compression that was negotiated for a connection. Connections
// without takeover in either direction that have negotiated the same share one. Its
// methods are called by the goroutine that writes to the connection.
type Deflation struct {
	Inflater *frame.Inflater // decompresses what the client sends

	d        *Deflater
	longest  int // message that is compressed, in bytes: see the function of this name
	takeover bool
	window   []byte // with takeover: the end of what was sent
}

const (
	minWindowBits = 8
	maxWindowBits = 15
)

// NewDeflater returns nil for no options, and panics on options that cannot work.
func NewDeflater(o *Options) *Deflater {
	if o == nil {
		return nil
	}
	d := &Deflater{Options: *o}
	if d.Threshold == 0 {
		d.Threshold = 1024
	}
	if d.Level == 0 {
		d.Level = flate.BestSpeed
	}
	if d.Level < flate.BestSpeed || d.Level > flate.BestCompression {
		panic("socketio: PerMessageDeflate.Level must be 1 to 9, or 0 for the default")
	}
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		d.shared[bits] = &Deflation{d: d, longest: longest(bits), Inflater: new(frame.Inflater)}
	}
	return d
}

// longest is the size of the longest message that is compressed for a client
// with such a window. DEFLATE refers back within the window; package flate's is
// 32 KB whatever is asked for. But within a message that is not longer than
// the client's window, and without takeover, it cannot refer to more.
func longest(bits int) int {
	if bits == maxWindowBits {
		return int(^uint(0) >> 1)
	}
	return 1 << bits
}

// wants reports whether a message is to be compressed on this connection.
func (f *Deflation) wants(m *outbox.Message) bool {
	n := len(m.Frame) - int(m.Head)
	return !m.Plain && m.Head > 0 && n >= f.d.Threshold && n > 0 && n <= f.longest
}

// Reuse replaces the frames of a batch whose compressed forms exist. It returns by
// how many bytes the batch is shorter then, and how many bytes the others are that are
// to be compressed, with the windows that this takes.
func (f *Deflation) Reuse(batch []outbox.Message) (saved, work int) {
	for i := range batch {
		m := &batch[i]
		switch {
		case !f.wants(m):
		case f.takeover:
			work += len(m.Frame) + len(f.window)
		default:
			if b, done := f.d.done(m.Frame); done {
				saved += m.Deflate(b)
			} else {
				work += len(m.Frame)
			}
		}
	}
	return saved, work
}

// Deflate compresses the messages of a batch that are to be compressed. It returns by
// how many bytes the batch is shorter then.
func (f *Deflation) Deflate(batch []outbox.Message) (saved int) {
	for i := range batch {
		m := &batch[i]
		if !f.wants(m) {
			continue
		}
		if f.takeover {
			b := f.d.compress(m, f)
			m.Volatile = m.Volatile && b == nil // without it the client cannot decompress the next ones
			saved += m.Deflate(b)
		} else {
			saved += m.Deflate(f.d.once(m))
		}
	}
	return saved
}

// Leading returns how many messages at the start of a batch are not to be compressed.
func (f *Deflation) Leading(batch []outbox.Message) (n int) {
	for n < len(batch) && !f.wants(&batch[n]) {
		n++
	}
	return n
}
