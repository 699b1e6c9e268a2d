package main

import (
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gosio/gosio/bench/load"
)

func TestPickServers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		names, level string
		want         []string
	}{
		{"zishang,gosio", "quick", []string{"zishang", "gosio"}},
		{"", "quick", []string{"gosio", "node-uws", "gosio-unpaced", "node-ws", "floor-gws", "floor-nethttp"}},
	} {
		picked, err := pickServers(test.names, test.level)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range picked {
			got = append(got, s.name)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q at %s: got %q", test.names, test.level, got)
		}
	}
	if _, err := pickServers("gosio,nobody", "full"); err == nil {
		t.Error("an unknown server was picked")
	}
	if _, err := pickScenarios("echo1,nothing", "full"); err == nil {
		t.Error("an unknown scenario was picked")
	}
}

// The runs take no longer than README.md says.
func TestEstimate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		level    string
		repeats  int
		at, most time.Duration
	}{
		{"full", 5, 40 * time.Minute, 70 * time.Minute},
		{"quick", 3, time.Minute, 3 * time.Minute},
		{"shortest", 1, 10 * time.Second, time.Minute},
	} {
		p := plan{level: test.level, repeats: test.repeats}
		var err, err2 error
		p.servers, err = pickServers("", test.level)
		p.scenarios, err2 = pickScenarios("", test.level)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if got := p.estimate(); got < test.at || got > test.most {
			t.Errorf("%s: about %v, not between %v and %v", test.level, got, test.at, test.most)
		}
	}
}

// Every scenario has a server of ours or a peer to run on, and names are unique.
func TestTablesFit(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, scenario := range load.Scenarios {
		if seen[scenario.Name] {
			t.Errorf("two scenarios %q", scenario.Name)
		}
		seen[scenario.Name] = true
		if !slices.ContainsFunc(servers, func(s server) bool { return s.ours && scenario.Fits(s.kind) }) {
			t.Errorf("%s: no server of ours", scenario.Name)
		}
	}
}

func TestStartOnPins(t *testing.T) {
	t.Parallel()
	before, err := allowedCPUs()
	if err != nil {
		t.Fatal(err)
	}
	last := before[len(before)-1:]
	command := exec.Command("cat")
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := startOn(command, last); err != nil {
		t.Fatal(err)
	}
	var set cpuSet
	if err := affinityOf(syscall.SYS_SCHED_GETAFFINITY, command.Process.Pid, &set); err != nil || !slices.Equal(set.list(), last) {
		t.Errorf("the child runs on %v, not %v (%v)", set.list(), last, err)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
}
