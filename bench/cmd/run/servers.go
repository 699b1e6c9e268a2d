package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/gosio/gosio/bench/load"
	"github.com/gosio/gosio/bench/report"
)

// server is a program to be measured.
type server struct {
	name    string
	kind    load.Kind
	ours    bool   // its failure fails the run
	quick   bool   // part of the quick run
	module  string // Go package folder under servers/, or
	script  string // script under servers/node, or
	crate   string // Cargo package folder under servers/
	env     string // in its environment, or ""
	full    bool   // part of the full run only
	figures bool   // answers /debug/figures
	locks   bool   // answers /debug/locks

	only    []string // scenarios that it runs, unless servers and scenarios are named; nil: all
	without []string // those that it is too slow for
}

// fits says whether a server runs a scenario in this plan.
func (p plan) fits(s server, scenario load.Scenario) bool {
	asked := p.named && p.chosen
	ours := s.only == nil || slices.Contains(s.only, scenario.Name)
	return scenario.Fits(s.kind) && (asked || ours && !slices.Contains(s.without, scenario.Name))
}

// rest is what zishang runs beside the compared scenarios: no demand is held
// against it, and leaving out the others saves the full run five minutes.
var rest = []string{"polling-echo", "connect", "idle", "idle-polling", "latency-echo", "latency-bcast", "room-10000"}

// scaled is what gosio runs with one CPU and with two.
var scaled = append(slices.Clone(report.Scaled), "bcast16")

var servers = []server{
	{name: "gosio", kind: load.SocketIO, ours: true, quick: true, module: "gosio", figures: true},
	{name: "node-uws", kind: load.SocketIO, quick: true, script: "uws.js"},
	{name: "gosio-fiber", kind: load.SocketIO, ours: true, module: "gosio-fiber", figures: true, only: []string{"echo1", "echo32", "polling-echo", "connect", "idle"}},
	{name: "gosio-metrics", kind: load.SocketIO, ours: true, full: true, module: "gosio-metrics", only: report.Compared},
	{name: "gosio-p1", kind: load.SocketIO, ours: true, full: true, module: "gosio", env: "GOMAXPROCS=1", only: scaled},
	{name: "gosio-p2", kind: load.SocketIO, ours: true, full: true, module: "gosio", env: "GOMAXPROCS=2", only: scaled},
	{name: "gosio-unpaced", kind: load.SocketIO, ours: true, quick: true, module: "gosio", env: "HANDSHAKES=-1", only: []string{"connect"}},
	{name: report.Contended, kind: load.SocketIO, ours: true, module: "gosio", env: "CONTENTION=1", locks: true, only: []string{"echo32", "bcast16"}},
	{name: "node-ws", kind: load.SocketIO, quick: true, script: "ws.js", without: []string{"bcast16-paced"}},
	{name: "zishang", kind: load.SocketIO, module: "zishang", only: slices.Concat(report.Compared, rest)},
	// Cargo takes a minute and more to build it: too long for the short runs.
	{name: "socketioxide", kind: load.SocketIO, full: true, crate: "socketioxide", only: slices.Concat(report.Compared, []string{"polling-echo", "polling-parked", "connect", "idle", "latency-echo"})},
	{name: "floor-gws", kind: load.BareEcho, quick: true, module: "floor-gws", figures: true, only: []string{"echo1", "echo32", "echo32-pipelined", "idle", "latency-echo"}},
	{name: "floor-gws-p1", kind: load.BareEcho, full: true, module: "floor-gws", env: "GOMAXPROCS=1", only: report.Compared},
	{name: "floor-gws-p2", kind: load.BareEcho, full: true, module: "floor-gws", env: "GOMAXPROCS=2", only: report.Compared},
	{name: "floor-coder", kind: load.BareEcho, module: "floor-coder", figures: true, only: []string{"echo1", "echo32", "idle"}},
	{name: "floor-nethttp", kind: load.BareHTTP, quick: true, module: "floor-nethttp", figures: true},
}

// build makes the program ready to be started.
func (s server) build(ctx context.Context, root string) error {
	command := exec.CommandContext(ctx, "go", "build", "-o", binary(root, s.module), ".")
	command.Dir = filepath.Join(root, "servers", s.module)
	switch {
	case s.script != "": // packages from npm are installed as the lock file says, once
		command = exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund")
		command.Dir = filepath.Join(root, "servers", "node")
		if installed(command.Dir) {
			return nil
		}
	case s.crate != "":
		command = exec.CommandContext(ctx, "cargo", "build", "--quiet", "--release", "--locked")
		command.Dir = filepath.Join(root, "servers", s.crate)
		command.Env = append(os.Environ(), "CARGO_TARGET_DIR="+binary(root, "rust"))
		if errors.Is(command.Err, exec.ErrNotFound) {
			return fmt.Errorf("left out, for it needs Rust 1.94 or later: %w", command.Err)
		}
		fmt.Fprintf(os.Stderr, "bench: cargo builds %s, a minute or two the first time\n", s.name)
	}
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", s.name, err, out)
	}
	return nil
}

// command is what starts the program, once it is built.
func (s server) command(root string) *exec.Cmd {
	switch {
	case s.script != "":
		return exec.Command("node", filepath.Join(root, "servers", "node", s.script))
	case s.crate != "":
		return exec.Command(filepath.Join(binary(root, "rust"), "release", s.crate+"-server"))
	}
	return exec.Command(binary(root, s.module))
}

func binary(root, name string) string { return filepath.Join(root, ".bin", name) }

// installed says whether npm's own note of what it installed is newer than the
// lock file.
func installed(dir string) bool {
	lock, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return false
	}
	done, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	return err == nil && !done.ModTime().Before(lock.ModTime())
}

// process is a server that runs.
type process struct {
	server
	command *exec.Cmd
	address string
	ended   chan struct{}
}

// start starts the server on a free port and waits until it listens.
func (s server) start(ctx context.Context, root string, cpus []int) (*process, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	command := s.command(root)
	command.Env = append(os.Environ(), "PORT="+strconv.Itoa(port))
	if s.env != "" {
		command.Env = append(command.Env, s.env)
	}
	command.Stdout, command.Stderr = nil, nil
	if err := startOn(command, cpus); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	p := &process{
		server: s, command: command, ended: make(chan struct{}),
		address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
	}
	go func() { // ends with the process; stop waits for it
		defer close(p.ended)
		_ = command.Wait() // we end it by a signal: the status says nothing
	}()
	if err := p.await(ctx); err != nil {
		p.stop()
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	return p, nil
}

func (p *process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return errors.New("the server ended")
		case <-ctx.Done():
			return fmt.Errorf("the server does not listen: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the server and waits for its end.
func (p *process) stop() {
	_ = p.command.Process.Kill() // it may have ended already
	<-p.ended
}

// url is where the server answers path, or "" if it does not.
func (p *process) url(path string, answers bool) string {
	if !answers {
		return ""
	}
	return "http://" + p.address + path
}

const firstPort, lastPort = 30000, 30999 // below the ports of outgoing connections

var nextPort = firstPort

func freePort(ctx context.Context) (int, error) {
	for range lastPort - firstPort {
		port := nextPort
		if nextPort++; nextPort > lastPort {
			nextPort = firstPort
		}
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("no free port")
}
