//go:build e2e

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gosio/gosio/examples/parts/check"
)

// TestMain is the program itself where it is started as one of the servers.
func TestMain(m *testing.M) {
	if os.Getenv("SERVER") != "" {
		main()
		return
	}
	check.Main(m)
}

// processes are those of a cluster that runs.
type processes struct {
	mu   sync.Mutex
	pids map[string]int
}

func (p *processes) started(name string, pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pids[name] = pid
}

func (p *processes) pid(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pids[name]
}

// kill kills a process without a word, and waits until another one has its place.
func (p *processes) kill(t *testing.T, name string) {
	t.Helper()
	old := p.pid(name)
	check.NoError(t, syscall.Kill(old, syscall.SIGKILL))
	for end := time.Now().Add(time.Minute); p.pid(name) == old; time.Sleep(10 * time.Millisecond) {
		check.True(t, name+" is started again", time.Now().Before(end))
	}
}

// TestCluster: the official client chats on all servers, Node's among them, and goes on
// while each of the processes is killed in its turn.
func TestCluster(t *testing.T) {
	for _, mode := range []string{"classic", "sharded", "streams"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			testCluster(t, mode)
		})
	}
}

// free returns a port that nobody listens on, below the range from which the kernel takes
// those of the clients: nginx needs the port again after each restart.
func free(t *testing.T) string {
	for range 200 {
		port := strconv.Itoa(20_000 + rand.IntN(10_000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			check.NoError(t, l.Close())
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

func testCluster(t *testing.T, mode string) {
	port := free(t)
	self, err := os.Executable()
	check.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	all, ended := &processes{pids: make(map[string]int)}, make(chan error, 1)
	go func() { ended <- run(ctx, self, mode, port, all.started) }()
	defer func() {
		cancel()
		check.NoError(t, <-ended)
	}()

	clients := exec.CommandContext(ctx, "node", "node/check.mjs", "http://localhost:"+port)
	clients.Stderr = os.Stderr
	in, err := clients.StdinPipe()
	check.NoError(t, err)
	out, err := clients.StdoutPipe()
	check.NoError(t, err)
	check.NoError(t, clients.Start())
	defer func() {
		_ = in.Close()
		_ = clients.Wait()
	}()
	lines := bufio.NewScanner(out)
	tell := func(command string) string {
		_, err := io.WriteString(in, command+"\n")
		check.NoError(t, err)
		check.True(t, "an answer to "+command, lines.Scan())
		return lines.Text()
	}
	said := func(text string) {
		t.Helper()
		if got := tell("say " + text); !strings.HasPrefix(got, "all") {
			t.Fatalf("%s: %s of nine clients have it", text, got)
		}
	}

	check.Equal(t, "servers", tell("spread"), "go-1,go-2,node-1")
	said("hello")
	check.Equal(t, "who", tell("who"), "all")
	for _, name := range []string{"go-1", "node-1", "go-2", "nginx", "redis"} {
		all.kill(t, name)
		for i := range 3 {
			said(fmt.Sprint(name, "-", i))
		}
		check.Equal(t, "connected, after the end of "+name, tell("connected"), "all")
		check.Equal(t, "who, after the end of "+name, tell("who"), "all")
	}
}
