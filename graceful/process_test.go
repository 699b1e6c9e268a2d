//go:build unix

package graceful_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// process is a program that runs.
type process struct {
	cmd     *exec.Cmd
	address *url.URL
	ended   chan struct{} // closed when it has

	mu    sync.Mutex
	lines []string // that it has written
	more  chan struct{}
}

func launch(t *testing.T, timeout string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0]), ended: make(chan struct{}), more: make(chan struct{}, 1)}
	p.cmd.Env = append(os.Environ(), "GRACEFUL_PROGRAM="+timeout, "GORACE=atexit_sleep_ms=0") // the race detector's exit takes a second otherwise
	out, err := p.cmd.StdoutPipe()
	assert.NoError(t, err)
	p.cmd.Stderr = os.Stderr
	assert.NoError(t, p.cmd.Start())
	go func() { // until it ends, which the cleanup sees to
		defer close(p.ended)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.mu.Lock()
			p.lines = append(p.lines, s.Text())
			p.mu.Unlock()
			select {
			case p.more <- struct{}{}:
			default:
			}
		}
		_ = p.cmd.Wait() // the test looks at the state
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // fails if it has ended
		<-p.ended
	})
	line := p.await(t, "address", func(line string) bool { return strings.HasPrefix(line, "address ") })
	p.address = &url.URL{Scheme: "http", Host: strings.TrimPrefix(line, "address ")}
	return p
}

// await waits for a line that fits, and returns it.
func (p *process) await(t *testing.T, what string, fits func(line string) bool) string {
	t.Helper()
	for late := time.After(time.Minute); ; {
		p.mu.Lock()
		i := slices.IndexFunc(p.lines, fits)
		line := ""
		if i >= 0 {
			line = p.lines[i]
		}
		p.mu.Unlock()
		if i >= 0 {
			return line
		}
		select {
		case <-p.more:
		case <-p.ended:
			t.Fatalf("the program has ended, want a line with %q", what)
		case <-late:
			t.Fatalf("no line with %q", what)
		}
	}
}

// added is how often the program has added what.
func (p *process) added(what string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines {
		if line == "added "+what {
			n++
		}
	}
	return n
}

// end waits for the end of a program that was sent a signal, and returns its exit code:
// 0 if all has ended within its Timeout.
func (p *process) end(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		t.Fatal("the program does not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

// balancer sends each request to the first program that is ready.
func balancer(all ...*process) http.Handler {
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, p := range all {
			res, err := client.Get(p.address.String() + "/readyz")
			if err != nil {
				continue
			}
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				proxy := httputil.NewSingleHostReverseProxy(p.address)
				proxy.Transport = transport
				proxy.ServeHTTP(w, r)
				return
			}
		}
		http.Error(w, "nobody is ready", http.StatusBadGateway)
	})
}

// TestTerminated: a program that gets SIGTERM under load ends in time and with
// success. What it has acknowledged is done, once; what it has not is sent again by
// clients with retries, and the next program does it.
func TestTerminated(t *testing.T) {
	t.Parallel()
	const clients = 20
	first, second := launch(t, "10s"), launch(t, "10s")
	front := balancer(first, second)
	all, done := make([]*siotest.Client, clients), make([][]string, clients) // what was acknowledged
	missing := make([]string, clients)                                       // what was not
	var emitting, warm sync.WaitGroup
	warm.Add(clients)
	for i := range clients {
		all[i] = siotest.Dial(t, front, siotest.Options{Timeout: time.Minute})
		emitting.Go(func() {
			for n := 0; ; n++ {
				what := fmt.Sprint(i, "-", n)
				answer, ok := <-all[i].EmitWithAck("add", what)
				if !ok {
					missing[i] = what
					return
				}
				var got string
				answer.Decode(&got)
				done[i] = append(done[i], got)
				if n == 10 {
					warm.Done()
				}
			}
		})
	}
	warm.Wait()
	assert.NoError(t, first.cmd.Process.Signal(syscall.SIGTERM))
	emitting.Wait()
	for i, c := range all {
		all[i] = c.Reconnect()
		all[i].Call("add", missing[i])
		second.await(t, missing[i], func(line string) bool { return line == "added "+missing[i] })
	}
	assert.Equal(t, "exit code", first.end(t), 0)
	for i, what := range done {
		assert.True(t, "was under load", len(what) > 10)
		for _, what := range what {
			assert.Equal(t, "added "+what, first.added(what), 1)
		}
		assert.True(t, "the last one", first.added(missing[i]) <= 1)
	}
}

// TestHandlerThatHangs does not keep the program. How long Serve takes, TestBounded
// measures in virtual time.
func TestHandlerThatHangs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		timeout string
		signals []os.Signal
		says    string
	}{
		"until its time is over": {"100ms", []os.Signal{syscall.SIGTERM}, "deadline exceeded"},
		"a second signal":        {"10m", []os.Signal{syscall.SIGTERM, syscall.SIGINT}, "second signal"},
		"Ctrl-C twice":           {"10m", []os.Signal{os.Interrupt, os.Interrupt}, "second signal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := launch(t, tt.timeout)
			c := siotest.Dial(t, balancer(p), siotest.Options{Timeout: time.Minute})
			c.Emit("hang")
			p.await(t, "hanging", func(line string) bool { return line == "hanging" })
			assert.NoError(t, p.cmd.Process.Signal(tt.signals[0]))
			c.ExpectDisconnect("") // it has come
			for _, s := range tt.signals[1:] {
				for again, late := true, time.After(time.Minute); again; { // those of the first half second are the same
					_ = p.cmd.Process.Signal(s) // fails if it has ended
					select {
					case <-p.ended:
						again = false
					case <-late:
						again = false
					case <-time.After(50 * time.Millisecond):
					}
				}
			}
			assert.Equal(t, "exit code", p.end(t), 3)
			assert.True(t, "says "+tt.says, slices.ContainsFunc(p.lines, func(s string) bool {
				return strings.HasPrefix(s, "failed ") && strings.Contains(s, tt.says)
			}))
		})
	}
}
