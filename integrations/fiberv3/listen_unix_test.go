//go:build unix

package siofiber_test

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

	"github.com/gofiber/fiber/v3"

	socketio "github.com/gosio/gosio/core"
	siofiber "github.com/gosio/gosio/integrations/fiberv3"
	"github.com/gosio/gosio/integrations/internal/mounttest"
	"github.com/gosio/gosio/internal/assert"
)

// listenChild has the test's binary run as a server with few descriptors.
const listenChild = "SIOFIBER_LISTEN_CHILD"

// TestListenOutOfDescriptors: a server that is out of descriptors takes
// connections again when there are some, and those that it has live on.
func TestListenOutOfDescriptors(t *testing.T) {
	if os.Getenv(listenChild) != "" {
		serveWithFew(t)
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestListenOutOfDescriptors$")
	cmd.Env = append(os.Environ(), listenChild+"=1")
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
			l := mounttest.Wait(t, containing, lines)
			if l == "" {
				t.Fatalf("the server has ended before it said %q", containing)
			}
			if strings.Contains(l, containing) {
				return l
			}
		}
	}
	addr := strings.TrimPrefix(line("listening on "), "listening on ")
	c := mounttest.NewClient(t, "http://"+addr+"/socket.io")
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

const descriptors = 64

// serveWithFew runs until its parent ends it.
func serveWithFew(t *testing.T) {
	limit := syscall.Rlimit{Cur: descriptors, Max: descriptors}
	assert.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	srv := socketio.NewServer(nil)
	srv.On("echo", func(s *socketio.Socket, v any) error { return s.Emit("echo", v) })
	app := newApp()
	app.Hooks().OnListen(func(l fiber.ListenData) error {
		_, err := fmt.Fprintln(os.Stderr, "listening on "+net.JoinHostPort(l.Host, l.Port))
		return err
	})
	siofiber.Mount(app, srv)
	t.Fatal(siofiber.Listen(app, "127.0.0.1:0"))
}
