package compress

import (
	"bytes"
	"compress/flate"
	"runtime"
	"sync"
	"weak"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

const (
	// deflatedTail is removed from the end of each message (RFC 7692 section 7.2.1).
	deflatedTail = "\x00\x00\xff\xff"
	// maxKept is the largest capacity of a writer's buffer that is kept.
	maxKept = 1 << 16
	// cacheFrom is the smallest frame whose compressed form is kept for others:
	// Go may put smaller ones into one block of memory.
	cacheFrom = 64
)

// deflatedFrame is the compressed form of a plain frame, which may be sent to
// many clients. It is kept as long as the plain frame is in memory.
type deflatedFrame struct {
	once  sync.Once
	ready chan struct{}
	frame []byte // nil: it is not shorter
}

// done returns the compressed form of a frame if there is one already; nil if
// that is not shorter.
func (d *Deflater) done(plain []byte) (b []byte, ok bool) {
	if len(plain) < cacheFrom {
		return nil, false
	}
	v, ok := d.frames.Load(weak.Make(&plain[0]))
	if !ok {
		return nil, false
	}
	kept := v.(*deflatedFrame)
	select {
	case <-kept.ready:
		return kept.frame, true
	default:
		return nil, false
	}
}

// once returns the frame of a message in its compressed form, which is made
// once for all recipients; nil if that is not shorter. It is kept beside the
// plain frame, by that one's address, and goes when the garbage collector
// finds that the plain one is not used any more: there are never more of them
// than of those, and each is shorter.
func (d *Deflater) once(m *outbox.Message) []byte {
	if len(m.Frame) < cacheFrom {
		return d.compress(m, nil)
	}
	key := weak.Make(&m.Frame[0])
	v, ok := d.frames.Load(key)
	if !ok {
		var loaded bool
		v, loaded = d.frames.LoadOrStore(key, &deflatedFrame{ready: make(chan struct{})})
		if !loaded {
			runtime.AddCleanup(&m.Frame[0], func(key weak.Pointer[byte]) { d.frames.Delete(key) }, key)
		}
	}
	kept := v.(*deflatedFrame)
	kept.once.Do(func() {
		kept.frame = d.compress(m, nil)
		close(kept.ready)
	})
	return kept.frame
}

// deflateWriter is a compressor and its output: 100s of KB, and kept only until
// the garbage collector comes.
type deflateWriter struct {
	z   *flate.Writer
	out bytes.Buffer
	to  *bytes.Buffer // out; nil while the window is compressed
}

// Write implements io.Writer.
func (w *deflateWriter) Write(p []byte) (int, error) {
	if w.to == nil {
		return len(p), nil
	}
	return w.to.Write(p)
}

func (d *Deflater) writer() *deflateWriter {
	if w, ok := d.writers.Get().(*deflateWriter); ok {
		w.z.Reset(w)
		return w
	}
	w := new(deflateWriter)
	w.z, _ = flate.NewWriter(w, d.Level) // the level exists
	return w
}

// compress returns the frame of a message in its compressed form, nil if that
// is not shorter. With takeover the compressor first gets the window, which takes as
// long as to compress that: a compressor for each connection would be 20 times as large
// as the window.
func (d *Deflater) compress(m *outbox.Message, takeover *Deflation) []byte {
	w := d.writer()
	defer d.putWriter(w)
	if takeover != nil && len(takeover.window) > 0 {
		_, _ = w.z.Write(takeover.window) // nothing here can fail: it is in memory
		_ = w.z.Flush()
	}
	w.to = &w.out
	data := m.Packet()
	_, _ = w.z.Write(data)
	_ = w.z.Flush()
	b := w.out.Bytes()
	b = b[:len(b)-len(deflatedTail)]
	if len(b) >= len(data) {
		return nil
	}
	if takeover != nil {
		takeover.window = frame.Slide(takeover.window, data)
	}
	op := frame.Text
	if m.Binary {
		op = frame.Binary
	}
	buf := make([]byte, frame.MaxHeader+len(b))
	copy(buf[frame.MaxHeader:], b)
	return buf[frame.PutDeflated(buf, op, len(b)):]
}

func (d *Deflater) putWriter(w *deflateWriter) {
	w.to = nil
	w.out.Reset()
	if w.out.Cap() > maxKept {
		w.out = bytes.Buffer{}
	}
	d.writers.Put(w)
}
