//go:build !unix

package link

import (
	"errors"
	"net"
	"syscall"
)

// Where a connection cannot be waited for without a buffer, all are read and written by
// calls that block.

func rawConn(net.Conn) syscall.RawConn { return nil }

const readBufferSize = 4 << 10

// TryRead is not called here.
func (in *Input) TryRead(uintptr) bool { return true }

func (b *WriteBuffer) once(uintptr) {}

func writeOnce(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func (l *Link) writeRaw([]byte) (int, error) { return 0, errors.ErrUnsupported }

// unread cannot be told here.
func unread(conn net.Conn) bool { _ = tcpOf(conn); return false }
