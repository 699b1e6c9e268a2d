package engine

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// link is the network side of a connection.
type link struct {
	net.Conn
	raw syscall.RawConn // nil where Conn is no plain TCP connection
}

// maxBlockingWrite is how much is written at once where only a whole write
// tells of progress: the payload of a TLS record.
const maxBlockingWrite = 16 << 10

// tryWrite writes once, without waiting, to plain TCP. Nothing written and no
// error means that the kernel takes nothing now.
func (l *link) tryWrite(b *writeBuffer, data []byte) (int, error) {
	b.data = data
	err := l.raw.Control(b.try) // not Write: it would make ready to wait
	if err == nil {
		err = b.err
	}
	b.data = nil
	return b.n, err
}

// writeSome writes at least one byte within a time, however slow the peer; zero
// and less: within any time.
func (l *link) writeSome(b []byte, within time.Duration) (int, error) {
	if within > 0 {
		if err := l.SetWriteDeadline(time.Now().Add(within)); err != nil {
			return 0, err
		}
	}
	if l.raw == nil { // all of b must get through in that time, and TLS survives no timeout
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

// unread reports whether bytes have arrived that the reader has not come to.
func (l *link) unread() bool { return unread(l.Conn) }

// abort ends the connection without a word; its reader notices.
func (l *link) abort() {
	conn := l.Conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS would wait to say goodbye
		conn = t.NetConn()
	}
	_ = conn.Close() // it may be closed already
}

// isGone reports whether an error of a connection says that the peer, or this
// side, has closed it: whoever notices first, reader or writer, the session
// ends with the same reason. A peer that drops a TLS connection without its
// goodbye is an unexpected EOF.
func isGone(err error) bool {
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// tcpOf is the TCP connection that another one is on, or nil.
func tcpOf(conn net.Conn) *net.TCPConn {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	tcp, _ := conn.(*net.TCPConn)
	return tcp
}
