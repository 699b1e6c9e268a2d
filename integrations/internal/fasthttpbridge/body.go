package fasthttpbridge

import (
	"io"
	"net"
	"time"
)

const (
	// wholeBody is the size, in bytes, up to which fasthttp writes a body by itself.
	wholeBody = 16 << 10
	// bodyPart is how much a client has to take within the server's time.
	bodyPart = 64 << 10
)

// bound bounds the time in which a client has to take each part of a large body, as the
// server does itself where it writes: fasthttp writes when the handlers have returned, and
// gives a client any time unless fiber.Config.WriteTimeout is set. A client that takes
// nothing would hold the body, the connection and its goroutine for as long as it likes.
func (w *response) bound() {
	if w.part <= 0 || len(w.fctx.Response.Body()) <= wholeBody {
		return
	}
	body := w.fctx.Response.SwapBody(nil)
	w.fctx.Response.SetBodyStream(&parts{w.fctx.Conn(), w.part, body}, len(body))
}

// parts is a body that fasthttp writes by WriteTo, or that middleware reads.
type parts struct {
	conn net.Conn
	each time.Duration // to take one
	rest []byte
}

// Read implements io.Reader.
func (p *parts) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo. It flushes w, so that no deadline is left for what the
// connection carries next.
func (p *parts) WriteTo(w io.Writer) (written int64, err error) {
	for len(p.rest) > 0 {
		_ = p.conn.SetWriteDeadline(time.Now().Add(p.each)) // where there is none, the server's own holds
		n, err := w.Write(p.rest[:min(len(p.rest), bodyPart)])
		p.rest, written = p.rest[n:], written+int64(n)
		if err != nil {
			return written, err
		}
	}
	if buffered, ok := w.(interface{ Flush() error }); ok {
		err = buffered.Flush()
	}
	_ = p.conn.SetWriteDeadline(time.Time{}) // as above
	return written, err
}
