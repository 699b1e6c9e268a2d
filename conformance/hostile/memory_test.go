//go:build e2e

package hostile

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// memoryLimit is the GOMEMLIMIT of the server that is flooded.
const memoryLimit = 48 << 20

// serveMemory is that server: this program, started again.
func serveMemory() {
	srv := socketio.NewServer(nil)
	srv.On("echo", func(text string) string { return text })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	fmt.Println(ln.Addr())
	hs := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	_ = hs.Serve(ln) // until it is killed
}

// TestMemoryFlood: clients come until the memory of a server is used up. New ones are
// refused then, those that are there go on, the process lives, and when some have gone
// others get in.
func TestMemoryFlood(t *testing.T) { // not parallel: it measures
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), "HOSTILE_SERVER=memory", fmt.Sprint("GOMEMLIMIT=", memoryLimit))
	out, err := server.StdoutPipe()
	assert.NoError(t, err)
	assert.NoError(t, server.Start())
	exited := make(chan struct{})
	defer func() {
		_ = server.Process.Kill()
		<-exited
	}()
	address, err := bufio.NewReader(out).ReadString('\n')
	assert.NoError(t, err)
	go func() { // ends with the process
		_ = server.Wait()
		close(exited)
	}()
	w := &world{addrs: []string{strings.TrimSpace(address)}}

	var (
		flood, echoing sync.WaitGroup
		mu             sync.Mutex
		all            []*peer
		refused        atomic.Int64
		over           = make(chan struct{})
		others         [20]*peer
		longest        atomic.Int64
	)
	defer func() {
		for _, p := range all {
			p.leave()
		}
	}()
	for i := range others {
		others[i], err = w.open(ways[i%len(ways)])
		assert.NoError(t, err)
		defer others[i].leave()
		echoing.Go(func() {
			for {
				select {
				case <-over:
					return
				case <-time.After(50 * time.Millisecond):
				}
				start := time.Now()
				if err := others[i].lives(); err != nil {
					t.Errorf("one that was there before: %v", err)
					return
				}
				longest.Store(max(longest.Load(), int64(time.Since(start))))
			}
		})
	}
	for range 16 {
		flood.Go(func() {
			for refused.Load() < 2000 {
				p, err := w.open(webSocket)
				switch {
				case err == nil:
					mu.Lock()
					all = append(all, p)
					mu.Unlock()
				case strings.Contains(err.Error(), "status 503"):
					refused.Add(1)
					time.Sleep(5 * time.Millisecond)
				default:
					t.Errorf("it is refused, but how: %v", err)
					return
				}
			}
		})
	}
	flood.Wait()
	close(over)
	echoing.Wait()
	lost := 0
	for _, p := range all {
		if p.lives() != nil {
			lost++
		}
	}
	t.Logf("%d clients, then %d refused, %d lost; %s; the longest echo of the others: %v", len(all), refused.Load(), lost, peak(server.Process.Pid), time.Duration(longest.Load()).Round(time.Millisecond))
	if len(all) < 100 || lost > len(all)/20 {
		t.Errorf("%d of %d clients were lost", lost, len(all))
	}
	for _, p := range all[len(all)/2:] {
		p.leave()
	}
	all = all[:len(all)/2]
	start := time.Now()
	for err = errors.New("nobody has tried"); err != nil && time.Since(start) < patience; time.Sleep(50 * time.Millisecond) {
		var p *peer
		if p, err = w.open(webSocket); err == nil {
			p.leave()
		}
	}
	assert.NoError(t, err)
	t.Logf("others get in after %v", time.Since(start).Round(10*time.Millisecond))
}

// peak is what a process says of the most memory that it has had.
func peak(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // empty on other systems
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	return "resident memory at most " + strings.TrimSpace(line)
}
