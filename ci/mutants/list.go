package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// A mutant is an entry of the list.
type mutant struct {
	name, file string
	test       tests
	from, to   []string // lines
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
			var err error
			if m.test, err = parseTests(value); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		case "-":
			m.from = append(m.from, strings.TrimSpace(value))
		case "+":
			m.to = append(m.to, value)
		default:
			return nil, fmt.Errorf("line %d: %q is no part of an entry", i+1, key)
		}
	}
	for _, m := range all {
		if m.file == "" || m.test.folder == "" || len(m.from) == 0 {
			return nil, fmt.Errorf("mutant %q: file, test or the text to replace is missing", m.name)
		}
	}
	return all, nil
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
