// Package redistest runs a real redis-server for tests that need one.
package redistest

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Server is a redis-server of one test.
type Server struct {
	// Addr is the path of its Unix socket, which go-redis takes for an address.
	// A port could be another's before the server has it.
	Addr string

	t       testing.TB
	durable bool // it comes back with what it had
	folder  string
	command *exec.Cmd
	leash   io.Closer
	output  *bytes.Buffer
}

// Start runs an empty server that ends with the test, even if that is ended by
// force. Without a redis-server in the PATH the test fails: install it, Debian's
// package is redis-server.
func Start(t testing.TB) *Server {
	t.Helper()
	return startServer(t, false)
}

// StartDurable is Start for a server that has all that it has answered for when it runs
// again after Kill.
func StartDurable(t testing.TB) *Server {
	t.Helper()
	return startServer(t, true)
}

func startServer(t testing.TB, durable bool) *Server {
	t.Helper()
	folder, err := os.MkdirTemp("", "redis") //nolint:usetesting // t.TempDir's may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: filepath.Join(folder, "socket"), t: t, durable: durable, folder: folder}
	t.Cleanup(func() {
		s.Kill()
		_ = os.RemoveAll(folder)
	})
	s.Run()
	return s
}

// leashed runs the server until its own input ends: when Kill closes it, or when
// the system does because this process is gone.
const leashed = `redis-server "$@" & read -r _; kill -KILL $!; wait $!`

// Run starts the server again after Kill, at the same address; empty, unless it is durable.
func (s *Server) Run() {
	s.t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		s.t.Fatalf("redistest: %v", err)
	}
	s.output = new(bytes.Buffer)
	appendOnly := "no"
	if s.durable {
		appendOnly = "yes"
	}
	s.command = exec.Command("sh", "-c", leashed, "sh", "--port", "0", "--unixsocket", s.Addr, "--save", "",
		"--appendonly", appendOnly, "--appendfsync", "always", "--daemonize", "no")
	s.command.Dir, s.command.Stdout, s.command.Stderr = s.folder, s.output, s.output
	leash, err := s.command.StdinPipe()
	if err == nil {
		s.leash = leash
		err = s.command.Start()
	}
	if err != nil {
		s.command = nil
		s.t.Fatalf("redistest: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", s.Addr)
		if err == nil {
			_ = c.Close()
			return
		}
		if ctx.Err() != nil {
			s.Kill()
			s.t.Fatalf("redistest: the server does not listen: %v\n%s", err, s.output)
		}
	}
}

// Kill ends the server at once.
func (s *Server) Kill() {
	if s.command == nil {
		return
	}
	_ = s.leash.Close()
	_ = s.command.Wait()
	s.command = nil
}
