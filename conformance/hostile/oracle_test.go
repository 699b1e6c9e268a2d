//go:build e2e

package hostile

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	socketio "github.com/gosio/gosio/core"
)

// footing is what a world has while only bystanders are in it.
type footing struct {
	stats      string
	goroutines []string // their stacks, without addresses
	files      int
	received   int64 // bytes that wait for handlers
	heap       uint64
}

// rest waits until the attackers' traces are gone, and compares with what was there
// before: sessions, sockets, rooms, kept sessions, goroutines and file descriptors
// exactly, live memory within 1% and 64 KB. A nil before is not compared.
func (w *world) rest(before *footing) (now *footing, err error) {
	for end := time.Now().Add(w.wait); ; {
		if err := w.refresh(); err != nil {
			return nil, errors.Join(err, w.faults.take())
		}
		now = w.measure(before != nil)
		if err = now.differs(before); err == nil || time.Now().After(end) {
			return now, errors.Join(err, w.faults.take())
		}
		time.Sleep(100 * time.Millisecond) // in which the bystanders are served
	}
}

// measure looks at the process, while the bystanders wait: in the middle of their
// requests there may be fewer goroutines. The heap is measured exactly, which takes long.
func (w *world) measure(heap bool) *footing {
	w.calm.Lock()
	defer w.calm.Unlock()
	f := &footing{goroutines: stacks(), files: openFiles()}
	for _, srv := range w.servers {
		st := srv.Stats()
		f.stats += fmt.Sprint(st.Connections, st.ReceiveHeld, sorted(st.Namespaces), len(srv.Rooms()), "; ")
		f.received += st.ReceiveBytes
	}
	if heap {
		f.heap = live()
	}
	return f
}

// live is the memory in use after everything that is not was freed.
func live() uint64 {
	for range 3 { // sync.Pool keeps its content for two
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func sorted(m map[string]socketio.NamespaceStats) (all []string) {
	for name, n := range m {
		if n.Children > 0 {
			all = append(all, fmt.Sprint(name, n))
		}
	}
	slices.Sort(all)
	return all
}

func (f *footing) differs(before *footing) error {
	if before == nil {
		return nil
	}
	var errs []error
	if f.stats != before.stats {
		errs = append(errs, fmt.Errorf("the servers have %s, and had %s", f.stats, before.stats))
	}
	if f.received > 0 {
		errs = append(errs, fmt.Errorf("%d bytes wait for handlers", f.received))
	}
	if len(f.goroutines) > len(before.goroutines) {
		errs = append(errs, fmt.Errorf("%d goroutines, there were %d; new:\n%s", len(f.goroutines), len(before.goroutines), strings.Join(added(before.goroutines, f.goroutines), "\n\n")))
	}
	if f.files > before.files {
		errs = append(errs, fmt.Errorf("%d file descriptors, there were %d", f.files, before.files))
	}
	if most := before.heap + before.heap/100 + 64<<10; before.heap > 0 && f.heap > most {
		errs = append(errs, fmt.Errorf("%d bytes are in use, there were %d", f.heap, before.heap))
	}
	return errors.Join(errs...)
}

// stacks returns the goroutines that may not be there longer than their cause. Idle
// workers wait for the next task for a while, whoever made them: ours for 250 ms,
// fasthttp's for ten seconds.
func stacks() (all []string) {
	buf := make([]byte, 1<<20)
	for n := runtime.Stack(buf, true); ; n = runtime.Stack(buf, true) {
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	for _, stack := range strings.Split(string(buf), "\n\n") {
		head, rest, _ := strings.Cut(stack, "\n")
		at, _, _ := strings.Cut(rest, "(0x") // the innermost function
		idle := strings.Contains(head, "[chan receive") &&
			(strings.HasSuffix(at, "workers.(*Pool).run") || strings.HasSuffix(at, "fasthttp.(*workerPool).workerFunc"))
		if !idle {
			all = append(all, stack)
		}
	}
	return all
}

// added returns the stacks that are more now, by the function that they are in.
func added(before, now []string) (more []string) {
	count := make(map[string]int)
	for _, s := range before {
		count[function(s)]++
	}
	for _, s := range now {
		if count[function(s)]--; count[function(s)] < 0 {
			more = append(more, s)
		}
	}
	return more[:min(len(more), 5)]
}

func function(stack string) string {
	lines := strings.Split(stack, "\n")
	return strings.Split(lines[len(lines)-1], " ")[0]
}

// openFiles counts the descriptors of this process, on systems that tell.
func openFiles() int {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(all)
}
