//go:build linux && !race && (amd64 || arm64)

package link

import (
	"errors"
	"syscall"
	"testing"
	"time"
)

// TestSyscallsNeverWait, even on a socket that does: meanwhile the garbage
// collector would.
func TestSyscallsNeverWait(t *testing.T) {
	t.Parallel()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fds[0]); _ = syscall.Close(fds[1]) }()
	for _, opt := range []int{syscall.SO_RCVTIMEO, syscall.SO_SNDTIMEO} { // what a call that waits would take
		if err := syscall.SetsockoptTimeval(fds[0], syscall.SOL_SOCKET, opt, &syscall.Timeval{Sec: 20}); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	b := make([]byte, 1<<16)
	if _, err := sysRead(fds[0], b); !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("nothing to read: %v", err)
	}
	for err == nil {
		_, err = sysWrite(fds[0], b)
	}
	if !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("no room to write: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	n, err := sysRead(fds[1], b)
	if n == 0 || err != nil {
		t.Errorf("what was written: %d bytes, %v", n, err)
	}
}
