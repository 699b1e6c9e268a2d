package load

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// CPUTime returns the CPU time, user and system, that all threads of process
// pid have used since it started, those that have ended included. It reads the
// process's CPU clock (clock_getcpuclockid(3)): the scheduler's own count, to
// the nanosecond, where /proc/PID/stat counts in ticks of 10 ms.
func CPUTime(pid int) (time.Duration, error) {
	const schedClock = 2 // CPUCLOCK_SCHED in the kernel's posix-timers
	id := ^pid<<3 | schedClock
	var ts syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(id), uintptr(unsafe.Pointer(&ts)), 0)
	if errno != 0 {
		return 0, fmt.Errorf("load: CPU clock of process %d: %w", pid, errno)
	}
	return time.Duration(ts.Nano()), nil
}

// Memory is what a process holds, in bytes.
type Memory struct {
	Resident int64 // every resident page: Rss of smaps_rollup
	Private  int64 // of these, the ones that no file backs: Anonymous
}

// ReadMemory reads /proc/PID/smaps_rollup, which counts the pages themselves
// (VmRSS in /proc/PID/status lags behind per-CPU counters).
func ReadMemory(pid int) (Memory, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return Memory{}, err
	}
	defer file.Close()
	var memory Memory
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		kb, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return Memory{}, err
		}
		switch fields[0] {
		case "Rss:":
			memory.Resident = kb << 10
		case "Anonymous:":
			memory.Private = kb << 10
		}
	}
	if memory.Resident == 0 {
		return memory, fmt.Errorf("load: no resident memory of process %d", pid)
	}
	return memory, nil
}
