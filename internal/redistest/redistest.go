// Package redistest runs a real redis-server for tests that need one.
package redistest

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// Server is a redis-server of one test.
type Server struct {
	// Addr is host:port, on the loopback.
	Addr string

	t       testing.TB
	port    int
	command *exec.Cmd
}

// Start runs an empty server that ends with the test. Without a redis-server
// in the PATH the test fails: install it, Debian's package is redis-server.
func Start(t testing.TB) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	s := &Server{Addr: l.Addr().String(), t: t, port: port}
	s.Run()
	t.Cleanup(s.Kill)
	return s
}

// Run starts the server again after Kill, at the same address, empty.
func (s *Server) Run() {
	s.t.Helper()
	s.command = exec.Command("redis-server", "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no")
	s.command.Dir = s.t.TempDir()
	if err := s.command.Start(); err != nil {
		s.t.Fatalf("redistest: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr)
		if err == nil {
			_ = c.Close()
			return
		}
		if ctx.Err() != nil {
			s.t.Fatalf("redistest: the server does not listen: %v", err)
		}
	}
}

// Kill ends the server at once, by its own process id.
func (s *Server) Kill() {
	if s.command == nil || s.command.Process == nil {
		return
	}
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
	s.command = nil
}
