//go:build unix && (!linux || race)

package engine

import "syscall"

// The race detector has to see what is read and written.

func sysRead(fd int, b []byte) (int, error)  { return syscall.Read(fd, b) }
func sysWrite(fd int, b []byte) (int, error) { return syscall.Write(fd, b) }
