package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosio/gosio/bench/load"
	"github.com/gosio/gosio/bench/report"
)

// campaign is one run of the benchmark.
type campaign struct {
	plan
	serverCPUs, loadCPUs []int
	running              map[string]*process
	file                 *os.File
	data                 report.Data
	failed               []error // of servers that must work
	good                 int
}

// measure builds the servers and runs every scenario. The servers of a
// scenario take turns in each repeat, in one order and in the other, so that a
// disturbance of the machine meets all of them.
func measure(ctx context.Context, p plan) (report.Data, []error, error) {
	c := &campaign{plan: p, running: map[string]*process{}}
	if err := c.prepare(ctx); err != nil {
		return c.data, nil, err
	}
	defer c.file.Close()
	defer c.stopAll()
	for _, scenario := range c.scenarios {
		if err := c.scenario(ctx, scenario); err != nil {
			return c.data, nil, err
		}
	}
	if c.good == 0 {
		return c.data, nil, errors.Join(append(c.failed, errors.New("nothing was measured"))...)
	}
	return c.data, c.failed, nil
}

func (c *campaign) prepare(ctx context.Context) error {
	cpus, err := allowedCPUs()
	if err != nil {
		return err
	}
	c.serverCPUs, c.loadCPUs = cpus[:min(2, len(cpus))], cpus[:min(2, len(cpus))]
	switch {
	case c.pin == "split" && len(cpus) > 1:
		c.serverCPUs, c.loadCPUs = cpus[:1], cpus[1:2]
	case c.pin != "shared":
		return fmt.Errorf("cannot pin %q on %d CPUs", c.pin, len(cpus))
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", binary(c.root, "load"), "./cmd/load")
	build.Dir = c.root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build load: %w\n%s", err, out)
	}
	var built []server
	for _, s := range c.servers {
		if err := s.build(ctx, c.root); err != nil {
			c.fail(s, err)
			continue
		}
		built = append(built, s)
	}
	c.servers = built
	c.data.Run = describe(ctx, c.plan)
	if err := os.MkdirAll(filepath.Join(c.root, "results"), 0o755); err != nil {
		return err
	}
	name := c.level + "-" + time.Now().UTC().Format("20060102-150405") + ".jsonl"
	if c.file, err = os.Create(filepath.Join(c.root, "results", name)); err != nil {
		return err
	}
	return json.NewEncoder(c.file).Encode(c.data.Run)
}

// fail notes a failure; that of a peer that nobody named is only told.
func (c *campaign) fail(s server, err error) {
	fmt.Fprintf(os.Stderr, "bench: %s: %v\n", s.name, err)
	if s.ours || c.named {
		c.failed = append(c.failed, fmt.Errorf("%s: %w", s.name, err))
	}
}

func (c *campaign) scenario(ctx context.Context, scenario load.Scenario) error {
	if !c.keep() {
		defer c.stopAll()
	}
	for repeat := 1; repeat <= c.repeats; repeat++ {
		turns := slices.Clone(c.servers)
		if repeat%2 == 0 {
			slices.Reverse(turns)
		}
		for _, s := range turns {
			if !c.fits(s, scenario) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.turn(ctx, scenario, s, repeat); err != nil {
				c.fail(s, err)
			}
		}
	}
	return nil
}

// keep says whether servers stay up from one scenario to the next: the
// shortest run measures nothing, and saves their starts.
func (c *campaign) keep() bool { return c.level == "shortest" }

func (c *campaign) stopAll() {
	for name, p := range c.running {
		p.stop()
		delete(c.running, name)
	}
}

// turn loads one server once. A server stays up for the repeats of a scenario,
// unless the scenario needs a fresh one; it starts again if it failed.
func (c *campaign) turn(ctx context.Context, scenario load.Scenario, s server, repeat int) error {
	p, warm := c.running[s.name], time.Duration(0)
	if p == nil {
		var err error
		if p, err = s.start(ctx, c.root, c.serverCPUs); err != nil {
			return err
		}
		c.running[s.name] = p
		warm = 4 * load.Levels[c.level].Warm // a JIT compiler wants more the first time
	}
	result, err := c.load(ctx, scenario, p, warm)
	if err != nil || scenario.Fresh && !c.keep() {
		p.stop()
		delete(c.running, s.name)
	}
	result.Server, result.Scenario, result.Repeat = s.name, scenario.Name, repeat
	if err != nil {
		result.Error = err.Error()
	} else {
		c.good++
	}
	c.data.Results = append(c.data.Results, result)
	if c.level != "shortest" {
		fmt.Fprintf(os.Stderr, "%-16s %-14s %d %s\n", scenario.Name, s.name, repeat, brief(result))
	}
	return errors.Join(err, json.NewEncoder(c.file).Encode(result))
}

func (c *campaign) load(ctx context.Context, scenario load.Scenario, p *process, warm time.Duration) (load.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, binary(c.root, "load"),
		"-address", p.address, "-pid", strconv.Itoa(p.command.Process.Pid), "-kind", string(p.kind),
		"-scenario", scenario.Name, "-level", c.level, "-warm", warm.String(), "-debug", p.url("/debug/figures", p.figures), "-locks", p.url("/debug/locks", p.locks))
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	if err := startOn(command, c.loadCPUs); err != nil {
		return load.Result{}, err
	}
	var result load.Result
	if err := command.Wait(); err != nil {
		return result, fmt.Errorf("%w: %s", err, strings.TrimSpace(complaint.String()))
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		return result, err
	}
	if n := result.Values[load.Retried]; n > 0 && p.ours {
		return result, fmt.Errorf("%v clients got no answer", n)
	}
	return result, nil
}

func brief(r load.Result) string {
	if r.Error != "" {
		return "failed"
	}
	if rss, ok := r.Values[load.RSSKB]; ok {
		return fmt.Sprintf("%.1f KB", rss)
	}
	return fmt.Sprintf("%.2f us", r.Values[load.CPUMicros])
}
