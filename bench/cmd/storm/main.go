// Command storm has many clients come back to a server at once and measures what others
// notice, who are connected: 100 clients that send 2,000 echoes a second together. Server,
// others and storm are a process each; the storm has the lowest priority, as clients do not
// share the server's CPUs elsewhere.
//
//	bench/storm                      # 10,000 clients; default options, in package graceful
//	bench/storm -env HANDSHAKES=-1   # net/http alone, and no limit
//	bench/storm -polling             # by polling, with two connections each
//	bench/storm -recovery            # 10,000 sessions that are cut at once, and recovered
//	bench/storm -fiber               # in Fiber, on fasthttp
//	bench/storm -deploy -clients 5000 # two servers that are replaced, one after the other
//	bench/storm -apart               # what the machine itself costs the others
//	bench/storm -p99 100ms           # fails over that
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gosio/gosio/bench/load"
)

var (
	role     = flag.String("role", "", "which part this process is: others, storm, deployed; the command starts them")
	address  = flag.String("address", "", "`address` of the server, for a role")
	clients  = flag.Int("clients", 10_000, "clients that come back")
	conns    = flag.Int("others", 100, "clients that are connected")
	rate     = flag.Int("rate", 2000, "echoes a second of those together")
	polling  = flag.Bool("polling", false, "they come back by polling")
	recovery = flag.Bool("recovery", false, "they have sessions, which go on")
	rolling  = flag.Bool("deploy", false, "two servers are replaced, one after the other, under all clients")
	onFiber  = flag.Bool("fiber", false, "the server is in Fiber")
	env      = flag.String("env", "PACE=1", "for the server's environment; \"HANDSHAKES=-1\" is a server without any of it")
	patience = flag.Duration("patience", 2*time.Minute, "in which all must have joined")
	apart    = flag.Bool("apart", false, "the others are connected to a second server: what the machine itself costs them")
	limit    = flag.Duration("p99", 0, "fail if the others' p99 is longer in the storm")
)

func main() {
	runtime.LockOSThread() // with which the processes end that it has started
	flag.Parse()
	var err error
	switch *role {
	case "others":
		err = others()
	case "storm":
		err = storm()
	case "deployed":
		err = deployed()
	default:
		if *rolling {
			err = deploy()
		} else {
			err = run()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "storm:", err)
		os.Exit(1)
	}
}

// others is the process of those who are connected. It ends when its input does.
func others() error {
	at, err := netip.ParseAddrPort(*address)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(stop)
	}()
	all, err := load.RunSteady(at, *conns, *rate, func() { fmt.Println("ready") }, stop)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

// storm is the process of those who come back.
func storm() error {
	at, err := netip.ParseAddrPort(*address)
	if err != nil {
		return err
	}
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, 19); err != nil {
		return os.NewSyscallError("setpriority", err)
	}
	result, err := load.RunStorm(at, *clients, load.Return{Polling: *polling, Recovery: *recovery}, *patience)
	if err != nil {
		return fmt.Errorf("%w: %+v", err, result)
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2**patience+time.Minute)
	defer cancel()
	stop, at, err := serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	second := at
	if *apart {
		if stop, second, err = serve(ctx); err != nil {
			return err
		}
		defer stop()
	}
	steady := exec.CommandContext(ctx, os.Args[0], "-role", "others", "-address", second, "-others", fmt.Sprint(*conns), "-rate", fmt.Sprint(*rate))
	steady.Stderr = os.Stderr
	in, err := steady.StdinPipe()
	if err != nil {
		return err
	}
	out, err := steady.StdoutPipe()
	if err != nil {
		return err
	}
	if err := steady.Start(); err != nil {
		return err
	}
	answers := bufio.NewReader(out)
	if line, err := answers.ReadString('\n'); err != nil || line != "ready\n" {
		return fmt.Errorf("the others are not connected: %q, %w", line, err)
	}
	const quiet = 3 * time.Second
	time.Sleep(quiet)
	begin := time.Now()
	back, err := exec.CommandContext(ctx, os.Args[0], "-role", "storm", "-address", at, "-clients", fmt.Sprint(*clients), "-patience", patience.String(),
		"-polling="+fmt.Sprint(*polling), "-recovery="+fmt.Sprint(*recovery)).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = errors.New(string(bytes.TrimSpace(exit.Stderr)))
		}
		return err
	}
	_ = in.Close()
	var all []load.Latency
	if err := json.NewDecoder(answers).Decode(&all); err != nil {
		return fmt.Errorf("the others' latencies: %w", errors.Join(err, steady.Wait()))
	}
	if err := steady.Wait(); err != nil {
		return err
	}
	var result load.Storm
	if err := json.Unmarshal(back, &result); err != nil {
		return err
	}
	return report(result, all, begin, quiet)
}

// serve starts the benchmark's server and waits until it says where it listens.
func serve(ctx context.Context) (stop func(), address string, err error) {
	s, err := launch(ctx, "0")
	if err != nil {
		return nil, "", err
	}
	return s.stop, s.address, nil
}

// server is one that runs.
type server struct {
	cmd     *exec.Cmd
	address string
}

func (s *server) stop() {
	if s == nil { // it was not started again
		return
	}
	_ = s.cmd.Process.Kill() // its status says nothing
	_ = s.cmd.Wait()
}

// launch builds the server, and starts it at a port of this machine.
func launch(ctx context.Context, port string) (*server, error) {
	bin := os.Args[0] + "-server"
	name := "gosio"
	if *onFiber {
		name = "gosio-fiber"
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "github.com/gosio/gosio/bench/servers/"+name)
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w\n%s", err, out)
	}
	cmd := exec.CommandContext(ctx, bin)
	cmd.Env = append(os.Environ(), "PORT="+port)
	if *recovery {
		cmd.Env = append(cmd.Env, "RECOVERY=1")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // see cmd/run
	cmd.Env = append(cmd.Env, strings.Fields(*env)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd}
	at, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.stop()
		return nil, err
	}
	s.address = strings.TrimSpace(at)
	return s, nil
}

// report prints what came of it. calm is when the storm's process was started.
func report(s load.Storm, all []load.Latency, calm time.Time, quiet time.Duration) error {
	begin, end := time.Unix(0, s.Begin), time.Unix(0, s.End)
	before, during := window(all, calm.Add(-quiet*2/3), calm), window(all, begin, end)
	fmt.Printf("%d clients came back within %.1f s: half of them in %.1f s, 99 of 100 in %.1f s; %d attempts, %d refused, %d failed\n",
		s.Clients, s.All.Seconds(), s.Half.Seconds(), s.Most.Seconds(), s.Attempts, s.Refused, s.Failed)
	if *recovery {
		fmt.Printf("%d of them as the sessions that they were\n", s.Recovered)
	}
	fmt.Printf("others before: p50 %.2f ms, p99 %.2f ms, longest %.2f ms of %d\n", ms(before, 50), ms(before, 99), ms(before, 100), len(before))
	fmt.Printf("others during: p50 %.2f ms, p99 %.2f ms, longest %.2f ms of %d\n", ms(during, 50), ms(during, 99), ms(during, 100), len(during))
	if first := window(all, begin, begin.Add(time.Second)); len(first) > 0 {
		fmt.Printf("others in the first second: p50 %.2f ms, p99 %.2f ms, longest %.2f ms of %d\n", ms(first, 50), ms(first, 99), ms(first, 100), len(first))
	}
	if p99 := load.Percentile(during, 99); *limit > 0 && p99 > *limit {
		return fmt.Errorf("p99 of the others is %v, over %v", p99, *limit)
	}
	if *recovery && s.Recovered < s.Clients {
		return fmt.Errorf("only %d of %d sessions have gone on", s.Recovered, s.Clients)
	}
	return nil
}

func window(all []load.Latency, from, to time.Time) []time.Duration {
	var took []time.Duration
	for _, l := range all {
		if l.Due >= from.UnixNano() && l.Due < to.UnixNano() {
			took = append(took, l.Took)
		}
	}
	slices.Sort(took)
	return took
}

func ms(took []time.Duration, percent float64) float64 {
	return load.Percentile(took, percent).Seconds() * 1e3
}
