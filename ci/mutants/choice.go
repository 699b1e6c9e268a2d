package main

import (
	"fmt"
	"hash/fnv"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// A choice says which entries of the list are tried.
type choice struct {
	share, recent int
	match         string
}

func (c choice) of(mutants []mutant) ([]mutant, error) {
	mutants = slices.DeleteFunc(mutants, func(m mutant) bool {
		return !strings.Contains(m.name, c.match) && !strings.Contains(m.file, c.match)
	})
	if c.share == 1 {
		return mutants, nil
	}
	commit, err := git("rev-parse", "HEAD")
	if err != nil {
		return nil, err
	}
	var changed string
	if c.recent > 0 {
		if changed, err = git("log", "-n", strconv.Itoa(c.recent), "--name-only", "--format="); err != nil {
			return nil, err
		}
	}
	return c.part(mutants, commit, strings.Split(changed, "\n")), nil
}

// part returns the mutants of changed files, and every share-th of the others,
// from a first one that the commit chooses.
func (c choice) part(all []mutant, commit string, changed []string) (some []mutant) {
	var others []mutant
	for _, m := range all {
		if slices.Contains(changed, m.file) {
			some = append(some, m)
		} else {
			others = append(others, m)
		}
	}
	sum := fnv.New32a()
	sum.Write([]byte(commit))
	for i := int(sum.Sum32() % uint32(c.share)); i < len(others); i += c.share {
		some = append(some, others[i])
	}
	return some
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	if err != nil {
		return "", fmt.Errorf("git %s, which chooses the part: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
