package gosio_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// attacks are the rows that docs/threats.md has to have.
var attacks = []string{
	"A-J01", "A-J02", "A-J04", "A-J05", "A-J06", "A-J08", "A-J09", "A-J10", "A-J12", "A-J13", "A-J14", "SA-51",
	"SID", "EIO3", "EXT", "TWO", "EARLY", "RACE", "DOWN", "BUF", "BIG", "BOMB",
}

// threat is a row of the table.
type threat struct {
	id, attack, outcome string
	tests, mutants      []string
}

// TestThreats holds the table of docs/threats.md to what exists: every row is
// there and whole, every test in it is in the source, every mutant in the
// list; and no test or mutant is named after a row without being in it.
func TestThreats(t *testing.T) {
	t.Parallel()
	table := threats(t)
	mutants := mutantNames(t)
	var ids []string
	for _, row := range table {
		ids = append(ids, row.id)
		if row.attack == "" || row.outcome == "" || len(row.tests) == 0 || len(row.mutants) == 0 {
			t.Errorf("%s: the row has an empty cell", row.id)
		}
		for _, name := range row.tests {
			if err := exists(t, name); err != "" {
				t.Errorf("%s: test %s: %s", row.id, name, err)
			}
		}
		for _, name := range row.mutants {
			if !slices.Contains(mutants, name) {
				t.Errorf("%s: no mutant %q in ci/mutants/mutants.txt", row.id, name)
			}
		}
		for _, name := range mutants {
			if strings.HasPrefix(name, row.id+": ") && !slices.Contains(row.mutants, name) {
				t.Errorf("%s: mutant %q is not in the row", row.id, name)
			}
		}
	}
	if !slices.Equal(ids, attacks) {
		t.Errorf("the rows are %q, want %q", ids, attacks)
	}
	for _, folder := range []string{"auth", "session"} {
		for _, name := range declared(t, folder).literals {
			if id := rowID.FindStringSubmatch(name); id != nil && !slices.Contains(ids, id[1]) {
				t.Errorf("%s: test %q is named after a row that is not there", folder, name)
			}
		}
	}
}

// threats reads the table.
func threats(t *testing.T) []threat {
	t.Helper()
	text, err := os.ReadFile("docs/threats.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	var table []threat
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 2 || strings.HasPrefix(cells[1], " Id") || strings.HasPrefix(cells[1], "---") {
			continue
		}
		if len(cells) != 7 {
			t.Fatalf("%.60s…: %d cells, want 5", line, len(cells)-2)
		}
		names := func(cell string) (all []string) {
			for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
				all = append(all, m[1])
			}
			return all
		}
		table = append(table, threat{
			id: strings.TrimSpace(cells[1]), attack: strings.TrimSpace(cells[2]), outcome: strings.TrimSpace(cells[3]),
			tests: names(cells[4]), mutants: names(cells[5]),
		})
	}
	return table
}

func mutantNames(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("ci/mutants/mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "# "); ok {
			names = append(names, name)
		}
	}
	return names
}

// exists says what is wrong with a test's name, such as
// "core/engine.TestOrigins/null", or returns nothing.
func exists(t *testing.T, name string) string {
	t.Helper()
	folder, rest, _ := strings.Cut(name, ".")
	function, sub, _ := strings.Cut(rest, "/")
	in := declared(t, folder)
	if !slices.Contains(in.functions, function) {
		return "is not in " + folder
	}
	prefix, whole := strings.CutSuffix(sub, "…")
	if sub != "" && !slices.ContainsFunc(in.literals, func(s string) bool {
		return s == sub || whole && s != prefix && strings.HasPrefix(s, prefix)
	}) {
		return "has no such subtest"
	}
	return ""
}

// declarations are what a folder's tests are called: their functions, and the
// strings among which are the names of subtests.
type declarations struct{ functions, literals []string }

// folders are those that were read already: a folder has many rows.
var folders sync.Map

func declared(t *testing.T, folder string) (in declarations) {
	t.Helper()
	if known, ok := folders.Load(folder); ok {
		return known.(declarations)
	}
	defer func() { folders.Store(folder, in) }()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") && filepath.Base(folder) != "sessiontest" { // whose tests are for others to run
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if name := n.Name.Name; n.Recv == nil && (strings.HasPrefix(name, "Test") || name == "Run") {
					in.functions = append(in.functions, name)
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
					in.literals = append(in.literals, text)
				}
			}
			return true
		})
	}
	return in
}

// rowID is how the subtests of a row begin.
var rowID = regexp.MustCompile(`^((?:A-[A-Z]|SA-)\d+) `)
