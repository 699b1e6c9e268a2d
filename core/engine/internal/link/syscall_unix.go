//go:build unix && !(linux && !race && (amd64 || arm64))

package link

import "syscall"

// The race detector has to see what is read and written; and elsewhere than on
// Linux nothing was measured.

func sysRead(fd int, b []byte) (int, error)  { return syscall.Read(fd, b) }
func sysWrite(fd int, b []byte) (int, error) { return syscall.Write(fd, b) }
