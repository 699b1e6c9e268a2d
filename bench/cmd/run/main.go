// Command run measures the servers under bench/servers and writes the results:
// bench/run is the way to start it, README.md says how.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gosio/gosio/bench/load"
	"github.com/gosio/gosio/bench/report"
)

func init() {
	// Servers are killed when the thread that started them ends (Pdeathsig):
	// all are started on the main thread, which stays.
	runtime.LockOSThread()
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// plan is what the flags and the environment ask for.
type plan struct {
	root      string // the folder bench/
	level     string
	servers   []server
	scenarios []load.Scenario
	named     bool // servers were named: each must work
	chosen    bool // scenarios were named
	repeats   int
	pin       string
	write     bool // into docs/
	from      string
}

func parse() (plan, error) {
	p := plan{level: "full"}
	if os.Getenv("BENCH_QUICK") == "1" {
		p.level = "quick"
	}
	if os.Getenv("BENCH_SHORTEST") == "1" {
		p.level = "shortest"
	}
	flag.StringVar(&p.root, "root", ".", "the `folder` bench/")
	chosen := flag.String("servers", "", "comma-separated `names` of servers (default: those of the level)")
	scenarios := flag.String("scenarios", "", "comma-separated `names` of scenarios (default: those of the level)")
	flag.IntVar(&p.repeats, "repeats", 0, "repeats of each measurement (default 5, quick 3, shortest 1)")
	flag.StringVar(&p.pin, "pin", "shared", "shared: server and load share two CPUs; split: one CPU each")
	flag.BoolVar(&p.write, "write", false, "write docs/benchmarks.md even from a run that is not a full one")
	flag.StringVar(&p.from, "from", "", "measure nothing, report this `file` of results")
	flag.Parse()
	if p.repeats == 0 {
		p.repeats = map[string]int{"full": 5, "quick": 3, "shortest": 1}[p.level]
	}
	p.named, p.chosen = *chosen != "", *scenarios != ""
	p.write = p.write || p.level == "full" && *chosen == "" && *scenarios == "" && p.from == ""
	var err error
	if p.root, err = filepath.Abs(p.root); err != nil {
		return p, err
	}
	if p.servers, err = pickServers(*chosen, p.level); err != nil {
		return p, err
	}
	p.scenarios, err = pickScenarios(*scenarios, p.level)
	return p, err
}

func pickServers(list, level string) ([]server, error) {
	if list == "" {
		return slices.DeleteFunc(slices.Clone(servers), func(s server) bool {
			return level == "quick" && !s.quick || level == "shortest" && s.full
		}), nil
	}
	var picked []server
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(servers, func(s server) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no server %q: -servers takes %s", name, names(servers, func(s server) string { return s.name }))
		}
		picked = append(picked, servers[i])
	}
	return picked, nil
}

func pickScenarios(list, level string) ([]load.Scenario, error) {
	if list == "" {
		return slices.DeleteFunc(slices.Clone(load.Scenarios), func(s load.Scenario) bool { return level == "quick" && !s.Quick }), nil
	}
	var picked []load.Scenario
	for name := range strings.SplitSeq(list, ",") {
		scenario, ok := load.Find(name)
		if !ok {
			return nil, fmt.Errorf("no scenario %q: -scenarios takes %s", name, names(load.Scenarios, func(s load.Scenario) string { return s.Name }))
		}
		picked = append(picked, scenario)
	}
	return picked, nil
}

// names lists what a flag takes.
func names[T any](all []T, name func(T) string) string {
	list := make([]string, len(all))
	for i, one := range all {
		list[i] = name(one)
	}
	return strings.Join(list, ",")
}

// estimate is about how long the plan takes, without building the servers. A
// server starts once for a scenario, or for each repeat.
func (p plan) estimate() time.Duration {
	const start = 300 * time.Millisecond
	var sum time.Duration
	params := load.Levels[p.level]
	for _, scenario := range p.scenarios {
		for _, s := range p.servers {
			switch {
			case !p.fits(s, scenario):
			case scenario.Fresh:
				sum += time.Duration(p.repeats) * (start + scenario.Takes(params))
			default:
				sum += start + 3*params.Warm + time.Duration(p.repeats)*scenario.Takes(params)
			}
		}
	}
	return sum
}

func run(ctx context.Context) error {
	p, err := parse()
	if err != nil {
		return err
	}
	if p.from != "" {
		data, err := report.Read(p.from)
		if err != nil {
			return err
		}
		return publish(p, data)
	}
	fmt.Fprintf(os.Stderr, "bench: this takes about %v\n", p.estimate().Round(10*time.Second))
	data, failed, err := measure(ctx, p)
	if err != nil {
		return err
	}
	if p.level == "shortest" {
		fmt.Printf("%d runs, nothing lost or out of order\n", len(data.Results)-len(failed))
	} else if err := publish(p, data); err != nil {
		return err
	}
	return errors.Join(failed...)
}

// publish prints the tables, and writes them where they belong.
func publish(p plan, data report.Data) error {
	if err := os.MkdirAll(filepath.Join(p.root, "results"), 0o755); err != nil {
		return err
	}
	dir := filepath.Join(p.root, "results", "report")
	if p.write {
		dir = filepath.Join(p.root, "..", "docs")
	}
	text, err := report.Write(dir, data)
	if err != nil {
		return err
	}
	fmt.Println(text)
	return nil
}
