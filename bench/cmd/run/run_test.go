package main

import (
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"github.com/gosio/gosio/bench/load"
)

func TestPickServers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		names, level string
		want         []string
	}{
		{"zishang,gosio", "quick", []string{"zishang", "gosio"}},
		{"", "quick", []string{"gosio", "node-uws", "node-ws", "floor-gws", "floor-nethttp"}},
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
