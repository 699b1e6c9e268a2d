// One chat on two Go servers and one Node server, on one Redis, behind nginx. It needs
// redis-server, nginx, Node 20 and npm. Run it, and open http://localhost:3000 in some
// windows; each says which server it is on:
//
//	go run ./examples/cluster
//
// -mode says how the servers talk to each other: classic, the default, sharded or streams.
// With streams nothing is lost while Redis is away, and a window that comes to another
// server goes on where it was.
//
// Kill any of the processes that it lists, and go on chatting: nginx sends the clients
// of a server that is gone to another one, and what has ended is started again after
// three seconds. While Redis is away each server has a chat of its own, or, with streams,
// what is said comes to the others later.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	mode := flag.String("mode", cmp.Or(os.Getenv("MODE"), "classic"), "how the servers talk: classic, sharded or streams")
	flag.Parse()
	if err := start(ctx, *mode); err != nil {
		slog.Error("the cluster failed", "err", err)
		os.Exit(1)
	}
}

// start runs one server, where the environment names it, or all processes.
func start(ctx context.Context, mode string) error {
	if _, ok := modes[mode]; !ok {
		return fmt.Errorf("there is no mode %q: take classic, sharded or streams", mode)
	}
	if name := os.Getenv("SERVER"); name != "" {
		return serve(ctx, name, mode, os.Getenv("PORT"), os.Getenv("REDIS"))
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return run(ctx, self, mode, cmp.Or(os.Getenv("PORT"), "3000"), func(name string, pid int) {
		slog.Info("running", "process", name, "pid", pid)
	})
}

// servers are the servers of the chat, and whether they are Node's.
var servers = []struct {
	name string
	node bool
}{{"go-1", false}, {"go-2", false}, {"node-1", true}}

// run runs all processes until ctx ends. self is this program. started hears of each
// process that runs, one at a time.
func run(ctx context.Context, self, mode, port string, started func(name string, pid int)) error {
	programs, err := find("redis-server", "nginx", "node", "npm")
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "cluster")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	chat, err := install(ctx, programs["npm"], folder)
	if err != nil {
		return err
	}

	redis, addresses := "unix://"+filepath.Join(folder, "redis"), make([]string, len(servers))
	all := []process{{"redis", exec.Command(programs["redis-server"],
		"--port", "0", "--unixsocket", filepath.Join(folder, "redis"), "--save", "", "--appendonly", "no", "--dir", folder)}}
	for i, s := range servers {
		addresses[i] = filepath.Join(folder, s.name)
		command := exec.Command(self)
		if s.node {
			command = exec.Command(programs["node"], filepath.Join(chat, "server.mjs"))
		}
		command.Env = append(os.Environ(), "SERVER="+s.name, "PORT="+addresses[i], "REDIS="+redis, "MODE="+mode)
		all = append(all, process{s.name, command})
	}
	config, err := proxy(folder, port, addresses)
	if err != nil {
		return err
	}
	all = append(all, process{"nginx", exec.Command(programs["nginx"], "-p", folder, "-e", "stderr", "-c", config)})
	slog.Info("the chat is open", "url", "http://localhost:"+port)
	return supervise(ctx, all, started)
}

// find returns where programs are.
func find(names ...string) (map[string]string, error) {
	found := make(map[string]string)
	var missing []string
	for _, name := range names {
		at, err := exec.LookPath(name)
		if err != nil {
			at, err = exec.LookPath("/usr/sbin/" + name) // which is not in everybody's path
		}
		if err != nil {
			missing = append(missing, name)
		}
		found[name] = at
	}
	if missing != nil {
		return nil, fmt.Errorf("not installed: %s; on Debian: apt-get install redis-server nginx nodejs npm", strings.Join(missing, ", "))
	}
	return found, nil
}

// install unpacks the Node server with its packages, once for each version of them.
func install(ctx context.Context, npm, folder string) (string, error) {
	if err := os.CopyFS(filepath.Join(folder, "page"), pageFiles()); err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	chat := filepath.Join(cache, "gosio-example-cluster", nodeVersion())
	if _, err := os.Stat(filepath.Join(chat, "node_modules", ".package-lock.json")); err == nil {
		return chat, nil
	}
	if err := os.RemoveAll(chat); err != nil {
		return "", err
	}
	if err := os.CopyFS(chat, nodeFiles()); err != nil {
		return "", err
	}
	slog.Info("installing the packages of the Node server")
	command := exec.CommandContext(ctx, npm, "ci", "--no-audit", "--no-fund", "--omit=dev")
	command.Dir = chat
	if out, err := command.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("npm ci: %w", err), errors.New(string(out)))
	}
	return chat, nil
}
