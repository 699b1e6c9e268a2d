package redistest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Cluster runs a Redis Cluster of n masters that share the slots, and returns their
// addresses. It ends with the test.
func Cluster(t testing.TB, n int) (addrs []string) {
	t.Helper()
	for _, p := range ClusterOf(t, n) {
		addrs = append(addrs, p.Addr)
	}
	return addrs
}

// ClusterOf is Cluster whose masters can be killed; args are for all of them.
func ClusterOf(t testing.TB, n int, args ...string) (masters []*Process) {
	t.Helper()
	for i := range n {
		m := StartWith(t, append(slices.Clip(args), clusterNode...)...)
		addSlots(t, m, 16384*i/n, 16384*(i+1)/n)
		masters = append(masters, m)
	}
	meet(t, masters)
	return masters
}

// ClusterAround runs a Redis Cluster in which each of some channels has a master of its own,
// which has nothing else. The first master has all other slots.
func ClusterAround(t testing.TB, channels []string, args ...string) (masters []*Process) {
	t.Helper()
	args = append(slices.Clip(args), clusterNode...)
	masters = append(masters, StartWith(t, args...))
	var slots []int
	for _, channel := range channels {
		n, _ := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(ask(t, masters[0].Addr, "CLUSTER", "KEYSLOT", channel), ":")))
		m := StartWith(t, args...)
		addSlots(t, m, n, n+1)
		masters, slots = append(masters, m), append(slots, n)
	}
	slices.Sort(slots)
	first := 0
	for _, n := range append(slots, 16384) {
		addSlots(t, masters[0], first, n)
		first = n + 1
	}
	meet(t, masters)
	return masters
}

// addSlots gives a master the slots from first on, up to the one before end.
func addSlots(t testing.TB, m *Process, first, end int) {
	t.Helper()
	if first < end {
		ask(t, m.Addr, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(end-1))
	}
}

// meet makes one cluster of masters that have all slots.
func meet(t testing.TB, masters []*Process) {
	t.Helper()
	for _, m := range masters {
		ask(t, masters[0].Addr, "CLUSTER", "MEET", "127.0.0.1", m.port())
	}
	until(t, "all masters know all slots", func() bool {
		for _, m := range masters {
			info := ask(t, m.Addr, "CLUSTER", "INFO")
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_size:%d\r", len(masters))) {
				return false
			}
		}
		return true
	})
}

var clusterNode = []string{"--cluster-enabled", "yes", "--cluster-config-file", "nodes"}

// ClusterReplica adds a replica of a master to a Redis Cluster. It takes the place of a
// master that is killed; args are those of the masters.
func ClusterReplica(t testing.TB, master *Process, args ...string) *Process {
	t.Helper()
	replica := StartWith(t, append(slices.Clip(args), clusterNode...)...)
	ask(t, replica.Addr, "CLUSTER", "MEET", "127.0.0.1", master.port())
	id := ask(t, master.Addr, "CLUSTER", "MYID")
	until(t, "the replica knows its master", func() bool {
		return strings.HasPrefix(tell(t, replica.Addr, "CLUSTER", "REPLICATE", id), "+OK")
	})
	until(t, "the replica is in step", func() bool {
		return strings.Contains(ask(t, replica.Addr, "INFO", "replication"), "master_link_status:up") &&
			strings.Contains(ask(t, master.Addr, "INFO", "replication"), "connected_slaves:1")
	})
	return replica
}

// Replicate waits until the replicas of a master have all that it has now. WAIT does not
// tell: it speaks of what the asking connection has written.
func Replicate(t testing.TB, master *Process) {
	t.Helper()
	number := func(of, name string) (n int) {
		_, text, _ := strings.Cut(of, name)
		end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
		n, err := strconv.Atoi(text[:max(end, 0)])
		if err != nil {
			t.Fatalf("redistest: no %s in %q", name, of)
		}
		return n
	}
	all := number(ask(t, master.Addr, "INFO", "replication"), "master_repl_offset:")
	until(t, "the replicas have all", func() bool {
		info := ask(t, master.Addr, "INFO", "replication")
		for i := range number(info, "connected_slaves:") {
			if number(info[strings.Index(info, fmt.Sprintf("slave%d:", i)):], "offset=") < all {
				return false
			}
		}
		return true
	})
}

// Slot returns the slot of a key or a channel, and the master that has it.
func Slot(t testing.TB, masters []*Process, key string) (slot string, master *Process) {
	t.Helper()
	slot = strings.TrimSpace(strings.TrimPrefix(ask(t, masters[0].Addr, "CLUSTER", "KEYSLOT", key), ":"))
	for _, m := range masters {
		if answer := tell(t, m.Addr, "EXISTS", "{"+key+"}"); !strings.HasPrefix(answer, "-MOVED") {
			return slot, m
		}
	}
	t.Fatal("redistest: nobody has the slot")
	return "", nil
}

// moving is held while a slot moves. Masters that take slots at the same time may choose
// the same epoch, and then two of them may each say for ever that the other has a slot.
var moving sync.Mutex

// MoveSlot gives an empty slot from one master to another, and waits until all masters
// know.
func MoveSlot(t testing.TB, masters []*Process, slot string, from, to *Process) {
	t.Helper()
	moving.Lock()
	defer moving.Unlock()
	source, target := ask(t, from.Addr, "CLUSTER", "MYID"), ask(t, to.Addr, "CLUSTER", "MYID")
	until(t, "all masters agree before a slot moves", func() bool { return agree(t, masters) })
	ask(t, to.Addr, "CLUSTER", "SETSLOT", slot, "IMPORTING", source)
	ask(t, from.Addr, "CLUSTER", "SETSLOT", slot, "MIGRATING", target)
	ask(t, to.Addr, "CLUSTER", "SETSLOT", slot, "NODE", target)
	ask(t, from.Addr, "CLUSTER", "SETSLOT", slot, "NODE", target)
	for _, m := range masters {
		if m != from && m != to {
			ask(t, m.Addr, "CLUSTER", "SETSLOT", slot, "NODE", target)
		}
	}
	until(t, "all masters agree when a slot has moved", func() bool { return agree(t, masters) })
}

// agree reports whether all masters say the same of the slots and the epochs of all, and no
// two have one epoch.
func agree(t testing.TB, masters []*Process) bool {
	t.Helper()
	var first []string
	for i, m := range masters {
		var said []string
		epochs := make(map[string]bool)
		for line := range strings.Lines(ask(t, m.Addr, "CLUSTER", "NODES")) {
			f := strings.Fields(line) // id, address, flags, master, ping, pong, epoch, link, slots
			if len(f) < 8 || !strings.Contains(f[2], "master") {
				continue
			}
			said = append(said, fmt.Sprint(f[0], f[6], f[8:]))
			epochs[f[6]] = true
		}
		slices.Sort(said)
		if i == 0 {
			first = said
		}
		if len(epochs) < len(said) || !slices.Equal(said, first) {
			return false
		}
	}
	return true
}

// Process is a redis-server on a port of its own.
type Process struct {
	Addr string
	kill func()
}

// Kill ends it at once.
func (p *Process) Kill() { p.kill() }

func (p *Process) port() string { return p.Addr[strings.LastIndexByte(p.Addr, ':')+1:] }

// StartWith runs an empty server with these arguments on a port of its own. It ends with
// the test. A file that is the first argument is its configuration; with a certificate
// the server speaks TLS alone.
func StartWith(t testing.TB, args ...string) *Process {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatalf("redistest: %v", err)
	}
	return startOn(t, args...)
}

// startOn runs a server. Another process may have taken the port meanwhile: then it
// tries another one.
func startOn(t testing.TB, args ...string) *Process {
	t.Helper()
	for range 20 {
		// Below the range from which the kernel takes the ports of outgoing
		// connections; the cluster's bus has the port 10,000 above, so both do not
		// meet those of another node.
		port := 12_000 + rand.IntN(8_000)
		if _, taken := ports.LoadOrStore(port, true); taken {
			continue
		}
		if p := startAt(t, port, args); p != nil {
			return p
		}
	}
	t.Fatal("redistest: no port is free")
	return nil
}

// ports are those that servers of this process have had: who is still looking for a server
// that has ended is not to find another test's.
var ports sync.Map

// startAt returns nil if the port is another's.
func startAt(t testing.TB, port int, args []string) *Process {
	t.Helper()
	folder, err := os.MkdirTemp("", "redis") //nolint:usetesting // outlives its server
	if err != nil {
		t.Fatal(err)
	}
	all := append([]string{"-c", leashed, "sh"}, args...)
	if slices.Contains(args, "--tls-cert-file") {
		all = append(all, "--port", "0", "--tls-port", strconv.Itoa(port))
	} else {
		all = append(all, "--port", strconv.Itoa(port))
	}
	all = append(all, "--bind", "127.0.0.1", "--daemonize", "no", "--dir", folder)
	if !slices.Contains(args, "--sentinel") {
		all = append(all, "--save", "", "--appendonly", "no")
	}
	command := exec.Command("sh", all...)
	said := &startup{listens: make(chan bool, 1)}
	command.Stdout, command.Stderr = said, said
	leash, err := command.StdinPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	ended := make(chan struct{})
	go func() { // ends with the command
		defer close(ended)
		_ = command.Wait()
	}()
	kill := func() {
		_ = leash.Close()
		<-ended
		_ = os.RemoveAll(folder)
	}
	t.Cleanup(kill)
	select {
	case listens := <-said.listens:
		if !listens {
			kill()
			return nil
		}
	case <-time.After(time.Minute):
		kill()
		t.Fatalf("redistest: the server does not listen:\n%s", said.text)
	}
	return &Process{net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), kill}
}

// startup is what a server says until it listens. That somebody accepts at its port does
// not tell: it may be another process, which has had the port before.
type startup struct {
	text    []byte
	listens chan bool // gets false if the port is another's
	done    bool
}

// Write implements io.Writer.
func (s *startup) Write(p []byte) (int, error) {
	if s.done {
		return len(p), nil
	}
	s.text = append(s.text, p...)
	switch has := func(text string) bool { return bytes.Contains(s.text, []byte(text)) }; {
	case has("Address already in use"):
		s.listens <- false
	case has("Ready to accept connections"), has("Sentinel ID is"):
		s.listens <- true
	default:
		return len(p), nil
	}
	s.done = true
	return len(p), nil
}

// ask sends one command and returns the answer, without its header. An error fails.
func ask(t testing.TB, addr string, command ...string) string {
	t.Helper()
	answer := tell(t, addr, command...)
	if strings.HasPrefix(answer, "-") {
		t.Fatalf("redistest: %q: %s", command, answer)
	}
	return answer
}

// tell is ask that returns errors, too. A server that becomes a replica closes its
// connections: it is asked once more.
func tell(t testing.TB, addr string, command ...string) string {
	t.Helper()
	answer, err := exchange(addr, command)
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		answer, err = exchange(addr, command)
	}
	if err != nil {
		t.Fatalf("redistest: %q: %v", command, err)
	}
	return answer
}

func exchange(addr string, command []string) (answer string, err error) {
	c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := fmt.Fprintf(c, "%s\r\n", strings.Join(command, " ")); err != nil {
		return "", err
	}
	r := bufio.NewReader(c)
	head, err := r.ReadString('\n')
	if err != nil || head[0] != '$' {
		return head, err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(head[1:]))
	body := make([]byte, max(n, 0))
	_, err = io.ReadFull(r, body)
	return string(body), err
}

// until waits for what comes by itself.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for tick := time.NewTicker(20 * time.Millisecond); !f(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("redistest: never: %s", what)
		}
	}
}

// Ask sends one command, of words without blanks, and returns the answer: without its
// header if it is one string, and only the header if it is a list.
func Ask(t testing.TB, addr string, command ...string) string {
	t.Helper()
	return ask(t, addr, command...)
}
