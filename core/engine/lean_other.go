//go:build !unix

package engine

import (
	"errors"
	"net"
	"sync"
	"syscall"
)

// Where readiness cannot be waited for without a buffer, connections are read
// and written with plain blocking calls.

func rawConn(net.Conn) syscall.RawConn { return nil }

const readBufferSize = 4 << 10

type readBuffer [readBufferSize]byte

var readBuffers = sync.Pool{New: func() any { return new(readBuffer) }}

func (r *reader) read() (*readBuffer, int, error) {
	buf := readBuffers.Get().(*readBuffer)
	n, err := r.link.Read(buf[:])
	return buf, n, err
}

func (r *reader) onReadable(uintptr) bool { return true }

func (b *writeBuffer) once(uintptr) {}

func writeOnce(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func (l *link) writeRaw([]byte) (int, error) { return 0, errors.ErrUnsupported }

// unread cannot be told here.
func unread(conn net.Conn) bool { _ = tcpOf(conn); return false }
