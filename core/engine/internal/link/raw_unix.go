//go:build unix

package link

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// rawConn returns the raw connection of plain TCP, nil for anything else (TLS, pipes).
func rawConn(conn net.Conn) syscall.RawConn {
	sc, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

const readBufferSize = 16 << 10

// TryRead reads once. It reports false if there is nothing to read.
func (in *Input) TryRead(fd uintptr) bool {
	buf := ReadBuffers.Get().(*ReadBuffer)
	for {
		n, err := sysRead(int(fd), buf[:])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			ReadBuffers.Put(buf)
			return false
		case err == nil && n == 0:
			err = io.EOF
		}
		in.buf, in.n, in.err = buf, max(n, 0), err
		return true
	}
}

// unread reports whether bytes have arrived that were not read.
func unread(conn net.Conn) (yes bool) {
	tcp := tcpOf(conn)
	if tcp == nil {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) { // fails when it is closed
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK) // does not wait: the connection is Go's
		yes = err == nil && n > 0
	})
	return yes
}

// once writes once, without waiting. Nothing written and no error means that
// the kernel takes nothing now.
func (b *WriteBuffer) once(fd uintptr) { b.n, b.err = writeOnce(fd, b.data) }

func writeOnce(fd uintptr, b []byte) (int, error) {
	for {
		n, err := sysWrite(int(fd), b)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		}
		return 0, err
	}
}

// writeRaw waits until the kernel takes at least one byte.
func (l *Link) writeRaw(b []byte) (int, error) {
	var n int
	var err error
	waitErr := l.raw.Write(func(fd uintptr) bool {
		n, err = writeOnce(fd, b)
		return n > 0 || err != nil
	})
	if waitErr != nil {
		return 0, waitErr
	}
	return n, err
}
