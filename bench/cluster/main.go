// Program cluster measures servers in one cluster by Redis, beside Node servers with the
// official adapters and beside the client library alone, on one Redis in one run:
//
//	make bench-cluster                 # all, about two minutes
//	make bench-cluster ONLY=latency    # publish, receive, latency, memory, connects or nodes
//
// It needs redis-server and Node 20. It prints the tables of docs/cluster.md.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	only   = flag.String("only", "", "one of publish, receive, latency, memory, connects, nodes")
	short  = flag.Bool("short", false, "a run that shows that all works, and measures nothing")
	rounds = flag.Int("rounds", 5, "how often each sender of publish is measured, in turn with the others; the middle one counts")
	node   = flag.String("node", "node/server.mjs", "the Node server; empty: none is measured")
)

// text is what is said: with its event some 200 bytes.
var text = strings.Repeat("x", 180)

func main() {
	log.SetFlags(0)
	if len(os.Args) > 3 && os.Args[1] == "serve" {
		count, _ := strconv.Atoi(os.Args[4])
		log.Fatal(serve(os.Args[2], os.Args[3], count))
	}
	flag.Parse()
	for _, b := range []struct {
		name string
		run  func(*bench) error
	}{{"publish", (*bench).publish}, {"receive", (*bench).receive}, {"latency", (*bench).latency}, {"memory", (*bench).memory}, {"connects", (*bench).connects}, {"nodes", (*bench).nodes}} {
		if *only != "" && *only != b.name {
			continue
		}
		fmt.Printf("\n%s\n\n", b.name)
		if err := with(b.run); err != nil {
			log.Fatalf("%s: %v", b.name, err)
		}
	}
}

// bench is a Redis, and the servers on it.
type bench struct {
	redis     string
	pid       int // of Redis
	processes []*exec.Cmd
}

// with runs f with a Redis of its own.
func with(f func(*bench) error) error {
	folder, err := os.MkdirTemp("", "cluster")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	b := &bench{redis: filepath.Join(folder, "s")}
	command := exec.Command("redis-server", "--port", "0", "--unixsocket", b.redis, "--save", "", "--appendonly", "no", "--dir", folder)
	if err := command.Start(); err != nil {
		return err
	}
	b.pid, b.processes = command.Process.Pid, []*exec.Cmd{command}
	defer b.end()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(b.redis); err == nil {
			break
		} else if time.Now().After(end) {
			return err
		}
	}
	return f(b)
}

// end ends all processes, servers first.
func (b *bench) end() {
	for _, p := range slices.Backward(b.processes) {
		_ = p.Process.Kill()
		_ = p.Wait()
	}
}

// server is a process that is measured.
type server struct{ port, pid int }

// start starts a server; "node classic" is Node's with its classic adapter. count is how
// many servers share the process.
func (b *bench) start(kind string, count int) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self, "serve", kind, b.redis, strconv.Itoa(count))
	if mode, ok := strings.CutPrefix(kind, "node "); ok {
		command = exec.Command("node", "--expose-gc", *node, mode, b.redis)
	}
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return nil, err
	}
	b.processes = append(b.processes, command)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%s does not start: %w", kind, err)
	}
	port, err := strconv.Atoi(strings.TrimSpace(line))
	return &server{port, command.Process.Pid}, err
}

// pair starts two servers and connects a client to each; those of the second one hear f.
func (b *bench) pair(kind string, f func(string)) (from, to *server, a, c *client, err error) {
	if from, err = b.start(kind, 1); err != nil {
		return
	}
	if to, err = b.start(kind, 1); err != nil {
		return
	}
	if a, err = dial(context.Background(), from.port, nil); err != nil {
		return
	}
	if c, err = dial(context.Background(), to.port, f); err != nil {
		return
	}
	time.Sleep(300 * time.Millisecond) // Node's servers subscribe without being waited for
	_, err = a.call("sync")
	return
}

func scaled(n int) int {
	if *short {
		return max(n/100, 1)
	}
	return n
}

var goKinds = []string{"by room", "by pattern", "sharded", "streams"}

// measured are the kinds of servers that are there.
func measured(kinds ...string) []string {
	return slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { return *node == "" && strings.HasPrefix(kind, "node ") })
}

// receive is how much a message costs a server that has nobody, or one client, in its room.
func (b *bench) receive() error {
	n := scaled(100_000)
	fmt.Println("| | CPU of a server with nobody in the room, us | with one client, us |\n|---|---|---|")
	for _, kind := range measured("by room", "by pattern", "sharded", "streams", "sharded static", "node classic", "node sharded", "node streams") {
		var costs [2]time.Duration
		for i := range costs {
			err := with(func(b *bench) error {
				var mu sync.Mutex
				heard := 0
				_, to, a, c, err := b.pair(kind, func(string) { mu.Lock(); heard++; mu.Unlock() })
				if err != nil {
					return err
				}
				if i == 1 {
					if _, err := c.call("join", "room"); err != nil {
						return err
					}
					time.Sleep(200 * time.Millisecond)
				}
				before := used(to.pid)
				if _, err := a.call("flood", "room", n, text); err != nil {
					return err
				}
				if _, err := a.call("sync"); err != nil {
					return err
				}
				for end := time.Now().Add(30 * time.Second); i == 1; time.Sleep(time.Millisecond) {
					mu.Lock()
					all := heard == n
					mu.Unlock()
					if all {
						break
					}
					if time.Now().After(end) {
						return fmt.Errorf("%s: %d of %d have come", kind, heard, n)
					}
				}
				costs[i] = (b.settled(to.pid) - before) / time.Duration(n)
				return nil
			})
			if err != nil {
				return err
			}
		}
		fmt.Printf("| %s | %s | %s |\n", kind, micros(costs[0]), micros(costs[1]))
	}
	return nil
}

// settled waits until a process has nothing more to do, and returns its CPU time.
func (b *bench) settled(pid int) time.Duration {
	for {
		before := used(pid)
		time.Sleep(300 * time.Millisecond)
		if now := used(pid); now-before <= 10*time.Millisecond {
			return now
		}
	}
}

// latency is from a client of one server to a client of the other, at 1,000 messages a second.
func (b *bench) latency() error {
	n := scaled(4000)
	fmt.Println("| | p50, us | p99, us |\n|---|---|---|")
	for _, kind := range measured("by room", "by pattern", "sharded", "streams", "node classic", "node sharded", "node streams") {
		var mu sync.Mutex
		var took []time.Duration
		start := time.Now()
		err := with(func(b *bench) error {
			_, _, a, c, err := b.pair(kind, func(data string) {
				_, number, _ := strings.Cut(strings.TrimSuffix(data, "]"), ",")
				number, _, _ = strings.Cut(number, ",") // of streams an offset follows
				at, _ := strconv.ParseFloat(number, 64)
				mu.Lock()
				took = append(took, time.Since(start)-time.Duration(at))
				mu.Unlock()
			})
			if err != nil {
				return err
			}
			defer a.close()
			defer c.close()
			for begin, i := time.Now(), 0; i < n; i++ {
				time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Millisecond)))
				if err := a.emit("fan", int64(time.Since(start))); err != nil {
					return err
				}
			}
			time.Sleep(500 * time.Millisecond)
			return nil
		})
		if err != nil {
			return err
		}
		mu.Lock()
		if len(took) != n {
			return fmt.Errorf("%s: %d of %d have come", kind, len(took), n)
		}
		took = took[n/10:] // warm
		slices.Sort(took)
		fmt.Printf("| %s | %d | %d |\n", kind, took[len(took)/2].Microseconds(), took[len(took)*99/100].Microseconds())
		mu.Unlock()
	}
	return nil
}

func number(text string, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.Trim(text, "[]"))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func micros(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Nanoseconds())/1000) }

func middle[T float64 | time.Duration](list []T) T {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}
