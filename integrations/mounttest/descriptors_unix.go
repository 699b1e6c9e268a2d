//go:build unix

package mounttest

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// descriptorsChild has the test's binary run as a server with few descriptors.
const descriptorsChild = "MOUNTTEST_FEW_DESCRIPTORS"

const descriptors = 64

// OutOfDescriptors checks that a server which is out of file descriptors takes
// connections again when there are some, and that those which it has live on.
// serve serves srv on a port of this machine for good, and calls listening with the
// address. OutOfDescriptors runs the calling test again, in a process of its own;
// call it first. It exists on Unix alone, as other systems have no such limit to
// set: keep its callers in files with //go:build unix.
func OutOfDescriptors(t *testing.T, serve func(srv *socketio.Server, listening func(addr string)) error) {
	t.Helper()
	if os.Getenv(descriptorsChild) != "" {
		limit := syscall.Rlimit{Cur: descriptors, Max: descriptors}
		assert.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
		srv := socketio.NewServer(nil)
		srv.On("echo", func(s *socketio.Socket, v any) error { return s.Emit("echo", v) })
		t.Fatal(serve(srv, func(addr string) { fmt.Fprintln(os.Stderr, "listening on "+addr) }))
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$") //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), descriptorsChild+"=1")
	out, err := cmd.StderrPipe()
	assert.NoError(t, err)
	assert.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	lines := make(chan string, 1024) // ends with the child
	go func() {
		defer close(lines)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			lines <- sc.Text()
		}
	}()
	line := func(containing string) string {
		for {
			l := Wait(t, containing, lines)
			if l == "" {
				t.Fatalf("the server has ended before it said %q", containing)
			}
			if strings.Contains(l, containing) {
				return l
			}
		}
	}
	addr := strings.TrimPrefix(line("listening on "), "listening on ")
	c := NewClient(t, "http://"+addr+"/socket.io")
	ws := c.Dial()
	var conns []net.Conn
	for range descriptors {
		conn, err := net.Dial("tcp", addr)
		assert.NoError(t, err)
		defer conn.Close()
		conns = append(conns, conn)
	}
	line("too many open files")
	ws.Echo("still there")
	for _, conn := range conns {
		assert.NoError(t, conn.Close())
	}
	c.Dial().Echo("and somebody new")
	assert.Equal(t, "polling", c.Do("GET", "/?EIO=4&transport=polling", "").Status, http.StatusOK)
}
