package leak

import (
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"testing"
)

// leakEnv makes this test binary leak a goroutine, when it runs itself.
const leakEnv = "GOSIO_LEAK_ONE"

func TestMain(m *testing.M) {
	if os.Getenv(leakEnv) != "" {
		os.Exit(run(m, 0))
	}
	Main(m)
}

func TestRemaining(t *testing.T) {
	stop := make(chan struct{})
	started := make(chan struct{})
	go func() {
		close(started)
		waitFor(stop)
	}()
	<-started
	if left := remaining(0); !slices.ContainsFunc(left, waits) {
		t.Errorf("remaining missed a goroutine that runs; it found %q", left)
	}
	close(stop)
	if left := remaining(grace); len(left) != 0 {
		t.Errorf("after it ended, remaining found %q", left)
	}
}

// waits reports whether a stack is that of waitFor. Tests look for that stack
// and do not count: the goroutine of a test may run on for a moment after the
// test has ended.
func waits(stack string) bool { return strings.Contains(stack, "leak.waitFor") }

// waitFor waits until stop is closed. A value sent before shows that it runs.
func waitFor(stop chan struct{}) {
	<-stop
	<-stop
}

func TestSignalHandlerIsKnown(t *testing.T) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	defer signal.Stop(c)
	if left := remaining(grace); len(left) != 0 {
		t.Errorf("remaining found %q", left)
	}
}

// TestMainFails runs this binary again as a package whose test leaks.
func TestMainFails(t *testing.T) {
	if os.Getenv(leakEnv) != "" {
		stop := make(chan struct{})
		go waitFor(stop)
		stop <- struct{}{} // it runs
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMainFails$")
	cmd.Env = append(os.Environ(), leakEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "goroutines are left") || !waits(string(out)) {
		t.Errorf("a leaking package ended with %v:\n%s", err, out)
	}
}
