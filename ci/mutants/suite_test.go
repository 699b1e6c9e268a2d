package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A module of its own, with whole code, and every way in which tests take a
// mutant.
func TestNotice(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "go.mod", "module example\ngo 1.26\n")
	write(t, "x.go", "package x\nfunc One() int {\n\treturn 1\n}\n")
	write(t, "x_test.go", `package x
import "testing"
import "time"
func TestOne(t *testing.T) { if One() != 1 { t.Fail() } }
func TestPanics(t *testing.T) { _ = make([]int, One()-1) }
func TestHangs(t *testing.T) { for One() != 1 { time.Sleep(time.Millisecond) } }
func TestBlind(t *testing.T) { One() }
func TestRed(t *testing.T) { t.Fail() }
`)
	write(t, "broken_test.go", "package x\nimport \"testing\"\nfunc TestUncompiled(t *testing.T) { undefined() }\n")
	var mutants []mutant
	tests := []struct{ test, to, want string }{
		{"-run TestOne", "return 2", "ok"},
		{"-run TestPanics", "return 0", "ok"},
		{"-run TestHangs -timeout 1s", "return 2", "hung"},
		{"-run TestBlind", "return 2", "no test notices: go test . -run TestBlind passes"},
		{"-run TestOne", "return", "it does not compile"},
		{"-run TestRed", "return 2", "its tests do not pass without it: exit status 1"},
		{"-run TestNone", "return 2", "its tests do not pass without it: no test has such a name"},
	}
	for _, tt := range tests {
		named, err := parseTests("./ " + tt.test)
		if err != nil {
			t.Fatal(err)
		}
		named.folder = "."
		mutants = append(mutants, mutant{file: "x.go", test: named, from: []string{"return 1"}, to: []string{tt.to}})
	}
	s := &suite{build: mutants[0].test.build, passed: map[selection]result{}}
	for _, m := range mutants {
		s.passed[m.test.selection] = result{}
	}
	s.prepare(t.Context(), t.TempDir(), func(path string) string { return path })
	if s.err != nil {
		t.Fatal(s.err)
	}
	for i, tt := range tests {
		got := "ok"
		hung, err := s.notice(t.Context(), t.TempDir(), mutants[i])
		if hung {
			got = "hung"
		}
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s with %q: %s, want %s", tt.test, tt.to, got, tt.want)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.FromSlash(path), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
