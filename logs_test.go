package gosio_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestErrorsPage holds docs/errors.md to the code: its table of lines has every
// warning and error that the packages named below can log, at its level,
// and no other.
func TestErrorsPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "|\n "), " | ")
		if len(cells) == 3 && (cells[0] == "warn" || cells[0] == "error") {
			listed = append(listed, cells[0]+" "+strings.Trim(cells[1], "`"))
		}
	}
	logged := []string{ // whose level is decided where they are logged
		"warn engine: request refused", "error engine: request refused",
		"warn engine: client broke the protocol or a limit",
	}
	for _, folder := range []string{"core", "core/engine", "auth", "auth/redis", "session", "session/redis", "ratelimit", "idempotency", "graceful", "adapters/redis", "admin", "inspector"} {
		logged = append(logged, linesOf(t, folder)...)
	}
	if len(logged) < 30 {
		t.Fatalf("found %d lines in the code: is this test blind?", len(logged))
	}
	slices.Sort(logged)
	for _, line := range slices.Compact(logged) {
		if !slices.ContainsFunc(listed, func(l string) bool { return strings.HasPrefix(line, l) }) {
			t.Errorf("the code logs, and docs/errors.md does not have: %s", line)
		}
	}
	for _, line := range listed {
		if !slices.ContainsFunc(logged, func(l string) bool { return strings.HasPrefix(l, line) }) {
			t.Errorf("docs/errors.md has, and the code does not log: %s", line)
		}
	}
}

// linesOf returns the level and the message of each warning and error that the
// code in a folder logs.
func linesOf(t *testing.T, folder string) (lines []string) {
	files, err := filepath.Glob(folder + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			level := map[string]string{"Warn": "warn", "Error": "error"}[f.Sel.Name]
			for _, arg := range call.Args {
				if l, ok := arg.(*ast.SelectorExpr); ok {
					switch l.Sel.Name {
					case "LevelWarn":
						level = "warn"
					case "LevelError":
						level = "error"
					}
				}
				text := literal(arg)
				pkg, _, ok := strings.Cut(text, ": ")
				if ok && level != "" && slices.Contains([]string{"socketio", "engine", "auth", "session", "ratelimit", "idempotency", "graceful", "sioredis", "admin", "inspector"}, pkg) {
					lines = append(lines, level+" "+text)
				}
			}
			return true
		})
	}
	return lines
}

// literal returns the text that begins an expression, if there is one.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return literal(e.X)
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ := strconv.Unquote(e.Value) // it is one
			return text
		}
	}
	return ""
}
