package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gosio/gosio/ci/mutants/slice"
)

// tests is what the test line of an entry names.
type tests struct {
	build
	selection
	timeout time.Duration // zero: as long as it takes whole code, and some more
}

// A build is what tests have in common that may be in one binary.
type build struct {
	folder, tags, gcflags string
	race                  bool
}

// A selection is some of the tests in a binary.
type selection struct {
	run   string
	count int
}

// parseTests reads arguments of go test: one folder, and the flags below.
func parseTests(line string) (t tests, err error) {
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&t.run, "run", "", "")
	flags.IntVar(&t.count, "count", 1, "")
	flags.DurationVar(&t.timeout, "timeout", 0, "")
	flags.StringVar(&t.tags, "tags", "", "")
	flags.BoolVar(&t.race, "race", false, "")
	// Unoptimised code is compiled in half the time.
	flags.StringVar(&t.gcflags, "gcflags", "-N -l", "")
	words := strings.Fields(line)
	if len(words) == 0 || !strings.HasPrefix(words[0], "./") {
		return t, fmt.Errorf("%q does not begin with a folder", line)
	}
	t.folder = words[0]
	if err := flags.Parse(words[1:]); err != nil {
		return t, err
	}
	if flags.NArg() > 0 {
		return t, fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	return t, nil
}

func (b build) load(imported func(string) string) (*slice.Tests, error) {
	folder, err := filepath.Abs(b.folder)
	if err != nil {
		return nil, err
	}
	tags := strings.Split(b.tags, ",")
	if b.race {
		tags = append(tags, "race")
	}
	return slice.Load(folder, tags, imported)
}

// compile builds a binary in dir, which has files replaced, by their absolute
// paths; by nil if they are to be left out.
func (b build) compile(ctx context.Context, dir string, replace map[string][]byte) (binary string, err error) {
	overlay := map[string]string{}
	for path, text := range replace {
		overlay[path] = ""
		if text == nil {
			continue
		}
		overlay[path] = filepath.Join(dir, strconv.Itoa(len(overlay))+".go")
		if err := os.WriteFile(overlay[path], text, 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": overlay})
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "test")
	args := []string{"test", "-c", "-o", binary, "-overlay=" + list, "-ldflags=-s -w", "-tags=" + b.tags}
	if b.gcflags != "" {
		args = append(args, "-gcflags="+b.gcflags)
	}
	if b.race {
		args = append(args, "-race")
	}
	ctx, cancel := context.WithTimeout(ctx, compiling)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append(args, b.folder)...)
	// A compiler lives for seconds and needs 600 MB at most.
	cmd.Env = append(os.Environ(), "GOGC=off", "GOMEMLIMIT=2GiB")
	if out, err := output(cmd); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return binary, nil
}

// errHung is that tests did not end within their limit.
var errHung = errors.New("the tests did not end in time")

// try runs tests of a binary. The error is an exec.ExitError if they fail.
func (b build) try(ctx context.Context, binary string, s selection, limit time.Duration) (out string, err error) {
	// The tests end themselves, or are ended by force.
	within, cancel := context.WithTimeoutCause(ctx, limit+5*time.Second, errHung)
	defer cancel()
	cmd := exec.CommandContext(within, binary, "-test.run="+s.run, "-test.count="+strconv.Itoa(s.count),
		"-test.timeout="+limit.String(), "-test.paniconexit0")
	cmd.Dir = b.folder
	out, err = output(cmd)
	if err != nil && (within.Err() != nil || strings.Contains(out, "panic: test timed out after")) {
		err = errHung
		if ctx.Err() != nil {
			err = ctx.Err()
		}
	}
	return out, err
}

// output runs a command, and leaves none of its children behind: a test that
// is ended by force may have started a redis-server.
func output(cmd *exec.Cmd) (string, error) {
	cmd.WaitDelay = time.Second // the children may hold its output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // an error: none is left
	}
	return string(out), err
}
