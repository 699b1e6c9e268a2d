package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// process is a program that is started again when it ends.
type process struct {
	address string // of a server
	command func(ctx context.Context) *exec.Cmd
	starts  atomic.Int64
	away    atomic.Int64 // how long it stays away when it has ended, a time.Duration
	over    chan struct{}

	mu  sync.Mutex
	pid int
}

// keep starts the program, again and again until ctx ends.
func (p *process) keep(ctx context.Context) {
	p.over = make(chan struct{})
	go func() {
		defer close(p.over)
		for ctx.Err() == nil {
			c := p.command(ctx)
			c.Stderr = os.Stderr
			if err := c.Start(); err != nil {
				fmt.Fprintln(os.Stderr, "soak:", err)
				return
			}
			p.starts.Add(1)
			p.set(c.Process.Pid)
			_ = c.Wait() // it was killed
			p.set(0)
			select {
			case <-time.After(time.Duration(p.away.Swap(0))):
			case <-ctx.Done():
			}
		}
	}()
}

func (p *process) set(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid = pid
}

// id is the process' id, 0 while it is away.
func (p *process) id() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pid
}

// signal sends a signal to the process, if there is one.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid != 0 {
		_ = syscall.Kill(p.pid, sig)
	}
}

// kill kills it as a crash would, and has it stay away for a while.
func (p *process) kill(away time.Duration) {
	p.away.Store(int64(away))
	p.signal(syscall.SIGKILL)
}

// stop has it do nothing for a while.
func (p *process) stop(d time.Duration) {
	p.signal(syscall.SIGSTOP)
	time.Sleep(d)
	p.signal(syscall.SIGCONT)
}

// processes are the servers, and Redis if there are two.
type processes struct {
	servers []*process
	redis   *process // nil: none
	folder  string
}

// start starts all.
func start(ctx context.Context, redis bool) (*processes, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &processes{}
	socket, count := "", 1
	if redis {
		if p.folder, err = os.MkdirTemp("", "soak"); err != nil {
			return nil, err
		}
		socket, count = filepath.Join(p.folder, "redis"), 2
		p.redis = &process{command: func(ctx context.Context) *exec.Cmd {
			return exec.CommandContext(ctx, "redis-server", "--port", "0", "--unixsocket", socket, "--dir", p.folder,
				"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning")
		}}
		p.redis.keep(ctx)
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if _, err = os.Stat(socket); err == nil {
				break
			} else if time.Now().After(end) {
				_ = os.RemoveAll(p.folder)
				return nil, fmt.Errorf("Redis does not start: %w", err)
			}
		}
	}
	for range count {
		address, err := free()
		if err != nil {
			return nil, err
		}
		s := &process{address: address}
		s.command = func(ctx context.Context) *exec.Cmd {
			return exec.CommandContext(ctx, self, "-serve", s.address, "-redis-socket", socket)
		}
		s.keep(ctx)
		p.servers = append(p.servers, s)
	}
	return p, nil
}

func (p *processes) addresses() (all []string) {
	for _, s := range p.servers {
		all = append(all, s.address)
	}
	return all
}

// end waits for the end of all, which comes with their context.
func (p *processes) end() {
	for _, s := range p.servers {
		<-s.over
	}
	if p.redis != nil {
		<-p.redis.over
		_ = os.RemoveAll(p.folder)
	}
}

// faults has something go wrong each time: of the servers in turn, and of Redis.
func (p *processes) faults(ctx context.Context, every time.Duration, c *crowd, f *figures) {
	for i := 0; ; i++ {
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return
		}
		s := p.servers[i%len(p.servers)]
		kinds := 3
		if p.redis != nil {
			kinds = 5
		}
		switch i % kinds {
		case 0:
			f.count(func(f *figures) { f.kills++ })
			s.kill(0)
		case 1:
			f.count(func(f *figures) { f.stops++ })
			s.stop(5 * time.Second)
		case 2:
			f.count(func(f *figures) { f.resets++ })
			c.reset()
		case 3:
			f.count(func(f *figures) { f.outages++ })
			p.redis.kill(5 * time.Second)
		case 4:
			f.count(func(f *figures) { f.outages++ })
			p.redis.stop(3 * time.Second)
		}
	}
}

// free finds an address for a server, below the range from which the kernel takes the
// ports of the clients: each start of the server needs the port again.
func free() (address string, err error) {
	for range 200 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", 20_000+rand.IntN(10_000))); err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", err
}
