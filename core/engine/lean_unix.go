//go:build unix

package engine

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// The lean connection: on plain TCP the engine waits for readability without
// holding a buffer, and writes without blocking. An idle connection then costs
// little more than its goroutine.

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

type readBuffer [readBufferSize]byte

// readBuffers lends each reader a buffer for as long as it has bytes to parse.
var readBuffers = sync.Pool{New: func() any { return new(readBuffer) }}

// read waits for bytes and returns those that have arrived, in a buffer that
// the caller puts back.
func (r *reader) read() (*readBuffer, int, error) {
	if r.link.raw == nil {
		buf := readBuffers.Get().(*readBuffer)
		n, err := r.link.Read(buf[:])
		return buf, n, err
	}
	if err := r.link.raw.Read(r.ready); err != nil {
		return nil, 0, err
	}
	buf, n, err := r.buf, r.n, r.err
	r.buf, r.err = nil, nil
	return buf, n, err
}

// onReadable reads once. It reports false, and gives the buffer back, when
// there is nothing to read yet.
func (r *reader) onReadable(fd uintptr) bool {
	buf := readBuffers.Get().(*readBuffer)
	for {
		n, err := sysRead(int(fd), buf[:])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			readBuffers.Put(buf)
			r.activity.stop()
			return false
		case err == nil && n == 0:
			err = io.EOF
		}
		if err == nil {
			r.activity.start()
		}
		r.buf, r.n, r.err = buf, max(n, 0), err
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
func (b *writeBuffer) once(fd uintptr) { b.n, b.err = writeOnce(fd, b.data) }

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
func (l *link) writeRaw(b []byte) (int, error) {
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
