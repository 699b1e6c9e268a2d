package gosio_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeBuilds builds every program of the README, verbatim, as a user
// would: in a module of its own that requires this one.
func TestReadmeBuilds(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := regexp.MustCompile("(?s)```go\n(package main.*?)```").FindAllSubmatch(readme, -1)
	if len(programs) < 6 {
		t.Fatalf("found %d programs, want one for each framework, for net/http, and the protected one", len(programs))
	}
	dir := scratchModule(t)
	for i, p := range programs {
		name := filepath.Join(dir, "program"+string(rune('a'+i)))
		if err := os.MkdirAll(name, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(name, "main.go"), p[1], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "vet", "-mod=mod", "./...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off") // as a user has it, whatever workspace this is in
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}

// scratchModule is a module of somebody who uses this one. It requires what
// this one does, so that nothing has to be looked up.
func scratchModule(t *testing.T) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(mod), "module github.com/gosio/gosio", "module example.com/app", 1)
	text += "\nrequire github.com/gosio/gosio v0.0.0\n\nreplace github.com/gosio/gosio => " + root + "\n"
	dir := t.TempDir()
	for name, content := range map[string]string{"go.mod": text, "go.sum": string(sum)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
