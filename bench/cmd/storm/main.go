// Command storm has many clients come back to a server at once and measures what others
// notice, who are connected: 100 clients that send 2,000 echoes a second together. Server,
// others and storm are a process each; the storm has the lowest priority, as clients do not
// share the server's CPUs elsewhere.
//
//	bench/storm                      # 10,000 clients; default options, in package graceful
//	bench/storm -env HANDSHAKES=-1   # net/http alone, and no limit
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
	role     = flag.String("role", "", "which part this process is: others, storm; the command starts them")
	address  = flag.String("address", "", "`address` of the server, for a role")
	clients  = flag.Int("clients", 10_000, "clients that come back")
	conns    = flag.Int("others", 100, "clients that are connected")
	rate     = flag.Int("rate", 2000, "echoes a second of those together")
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
	default:
		err = run()
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
	result, err := load.RunStorm(at, *clients, *patience)
	if err != nil {
		return fmt.Errorf("%w: %+v", err, result)
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), *patience+time.Minute)
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
	back, err := exec.CommandContext(ctx, os.Args[0], "-role", "storm", "-address", at, "-clients", fmt.Sprint(*clients), "-patience", patience.String()).Output()
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
	end := time.Unix(0, result.End)
	return report(result, all, begin, end, quiet)
}

// serve starts the benchmark's server and waits until it says where it listens.
func serve(ctx context.Context) (stop func(), address string, err error) {
	bin := os.Args[0] + "-server"
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "github.com/gosio/gosio/bench/servers/gosio")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("build: %w\n%s", err, out)
	}
	server := exec.CommandContext(ctx, bin)
	server.Env = append(os.Environ(), "PORT=0")
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // see cmd/run
	if *env != "" {
		server.Env = append(server.Env, strings.Fields(*env)...)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := server.Start(); err != nil {
		return nil, "", err
	}
	stop = func() {
		_ = server.Process.Kill() // its status says nothing
		_ = server.Wait()
	}
	at, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
	}
	return stop, strings.TrimSpace(at), err
}

func report(s load.Storm, all []load.Latency, begin, end time.Time, quiet time.Duration) error {
	before, during := window(all, begin.Add(-quiet*2/3), begin), window(all, begin, end)
	fmt.Printf("%d clients came back within %.1f s: half of them in %.1f s, 99 of 100 in %.1f s; %d attempts, %d refused, %d failed\n",
		s.Clients, s.All.Seconds(), s.Half.Seconds(), s.Most.Seconds(), s.Attempts, s.Refused, s.Failed)
	fmt.Printf("others before: p50 %.2f ms, p99 %.2f ms, longest %.2f ms of %d\n", ms(before, 50), ms(before, 99), ms(before, 100), len(before))
	fmt.Printf("others during: p50 %.2f ms, p99 %.2f ms, longest %.2f ms of %d\n", ms(during, 50), ms(during, 99), ms(during, 100), len(during))
	if first := window(all, begin, begin.Add(time.Second)); len(first) > 0 {
		fmt.Printf("others in the first second: p50 %.2f ms, p99 %.2f ms, longest %.2f ms of %d\n", ms(first, 50), ms(first, 99), ms(first, 100), len(first))
	}
	if p99 := load.Percentile(during, 99); *limit > 0 && p99 > *limit {
		return fmt.Errorf("p99 of the others is %v, over %v", p99, *limit)
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
