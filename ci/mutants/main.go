// Mutants breaks the code in ways that a list names, one at a time, and fails
// unless the tests notice each. The tree stays as it is: the go command is
// given the broken file as an overlay.
//
// An entry of the list, with blank lines between entries:
//
//	# what is broken
//	file: core/engine/upgrade.go
//	test: ./core/engine -run TestUpgrade
//	- the text to replace, which stands in the file exactly once
//	+ the text to put there
//
// With -share N only a part of the list is tried, every Nth entry, counted from
// one that the commit chooses: each commit tries another part, and the same
// commit always the same. That every entry's text still stands in its file is
// checked for the whole list.
//
// Several - or + lines are one text of several lines; white space at a line's
// ends does not count in the - text.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long the tests may take to notice one mutant; a hang counts
// as noticed.
const patience = 2 * time.Minute

type mutant struct {
	name, file string
	test       []string // arguments of go test
	from, to   []string // lines
}

func main() {
	share := flag.Int("share", 1, "try one entry of so many")
	match := flag.String("match", "", "try only entries whose name or file contains this")
	flag.Usage = func() {
		_, _ = fmt.Fprintln(flag.CommandLine.Output(), "usage: mutants [flags] LIST")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 || *share < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *share, *match); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(list string, share int, match string) error {
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	mutants, err := parse(string(text))
	if err != nil {
		return err
	}
	var stale []error
	for _, m := range mutants {
		if _, err := m.broken(); err != nil {
			stale = append(stale, fmt.Errorf("%s (%s): %w", m.name, m.file, err))
		}
	}
	if len(stale) > 0 {
		return errors.Join(stale...)
	}
	mutants = slices.DeleteFunc(mutants, func(m mutant) bool {
		return !strings.Contains(m.name, match) && !strings.Contains(m.file, match)
	})
	if mutants, err = part(mutants, share); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	// One per CPU: each spends half its time in the linker, which uses one.
	todo, failed := make(chan mutant), make(chan int)
	workers := runtime.NumCPU()
	for i := range workers {
		go func() { failed <- work(filepath.Join(dir, strconv.Itoa(i)), todo) }()
	}
	for _, m := range mutants {
		todo <- m
	}
	close(todo)
	missed := 0
	for range workers {
		missed += <-failed
	}
	fmt.Printf("%d passed, %d failed, one of %d tried\n", len(mutants)-missed, missed, share)
	if missed > 0 || len(mutants) == 0 {
		return errors.New("every mutant in the list must be noticed by a test")
	}
	return nil
}

// part returns every share-th mutant, from a first one that the commit chooses.
func part(all []mutant, share int) ([]mutant, error) {
	if share == 1 {
		return all, nil
	}
	commit, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		return nil, fmt.Errorf("git rev-parse HEAD, which chooses the part: %w", err)
	}
	sum := fnv.New32a()
	sum.Write(commit)
	first := int(sum.Sum32() % uint32(share))
	var some []mutant
	for i := first; i < len(all); i += share {
		some = append(some, all[i])
	}
	return some, nil
}

// work takes mutants, each in a directory of its own, until there are none. It
// returns how many were not noticed.
func work(dir string, todo <-chan mutant) (failed int) {
	for m := range todo {
		start := time.Now()
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			err = m.kill(dir)
		}
		if err != nil {
			failed++
			fmt.Printf("FAIL  %s (%s): %v\n", m.name, m.file, err)
			continue
		}
		fmt.Printf("ok    %s (%s) %.1fs\n", m.name, m.file, time.Since(start).Seconds())
	}
	return failed
}

// parse reads the list.
func parse(text string) ([]mutant, error) {
	var all []mutant
	for i, line := range strings.Split(text, "\n") {
		name, isName := strings.CutPrefix(line, "# ")
		if isName {
			all = append(all, mutant{name: name})
			continue
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("line %d: no entry has begun", i+1)
		}
		m := &all[len(all)-1]
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "file:":
			m.file = value
		case "test:":
			m.test = strings.Fields(value)
		case "-":
			m.from = append(m.from, strings.TrimSpace(value))
		case "+":
			m.to = append(m.to, value)
		default:
			return nil, fmt.Errorf("line %d: %q is no part of an entry", i+1, key)
		}
	}
	for _, m := range all {
		if m.file == "" || len(m.test) == 0 || len(m.from) == 0 {
			return nil, fmt.Errorf("mutant %q: file, test or the text to replace is missing", m.name)
		}
	}
	return all, nil
}

// kill reports an error unless the tests pass judgement on the mutant: it must
// compile, and they must fail.
func (m mutant) kill(dir string) error {
	overlay, err := m.overlay(dir)
	if err != nil {
		return err
	}
	out, err := goTest(append([]string{overlay, "-vet=off", "-ldflags=-s -w", "-count=1", "-timeout=" + patience.String()}, m.test...)...)
	if strings.Contains(out, "[build failed]") {
		return fmt.Errorf("it does not compile: %s", out)
	}
	if err == nil {
		return fmt.Errorf("no test notices: go test %s passes", strings.Join(m.test, " "))
	}
	if !strings.Contains(out, "FAIL") && !strings.Contains(out, "panic") && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("go test did not run: %s", out)
	}
	return nil
}

// overlay writes the broken file, and returns the flag that puts it in place.
func (m mutant) overlay(dir string) (string, error) {
	broken, err := m.broken()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "broken.go")
	if err := os.WriteFile(file, []byte(strings.Join(broken, "\n")), 0o600); err != nil {
		return "", err
	}
	original, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: file}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return "-overlay=" + path, os.WriteFile(path, replace, 0o600)
}

// broken returns the lines of the file with the mutant's text in place.
func (m mutant) broken() ([]string, error) {
	source, err := os.ReadFile(m.file)
	if err != nil {
		return nil, err
	}
	return m.apply(strings.Split(string(source), "\n"))
}

// apply replaces m.from, which must stand in lines exactly once.
func (m mutant) apply(lines []string) ([]string, error) {
	found := -1
	for i := range lines {
		if !m.startsAt(lines, i) {
			continue
		}
		if found >= 0 {
			return nil, fmt.Errorf("its text stands more than once, in lines %d and %d", found+1, i+1)
		}
		found = i
	}
	if found < 0 {
		return nil, errors.New("its text is gone: bring the list up to date")
	}
	broken := append([]string{}, lines[:found]...)
	broken = append(broken, m.to...)
	return append(broken, lines[found+len(m.from):]...), nil
}

func (m mutant) startsAt(lines []string, i int) bool {
	if i+len(m.from) > len(lines) {
		return false
	}
	for j, want := range m.from {
		if strings.TrimSpace(lines[i+j]) != want {
			return false
		}
	}
	return true
}

func goTest(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience) // compiling, too
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append([]string{"test"}, args...)...)
	cmd.WaitDelay = time.Second // the test's own children may hold its output
	// A test that is ended by force leaves its children behind: a redis-server.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // an error: none is left
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return string(out), err
}
