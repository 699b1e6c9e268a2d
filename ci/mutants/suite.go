package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gosio/gosio/ci/mutants/slice"
)

const (
	// compiling is how long a binary may take to be built.
	compiling = 10 * time.Minute
	// patience is how long the tests of whole code may take.
	patience = 2 * time.Minute
	// The tests of a mutant may take this, and so many times what they take
	// with whole code; a hang counts as noticed.
	grace, times = 10 * time.Second, 10
)

// A suite is the tests of one build that entries name.
type suite struct {
	build
	tests  *slice.Tests
	err    error // that no test of it could be tried
	passed map[selection]result
}

// A result is how tests of whole code end: with an error, or after a time.
type result struct {
	err  error
	took time.Duration
}

// prepare runs each selection of the suite with whole code: tests that fail,
// hang or are not there without a mutant cannot notice it.
func (s *suite) prepare(ctx context.Context, dir string, imported func(string) string) {
	s.err = s.prepareAll(ctx, dir, imported)
}

func (s *suite) prepareAll(ctx context.Context, dir string, imported func(string) string) (err error) {
	if s.tests, err = s.load(imported); err != nil {
		return err
	}
	var wanted []func(string) bool
	for of := range s.passed {
		one, err := slice.Pattern(of.run)
		if err != nil {
			return err
		}
		if _, err := s.tests.Keep(one); err != nil {
			s.passed[of] = result{err: err}
			continue
		}
		wanted = append(wanted, one)
	}
	if len(wanted) == 0 {
		return nil
	}
	// One binary has the tests of all selections.
	replace, err := s.tests.Keep(func(test string) bool {
		for _, one := range wanted {
			if one(test) {
				return true
			}
		}
		return false
	})
	if err != nil {
		return err
	}
	binary, err := s.compile(ctx, dir, replace)
	if err != nil {
		return err
	}
	for of, r := range s.passed {
		if r.err != nil {
			continue
		}
		start := time.Now()
		out, err := s.try(ctx, binary, of, patience)
		if err == nil && strings.Contains(out, "no tests to run") {
			err = errors.New("no test has such a name")
		}
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		s.passed[of] = result{err, time.Since(start)}
	}
	return nil
}

// notice returns an error unless the tests pass judgement on the mutant: it
// must compile, and they must fail. Hung tells that they did not end in time.
func (s *suite) notice(ctx context.Context, dir string, m mutant) (hung bool, err error) {
	whole := s.passed[m.test.selection]
	if err := errors.Join(s.err, whole.err); err != nil {
		return false, fmt.Errorf("its tests do not pass without it: %w", err)
	}
	wanted, err := slice.Pattern(m.test.run)
	if err != nil {
		return false, err
	}
	replace, err := s.tests.Keep(wanted)
	if err != nil {
		return false, err
	}
	broken, err := m.broken()
	if err != nil {
		return false, err
	}
	path, err := filepath.Abs(m.file)
	if err != nil {
		return false, err
	}
	replace[path] = []byte(strings.Join(broken, "\n"))
	binary, err := s.compile(ctx, dir, replace)
	if err != nil {
		return false, fmt.Errorf("it does not compile: %w", err)
	}
	limit := min(grace+times*whole.took, patience)
	if m.test.timeout > 0 {
		limit = min(limit, m.test.timeout)
	}
	out, err := s.try(ctx, binary, m.test.selection, limit)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return false, fmt.Errorf("no test notices: go test %s -run %s passes", m.test.folder, m.test.run)
	case errors.Is(err, errHung):
		return true, nil
	case errors.As(err, &exit):
		return false, nil
	}
	return false, fmt.Errorf("its tests did not run: %w: %s", err, out)
}

// names returns a function that tells the name of a package which the module
// may import.
func names() (func(path string) string, error) {
	out, err := exec.Command("go", "list", "-e", "-deps", "-test", "-tags=e2e", "-f", "{{.Name}} {{.ImportPath}}", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	known := map[string]string{}
	for _, line := range strings.Split(string(out), "\n") {
		called, path, _ := strings.Cut(line, " ")
		if !strings.Contains(path, " ") { // not the variant for some package's tests
			known[path] = called
		}
	}
	return func(path string) string { return known[path] }, nil
}
