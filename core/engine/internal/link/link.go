// Package link is the network side of a connection. On plain TCP it waits for bytes
// without holding a buffer, and writes without waiting: an idle connection costs
// little more than its goroutine. Everything else (TLS, pipes, streams) is read and
// written by calls that block.
package link

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// Link is a connection. One goroutine at a time may read, and one may write.
type Link struct {
	net.Conn
	raw syscall.RawConn // nil where Conn is no plain TCP connection
}

// New returns the link of a connection.
func New(conn net.Conn) Link { return Link{conn, rawConn(conn)} }

// Direct reports whether the connection is plain TCP: TryWrite, Wait and Input need
// that.
func (l *Link) Direct() bool { return l.raw != nil }

// maxBlockingWrite is how much is written at once where only the end of a whole write
// shows progress: the payload of a TLS record.
const maxBlockingWrite = 16 << 10

// TryWrite writes once, without waiting. Nothing written and no error means that the
// kernel takes nothing now.
func (l *Link) TryWrite(b *WriteBuffer, data []byte) (int, error) {
	b.data = data
	err := l.raw.Control(b.try) // not Write: it would prepare to wait
	if err == nil {
		err = b.err
	}
	b.data = nil
	return b.n, err
}

// WriteSome writes at least one byte within a time, however slow the peer is; zero
// and less: within any time.
func (l *Link) WriteSome(b []byte, within time.Duration) (int, error) {
	if within > 0 {
		if err := l.SetWriteDeadline(time.Now().Add(within)); err != nil {
			return 0, err
		}
	}
	if l.raw == nil { // all of b must be taken in that time, and TLS survives no timeout
		b = b[:min(len(b), maxBlockingWrite)]
		n, err := l.Write(b)
		if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
		return n, err
	}
	n, err := l.writeRaw(b)
	if errors.Is(err, os.ErrDeadlineExceeded) { // but the peer may have taken some since: see package clock
		more := 0
		if l.raw.Control(func(fd uintptr) { more, _ = writeOnce(fd, b) }) == nil && more > 0 {
			return more, nil
		}
	}
	return n, err
}

// Unread reports whether bytes have arrived that were not read.
func (l *Link) Unread() bool { return unread(l.Conn) }

// Abort ends the connection without a word to the peer. Whoever reads or writes gets an
// error.
func (l *Link) Abort() {
	conn := l.Conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS would wait to say goodbye
		conn = t.NetConn()
	}
	_ = conn.Close() // it may be closed already
}

// CloseWrite tells the peer that nothing more comes, if the connection can say so. What
// the peer sends can still be read.
func (l *Link) CloseWrite() {
	if conn, ok := l.Conn.(interface{ CloseWrite() error }); ok {
		_ = conn.CloseWrite() // it may be closed already
	}
}

// Wait calls ready each time when bytes have arrived, until it reports true.
func (l *Link) Wait(ready func(fd uintptr) bool) error { return l.raw.Read(ready) }

// ReadBlocking waits for bytes and returns those that have arrived, in a buffer that
// the caller puts back.
func (l *Link) ReadBlocking() (*ReadBuffer, int, error) {
	buf := ReadBuffers.Get().(*ReadBuffer)
	n, err := l.Read(buf[:])
	return buf, n, err
}

// Input is what a ready function of [Link.Wait] has read. The zero value is empty.
type Input struct {
	buf *ReadBuffer
	n   int
	err error
}

// Failed reports whether the read has failed.
func (in *Input) Failed() bool { return in.err != nil }

// Take empties the input. The caller puts the buffer back; it is nil if nothing was
// read.
func (in *Input) Take() (*ReadBuffer, int, error) {
	buf, n, err := in.buf, in.n, in.err
	in.buf, in.err = nil, nil
	return buf, n, err
}

// IsGone reports whether an error of a connection says that the peer, or this side,
// has closed it. A peer that drops a TLS connection without its goodbye is an
// unexpected EOF.
func IsGone(err error) bool {
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// tcpOf returns the TCP connection that another one is on, or nil.
func tcpOf(conn net.Conn) *net.TCPConn {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	tcp, _ := conn.(*net.TCPConn)
	return tcp
}
