package main

import (
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"
)

// cpuSet is the kernel's cpu_set_t.
type cpuSet [16]uint64

func (s *cpuSet) list() []int {
	var cpus []int
	for cpu := range len(s) * 64 {
		if s[cpu/64]&(1<<(cpu%64)) != 0 {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// affinity gets or sets the CPUs of this thread.
func affinity(call uintptr, set *cpuSet) error { return affinityOf(call, 0, set) }

func affinityOf(call uintptr, pid int, set *cpuSet) error {
	_, _, errno := syscall.RawSyscall(call, uintptr(pid), unsafe.Sizeof(*set), uintptr(unsafe.Pointer(set)))
	if errno != 0 {
		return fmt.Errorf("CPU affinity: %w", errno)
	}
	return nil
}

// allowedCPUs lists the CPUs that this process may use.
func allowedCPUs() ([]int, error) {
	var set cpuSet
	if err := affinity(syscall.SYS_SCHED_GETAFFINITY, &set); err != nil {
		return nil, err
	}
	return set.list(), nil
}

// startOn starts a command that may use these CPUs only, and dies with us. It
// must be called on the main thread, for the child is killed when the thread
// that started it ends.
func startOn(command *exec.Cmd, cpus []int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, set cpuSet
	if err := affinity(syscall.SYS_SCHED_GETAFFINITY, &before); err != nil {
		return err
	}
	for _, cpu := range cpus {
		set[cpu/64] |= 1 << (cpu % 64)
	}
	if err := affinity(syscall.SYS_SCHED_SETAFFINITY, &set); err != nil {
		return err
	}
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := command.Start()
	if restored := affinity(syscall.SYS_SCHED_SETAFFINITY, &before); err == nil {
		err = restored
	}
	return err
}
