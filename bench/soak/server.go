package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"net"

	socketio "github.com/gosio/gosio/core"
)

// rooms that clients are in, by their numbers.
const rooms = 10

// about is what the server says of itself.
type about struct {
	Connections, Goroutines, Files int
	Heap                           uint64
}

// runServer serves until ctx ends: it says n to each room ten times a second, and answers.
func runServer(ctx context.Context, address string) error {
	srv := socketio.NewServer(&socketio.Options{Recovery: &socketio.Recovery{}})
	life := rand.Text() // events of another life are not those of this one
	srv.On("join", func(s *socketio.Socket, room int) error { return s.Join(fmt.Sprint(room)) })
	srv.On("ask", func(n int) int { return n })
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", srv)
	mux.HandleFunc("/about", func(w http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		files, _ := os.ReadDir("/proc/self/fd")
		_ = json.NewEncoder(w).Encode(about{srv.Connections(), runtime.NumGoroutine(), len(files), m.HeapAlloc})
	})
	web := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-tick.C:
			case <-ctx.Done():
				srv.Close()
				_ = web.Close()
				return
			}
			for room := range rooms {
				_ = srv.To(fmt.Sprint(room)).Emit("n", life, n)
			}
		}
	}()
	if err := web.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// supervisor starts the server again when it ends.
type supervisor struct {
	address string
	starts  atomic.Int64
	over    chan struct{}

	mu  sync.Mutex
	pid int
}

func supervise(ctx context.Context) (*supervisor, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &supervisor{address: l.Addr().String(), over: make(chan struct{})}
	_ = l.Close() // the server takes the port
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	go func() {
		defer close(s.over)
		for ctx.Err() == nil {
			c := exec.CommandContext(ctx, self, "-serve", s.address)
			c.Stderr = os.Stderr
			if err := c.Start(); err != nil {
				fmt.Fprintln(os.Stderr, "soak:", err)
				return
			}
			s.starts.Add(1)
			s.set(c.Process.Pid)
			_ = c.Wait() // it was killed
			s.set(0)
		}
	}()
	return s, nil
}

func (s *supervisor) set(pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pid = pid
}

// signal sends a signal to the server, if there is one.
func (s *supervisor) signal(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pid != 0 {
		_ = syscall.Kill(s.pid, sig)
	}
}

func (s *supervisor) process() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pid
}

func (s *supervisor) end() { <-s.over }
