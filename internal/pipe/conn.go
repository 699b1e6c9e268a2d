package pipe

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// DefaultBuffer is how many bytes one direction holds that were written and
// not yet read, unless SetReadBuffer says otherwise.
const DefaultBuffer = 256 << 10

// Conn is one end of an in-memory connection. Like a TCP connection it has a
// buffer in each direction: Write returns once its bytes are in the buffer and
// blocks while the buffer is full. All methods may be called concurrently.
type Conn struct {
	peer          *Conn
	in            *half // what this end reads; the peer writes into it
	local, remote net.Addr
}

// New returns the two ends of a connection.
func New() (client, server *Conn) {
	return connect(address(0), address(0))
}

func connect(clientAddr, serverAddr net.Addr) (client, server *Conn) {
	client = &Conn{in: newHalf(), local: clientAddr, remote: serverAddr}
	server = &Conn{in: newHalf(), local: serverAddr, remote: clientAddr, peer: client}
	client.peer = server
	return client, server
}

// Read reads what the peer wrote. It returns io.EOF once the peer has closed
// and everything is read.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.opError("read", err)
}

// Write writes p whole, unless the connection ends or the deadline passes.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.peer.in.write(p)
	return n, c.opError("write", err)
}

// Close closes this end. What it wrote can still be read by the peer, which
// then gets io.EOF; the peer's writes fail with EPIPE. What was not read here
// is lost without a reset.
func (c *Conn) Close() error {
	first := c.in.update(func(h *half) { h.readerClosed, h.buf = true, nil })
	c.peer.in.update(func(h *half) { h.writerClosed = true })
	if !first {
		return c.opError("close", net.ErrClosed)
	}
	return nil
}

// Cut breaks the connection as a reset does: both ends' pending and later
// reads and writes fail with ECONNRESET, and what was under way is lost.
func (c *Conn) Cut() {
	for _, h := range []*half{c.in, c.peer.in} {
		h.update(func(h *half) { h.cut, h.buf = true, nil })
	}
}

// StallReads stops (or, with false, resumes) delivery to this end, as when a
// peer stops reading or a cable is pulled: reads block, also past an end of
// file, until their deadline, and the peer's writes block once the buffer is
// full.
func (c *Conn) StallReads(stalled bool) {
	c.in.update(func(h *half) { h.stalled = stalled })
}

// SetReadBuffer sets how many bytes may wait to be read by this end.
func (c *Conn) SetReadBuffer(bytes int) error {
	c.in.update(func(h *half) { h.limit = max(bytes, 1) })
	return nil
}

// Peer returns the other end.
func (c *Conn) Peer() *Conn { return c.peer }

// LocalAddr returns this end's address.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the other end's address.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline makes pending and later reads fail at t; zero means never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.readDeadline, t)
	return nil
}

// SetWriteDeadline makes pending and later writes fail at t; zero means never.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.peer.in.setDeadline(&c.peer.in.writeDeadline, t)
	return nil
}

// opError gives err the shape it has on a real connection.
func (c *Conn) opError(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &net.OpError{Op: op, Net: "pipe", Source: c.local, Addr: c.remote, Err: err}
}

// half is one direction of a connection.
type half struct {
	mu                          sync.Mutex
	changed                     sync.Cond // of mu: any field below
	buf                         []byte
	limit                       int
	readerClosed, writerClosed  bool
	cut, stalled                bool
	readDeadline, writeDeadline deadline
}

type deadline struct {
	at    time.Time
	timer *time.Timer // wakes whoever waits
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func newHalf() *half {
	h := &half{limit: DefaultBuffer}
	h.changed.L = &h.mu
	return h
}

// update changes h, wakes everybody, and reports whether the reader was open.
func (h *half) update(change func(*half)) (open bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	open = !h.readerClosed
	change(h)
	h.changed.Broadcast()
	return open
}

func (h *half) setDeadline(d *deadline, t time.Time) {
	h.update(func(*half) {
		if d.timer != nil {
			d.timer.Stop()
			d.timer = nil
		}
		d.at = t
		if !t.IsZero() && !d.passed() {
			d.timer = time.AfterFunc(time.Until(t), func() { h.update(func(*half) {}) })
		}
	})
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.readerClosed:
			return 0, net.ErrClosed
		case h.cut:
			return 0, syscall.ECONNRESET
		case h.readDeadline.passed():
			return 0, os.ErrDeadlineExceeded
		case h.stalled:
		case len(h.buf) > 0 || len(p) == 0:
			n := copy(p, h.buf)
			if h.buf = h.buf[n:]; len(h.buf) == 0 {
				h.buf = nil
			}
			h.changed.Broadcast()
			return n, nil
		case h.writerClosed:
			return 0, io.EOF
		}
		h.changed.Wait()
	}
}

func (h *half) write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.writerClosed:
			return n, net.ErrClosed
		case h.cut:
			return n, syscall.ECONNRESET
		case h.readerClosed:
			return n, syscall.EPIPE
		case h.writeDeadline.passed():
			return n, os.ErrDeadlineExceeded
		}
		if room := h.limit - len(h.buf); room > 0 && n < len(p) {
			take := min(room, len(p)-n)
			h.buf = append(h.buf, p[n:n+take]...)
			n += take
			h.changed.Broadcast()
		}
		if n == len(p) {
			return n, nil
		}
		h.changed.Wait()
	}
}
