package engine

import (
	"bytes"
	"compress/flate"
	"runtime"
	"sync"
	"weak"

	"github.com/gosio/gosio/core/engine/internal/frame"
)

// Messages are compressed when they are about to be written, by whoever writes:
// Send stays as quick as ever, no lock is held, and what a connection with
// takeover sends is compressed in its order. A flusher does only what is short:
// it leaves more than that to a goroutine, which puts the connection back on
// the ready list. See flush.go.

const (
	// asideFrom is how many bytes of a connection a flusher compresses by
	// itself, in 0.1 ms or so. (Level 1; takeover adds the window to each
	// message.)
	asideFrom = 16 << 10
	// deflatedTail is what is taken off each message (RFC 7692 section 7.2.1).
	deflatedTail = "\x00\x00\xff\xff"
	// keepDeflated is the largest capacity of a writer's buffer that is kept.
	keepDeflated = 1 << 16
	// cacheFrom is the smallest frame whose compressed form is kept for others:
	// Go may put smaller ones into one block of memory.
	cacheFrom = 64
)

// wants reports whether a message is to be compressed on this connection.
// What is compressed already, or was not worth it, says plain.
func (f *deflation) wants(m *Message) bool {
	n := len(m.frame) - int(m.head)
	return !m.plain && m.head > 0 && n >= f.d.Threshold && n > 0 && n <= f.longest
}

// deflate compresses what is worth it in a batch that is about to be written. It
// reports false if some of that is to be done aside.
func (w *writer) deflate(batch []Message) (ok bool) {
	f := w.deflation
	work, saved := 0, 0
	for i := range batch {
		m := &batch[i]
		switch {
		case !f.wants(m):
		case f.takeover:
			work += len(m.frame) + len(f.window)
		default:
			if b, done := f.d.done(m.frame); done {
				saved += m.deflated(b)
			} else {
				work += len(m.frame)
			}
		}
	}
	if saved != 0 {
		w.credit(saved)
	}
	if work > asideFrom {
		return false
	}
	if work > 0 {
		w.deflateAll(batch)
	}
	return true
}

// deflated puts the compressed frame, nil if that is not shorter, in the place
// of the plain one and returns how much shorter it is.
func (m *Message) deflated(b []byte) (saved int) {
	m.plain = true // done
	if b != nil {
		saved = len(m.frame) - len(b)
		m.frame = b
	}
	return saved
}

// deflateAll compresses what is worth it in a batch.
func (w *writer) deflateAll(batch []Message) {
	f := w.deflation
	saved := 0
	for i := range batch {
		m := &batch[i]
		if !f.wants(m) {
			continue
		}
		if f.takeover {
			b := f.d.compress(m, f)
			m.volatile = m.volatile && b == nil // the client cannot read on without it
			saved += m.deflated(b)
		} else {
			saved += m.deflated(f.d.once(m))
		}
	}
	if saved != 0 {
		w.credit(saved)
	}
}

// leading is how many messages at the start of a batch can be written as they
// are. They are, before more is compressed: else a client to whom there is
// always something new to compress would get nothing.
func (w *writer) leading(batch []Message) (n int) {
	for n < len(batch) && !w.deflation.wants(&batch[n]) {
		n++
	}
	return n
}

// deflateAside compresses a batch that would hold up a flusher, puts it back
// and the connection on the ready list. The state stays writeScheduled meanwhile:
// nobody else writes.
func (w *writer) deflateAside(rest pending) {
	s := w.s
	s.mu.Lock()
	s.refs++
	s.mu.Unlock()
	go func() {
		defer s.unref()
		compressing <- struct{}{}
		w.deflateAll(rest.msgs)
		<-compressing
		w.putBack(rest)
		s.srv.flush.add(w)
	}()
}

// deflatedFrame is the compressed form of a plain frame, which may be sent to
// many. It lives as long as the memory of that.
type deflatedFrame struct {
	once  sync.Once
	ready chan struct{}
	frame []byte // nil: it is not shorter
}

// done returns the compressed form of a frame if there is one already; nil if
// that is not shorter.
func (d *deflater) done(plain []byte) (b []byte, ok bool) {
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
func (d *deflater) once(m *Message) []byte {
	if len(m.frame) < cacheFrom {
		return d.compress(m, nil)
	}
	key := weak.Make(&m.frame[0])
	v, ok := d.frames.Load(key)
	if !ok {
		var loaded bool
		v, loaded = d.frames.LoadOrStore(key, &deflatedFrame{ready: make(chan struct{})})
		if !loaded {
			runtime.AddCleanup(&m.frame[0], func(key weak.Pointer[byte]) { d.frames.Delete(key) }, key)
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
	to  *bytes.Buffer // out; nil while the window is told
}

// Write implements io.Writer.
func (w *deflateWriter) Write(p []byte) (int, error) {
	if w.to == nil {
		return len(p), nil
	}
	return w.to.Write(p)
}

func (d *deflater) writer() *deflateWriter {
	if w, ok := d.writers.Get().(*deflateWriter); ok {
		w.z.Reset(w)
		return w
	}
	w := new(deflateWriter)
	w.z, _ = flate.NewWriter(w, d.Level) // the level exists
	return w
}

// compress returns the frame of a message in its compressed form, nil if that
// is not shorter. With takeover the compressor is first told the window, which
// takes as long as compressing that: one of its own for each connection would
// be 20 times as large as the window.
func (d *deflater) compress(m *Message, takeover *deflation) []byte {
	w := d.writer()
	defer d.putWriter(w)
	if takeover != nil && len(takeover.window) > 0 {
		_, _ = w.z.Write(takeover.window) // nothing here can fail: it is in memory
		_ = w.z.Flush()
	}
	w.to = &w.out
	data := m.packet()
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
	if m.binary {
		op = frame.Binary
	}
	buf := make([]byte, frame.MaxHeader+len(b))
	copy(buf[frame.MaxHeader:], b)
	return buf[frame.PutDeflated(buf, op, len(b)):]
}

func (d *deflater) putWriter(w *deflateWriter) {
	w.to = nil
	w.out.Reset()
	if w.out.Cap() > keepDeflated {
		w.out = bytes.Buffer{}
	}
	d.writers.Put(w)
}
