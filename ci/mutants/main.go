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
// Several - or + lines are one text of several lines; white space at a line's
// ends does not count in the - text. The test line may have the flags -run,
// -count, -timeout, -tags, -race and -gcflags, as go test takes them.
//
// Of the package's tests only those are compiled that the entry names, without
// optimisation: -gcflags= brings that back, for a test of allocations. They run
// with whole code first, and must pass. With the mutant they may take ten times
// as long and ten seconds, or -timeout if that is less; a hang counts as
// noticed, and is said.
//
// With -share N only a part of the list is tried: the entries of files that
// the last commits have changed, as many commits as -recent says, and of the
// others every Nth, counted from one that the commit chooses: each commit tries
// another part, and the same commit always the same. That every entry's text
// still stands in its file is checked for the whole list; that every mutant
// compiles is a test of this package, so that make test tells.
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
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	var c choice
	flag.IntVar(&c.share, "share", 1, "try one entry of so many")
	flag.IntVar(&c.recent, "recent", 0, "with -share, try all entries of files that so many commits have changed last")
	flag.StringVar(&c.match, "match", "", "try only entries whose name or file contains this")
	flag.Usage = func() {
		_, _ = fmt.Fprintln(flag.CommandLine.Output(), "usage: mutants [flags] LIST")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 || c.share < 1 || c.recent < 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, flag.Arg(0), c); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, list string, c choice) error {
	start := time.Now()
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
	if mutants, err = c.of(mutants); err != nil {
		return err
	}
	missed, err := try(ctx, mutants)
	if err != nil {
		return err
	}
	fmt.Printf("%d passed, %d failed, one of %d tried, in %.0f s with %.0f s of CPU\n", len(mutants)-missed, missed, c.share,
		time.Since(start).Seconds(), spent().Seconds())
	if missed > 0 || len(mutants) == 0 {
		return errors.New("every mutant in the list must be noticed by a test")
	}
	return nil
}

// try returns how many mutants were not noticed.
func try(ctx context.Context, mutants []mutant) (missed int, err error) {
	imported, err := names()
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)

	suites := map[build]*suite{}
	var order []*suite
	for _, m := range mutants {
		s := suites[m.test.build]
		if s == nil {
			s = &suite{build: m.test.build, passed: map[selection]result{}}
			suites[m.test.build] = s
			order = append(order, s)
		}
		s.passed[m.test.selection] = result{}
	}
	begin := time.Now()
	inParallel(dir, order, func(dir string, s *suite) { s.prepare(ctx, dir, imported) })
	fmt.Printf("tests of %d packages ran without a mutant: %.0f s\n", len(order), time.Since(begin).Seconds())

	var failed atomic.Int64
	inParallel(dir, mutants, func(dir string, m mutant) {
		start := time.Now()
		hung, err := suites[m.test.build].notice(ctx, dir, m)
		took := fmt.Sprintf("%.1fs", time.Since(start).Seconds())
		switch {
		case err != nil:
			failed.Add(1)
			fmt.Printf("FAIL  %s (%s): %v\n", m.name, m.file, err)
		case hung:
			fmt.Printf("hung  %s (%s) %s\n", m.name, m.file, took)
		default:
			fmt.Printf("ok    %s (%s) %s\n", m.name, m.file, took)
		}
	})
	return int(failed.Load()), ctx.Err()
}

// inParallel calls do for each value, with an empty folder below dir. One at a
// time per CPU: each spends half its time in the linker, which uses one.
func inParallel[T any](dir string, values []T, do func(dir string, value T)) {
	todo := make(chan T)
	var workers sync.WaitGroup
	for i := range runtime.NumCPU() {
		workers.Go(func() {
			own := filepath.Join(dir, strconv.Itoa(i))
			for value := range todo {
				if err := errors.Join(os.RemoveAll(own), os.MkdirAll(own, 0o700)); err != nil {
					panic(err) // the folder for temporary files is gone
				}
				do(own, value)
			}
		})
	}
	for _, value := range values {
		todo <- value
	}
	close(todo)
	workers.Wait()
}

// spent returns the CPU time of all commands that have ended.
func spent() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
