//go:build linux && !race && (amd64 || arm64)

package link

import (
	"syscall"
	"unsafe"
)

// Reads and writes of sockets that do not wait need not be told to the
// scheduler. It would take one that needs more than 20 us, as writes on loopback
// do, for a thread that waits, and hand what else is to be done to another
// thread. Measured with 32 echoes in flight on two CPUs: 10,000 thread switches
// a second then, half as many without, and 18 % less CPU time per echo.
//
// A call that did wait would hold up the garbage collector, and with it the
// program. That a socket is one of the netpoller's does not exclude that: an
// application that has called Fd on a connection's File, to set an option, has
// made the connection block. So each call says that it must not wait.

// sysRead is recv(2) without waiting.
func sysRead(fd int, b []byte) (int, error) {
	return ioCall(syscall.SYS_RECVFROM, fd, b, syscall.MSG_DONTWAIT)
}

// sysWrite is send(2) without waiting.
func sysWrite(fd int, b []byte) (int, error) {
	return ioCall(syscall.SYS_SENDTO, fd, b, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
}

func ioCall(trap uintptr, fd int, b []byte, flags uintptr) (int, error) {
	n, _, errno := syscall.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
