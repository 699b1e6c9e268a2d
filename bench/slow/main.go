// Command slow measures what clients that read notice of others in their room that do not:
// the time from when a broadcast is due until each of them has it, without those others,
// with as many that read, and with as many that take 8 KB in three seconds. Those would be
// disconnected by Limits.SendBuffer after half a minute; they are replaced before. Server
// and clients are a process each. On a machine that is busy the figures say nothing.
//
//	go run ./slow                     # 400 readers, 200 slow ones, 40 broadcasts of 4 KB a second
//	go run ./slow -most 1.2           # fails if their p99 is over 1.2 times as long
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/gosio/gosio/bench/load"
	"github.com/gosio/gosio/bench/servers/handlers"
	socketio "github.com/gosio/gosio/core"
)

func main() {
	runtime.LockOSThread() // with which the process ends that it has started
	serves := flag.Bool("serve", false, "be the server: what the command starts")
	most := flag.Float64("most", 0, "fail if the p99 beside slow readers is more than so many times as long")
	repeats := flag.Int("repeats", 3, "how often each is measured, in turn")
	var o load.SlowLoad
	flag.IntVar(&o.Others, "others", 400, "clients that read")
	flag.IntVar(&o.Slow, "slow", 200, "clients that do not")
	flag.IntVar(&o.Rate, "rate", 40, "broadcasts a second")
	flag.IntVar(&o.Size, "size", 4096, "bytes of a broadcast")
	flag.DurationVar(&o.Measure, "measure", 10*time.Second, "how long each is measured")
	flag.DurationVar(&o.Warm, "warm", 2*time.Second, "time before and behind each measurement")
	flag.Parse()
	err := error(nil)
	if *serves {
		err = serve()
	} else {
		err = run(o, *repeats, *most)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "slow:", err)
		os.Exit(1)
	}
}

// serve is the server, with default options.
func serve() error {
	srv := socketio.NewServer(nil)
	handlers.Register(srv)
	http.Handle("/socket.io/", srv)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return http.Serve(listener, nil) //nolint:gosec // on loopback, for as long as the command runs
}

// names of the phases.
var names = []string{"none beside", "readers beside", "slow readers beside"}

func run(o load.SlowLoad, repeats int, most float64) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	server := exec.CommandContext(ctx, self, "-serve")
	server.Stderr = os.Stderr
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return err
	}
	address, err := netip.ParseAddrPort(strings.TrimSpace(line))
	if err != nil {
		return err
	}
	o.PID = server.Process.Pid
	var phases []load.Beside
	for range repeats {
		phases = append(phases, load.BesideNone, load.BesideReaders, load.BesideSlow)
	}
	fmt.Printf("%d clients read, %d beside them; %d broadcasts of %d bytes a second\n", o.Others, o.Slow, o.Rate, o.Size)
	results, err := load.RunSlow(address, o, phases)
	if err != nil {
		return err
	}
	var toNone, toReaders []float64
	for i, r := range results {
		fmt.Printf("%-20s p50 %6.2f ms, p99 %6.2f ms, longest %7.2f ms of %d; server: %3.0f %% of a CPU, %d MB; disconnected: %d\n",
			names[phases[i]], ms(r.Took, 50), ms(r.Took, 99), ms(r.Took, 100), len(r.Took), r.CPU*100, r.RSS>>20, r.Cut)
		if phases[i] == load.BesideSlow {
			toNone = append(toNone, ms(r.Took, 99)/ms(results[i-2].Took, 99))
			toReaders = append(toReaders, ms(r.Took, 99)/ms(results[i-1].Took, 99))
		}
	}
	ratio := load.Median(toReaders)
	fmt.Printf("p99 beside slow readers, median of %d: %.2f times that beside readers, %.2f times that without them\n", repeats, ratio, load.Median(toNone))
	if most > 0 && ratio > most {
		return fmt.Errorf("p99 is %.2f times as long, over %.2f", ratio, most)
	}
	return nil
}

func ms(took []time.Duration, percent float64) float64 {
	return load.Percentile(took, percent).Seconds() * 1e3
}
