package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// A checker tells whether mutants compile, by their types: milliseconds for each, where
// the compiler takes seconds.
type checker struct {
	positions *token.FileSet
	exports   map[string]string   // what the compiler has written, by import path
	packages  map[string]*checked // by folder
	importer  types.Importer
}

// checked is a package as it stands, by the names of its files.
type checked struct {
	path  string
	whole map[string]*ast.File
	heads map[string]*ast.File // without the bodies of functions
}

// newChecker reads packages, which are named as for the go command in root.
func newChecker(root string, names ...string) (*checker, error) {
	args := []string{"list", "-export", "-deps", "-json=Dir,ImportPath,Export,GoFiles,DepOnly"}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race") // so that the packages have been compiled already
	}
	var complaints bytes.Buffer
	cmd := exec.Command("go", append(args, names...)...)
	cmd.Dir, cmd.Stderr = root, &complaints
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, complaints.String())
	}
	c := &checker{positions: token.NewFileSet(), exports: map[string]string{}, packages: map[string]*checked{}}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir, ImportPath, Export string
			GoFiles                 []string
			DepOnly                 bool
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		c.exports[p.ImportPath] = p.Export
		if p.DepOnly {
			continue
		}
		if c.packages[p.Dir], err = c.read(p.ImportPath, p.Dir, p.GoFiles); err != nil {
			return nil, err
		}
	}
	c.importer = importer.ForCompiler(c.positions, "gc", func(path string) (io.ReadCloser, error) { return os.Open(c.exports[path]) })
	return c, nil
}

func (c *checker) read(path, folder string, files []string) (*checked, error) {
	p := &checked{path: path, whole: map[string]*ast.File{}, heads: map[string]*ast.File{}}
	for _, name := range files {
		tree, err := parser.ParseFile(c.positions, filepath.Join(folder, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.whole[name], p.heads[name] = tree, heads(tree)
	}
	return p, nil
}

// heads returns a file without the bodies of its functions.
func heads(tree *ast.File) *ast.File {
	without := *tree
	without.Decls = slices.Clone(tree.Decls)
	for i, d := range tree.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			head := *f
			head.Body = nil
			without.Decls[i] = &head
		}
	}
	return &without
}

// inBody tells whether lines differ from the file's within the body of one function: no
// other file can refer to what differs.
func (c *checker) inBody(path string, lines []string) (bool, error) {
	folder, name := filepath.Split(path)
	p := c.packages[filepath.Clean(folder)]
	if p == nil || p.whole[name] == nil {
		return false, errors.New("the file is in no package")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	before := strings.Split(string(text), "\n")
	first, last := 0, len(before) // the lines first+1 to last, counted from 1, are replaced
	for first < min(last, len(lines)) && before[first] == lines[first] {
		first++
	}
	for n := len(lines); last > first && n > first && before[last-1] == lines[n-1]; n-- {
		last--
	}
	for _, d := range p.whole[name].Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		if c.positions.Position(f.Body.Lbrace).Line <= first && last < c.positions.Position(f.Body.Rbrace).Line {
			return true, nil
		}
	}
	return false, nil
}

// check returns what is wrong with a package if some of its files, by their absolute paths,
// have these lines: the first error of each file. With inBodies the others' functions are
// not looked at. That the package's test files fit is not looked at.
func (c *checker) check(broken map[string][]string, inBodies bool) map[string]error {
	wrong := map[string]error{}
	conf := types.Config{Importer: c.importer, Sizes: types.SizesFor("gc", runtime.GOARCH), Error: func(err error) {
		var e types.Error
		if !errors.As(err, &e) {
			return // go/types makes no others
		}
		path := c.positions.Position(e.Pos).Filename
		if broken[path] == nil && inBodies && e.Soft {
			return // an import that only the bodies use, which are not there
		}
		if wrong[path] == nil {
			wrong[path] = err
		}
	}}
	var p *checked
	var files []*ast.File
	for path, lines := range broken {
		p = c.packages[filepath.Dir(path)]
		tree, err := parser.ParseFile(c.positions, path, strings.Join(lines, "\n"), parser.SkipObjectResolution)
		if err != nil {
			return map[string]error{path: err}
		}
		files = append(files, tree)
	}
	others := p.whole
	if inBodies {
		others = p.heads
	}
	for name, tree := range others {
		if broken[c.positions.Position(p.whole[name].Package).Filename] == nil {
			files = append(files, tree)
		}
	}
	_, _ = conf.Check(p.path, c.positions, files, nil)
	return wrong
}

// A batch is mutants of several files of one package that are checked together.
type batch struct {
	inBodies bool
	names    map[string]string // of the mutants, by file
	lines    map[string][]string
}

// batches puts mutants together that cannot disturb each other.
func batches(c *checker, root string, all []mutant) (batches []*batch, err error) {
	open := map[string][]*batch{} // by folder
	for _, m := range all {
		path := filepath.Join(root, m.file)
		m.file = path
		lines, err := m.broken()
		if err != nil {
			return nil, fmt.Errorf("mutant %q: %w", m.name, err)
		}
		within, err := c.inBody(path, lines)
		if err != nil {
			return nil, fmt.Errorf("mutant %q: %w", m.name, err)
		}
		folder := filepath.Dir(path)
		var into *batch
		for _, b := range open[folder] {
			if within && b.lines[path] == nil {
				into = b
				break
			}
		}
		if into == nil {
			into = &batch{within, map[string]string{}, map[string][]string{}}
			batches = append(batches, into)
			if within {
				open[folder] = append(open[folder], into)
			}
		}
		into.names[path], into.lines[path] = m.name, lines
	}
	return batches, nil
}

// TestCompiles: every mutant of the list compiles. One that does not says nothing about
// the tests that it names.
func TestCompiles(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	all, err := parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, m := range all {
		folders = append(folders, "./"+filepath.ToSlash(filepath.Dir(m.file)))
	}
	slices.Sort(folders)
	c, err := newChecker(root, slices.Compact(folders)...)
	if err != nil {
		t.Fatal(err)
	}
	together, err := batches(c, root, all)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range together {
		for path, err := range c.check(b.lines, b.inBodies) {
			name := b.names[path]
			if name == "" { // the error is in another file than the mutant
				name = strings.Join(slices.Collect(maps.Values(b.names)), ", ")
			}
			t.Errorf("mutant %q does not compile: %v", name, err)
		}
	}
}

// TestChecker: what the compiler refuses, and what it takes.
func TestChecker(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example\ngo 1.26\n",
		"x.go":   "package x\n\nimport \"fmt\"\n\nfunc One() int {\n\tn := 1\n\tfmt.Print(n)\n\treturn n\n}\n\ntype T struct{ a int }\n",
		"y.go":   "package x\n\nimport \"os\"\n\nfunc two[V any](v V) V {\n\treturn v\n}\n\nfunc init() { os.Exit(two(One()) + T{}.a) }\n",
	} {
		write(t, filepath.Join(root, name), text)
	}
	c, err := newChecker(root, ".")
	if err != nil {
		t.Fatal(err)
	}
	blind := mutant{name: "blind", file: "y.go", from: []string{"return v"}, to: []string{"return *new(V)"}}
	for _, tt := range []struct{ from, to, want string }{
		{"return n", "return n + 1", ""},
		{"return n", "return two(n)", ""},
		{"return n", "return", "not enough return values"},
		{"return n", "return \"\"", "cannot use"},
		{"return n", "for {", "expected '}'"},
		{"return n", "", "missing return"},
		{"fmt.Print(n)", "", `"fmt" imported and not used`},
		{"return n", "m := n; return n", "declared and not used: m"},
		{"return n", "return undefined", "undefined: undefined"},
		{"func One() int {", "func One() int32 {", "cannot use n"},
		{"type T struct{ a int }", "type T struct{ b int }", "T{}.a undefined"}, // in the other file
		{"type T struct{ a int }", "type T struct{ a, b int }", ""},
	} {
		m := mutant{name: "tried", file: "x.go", from: []string{tt.from}, to: []string{tt.to}}
		together, err := batches(c, root, []mutant{m, blind})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, b := range together {
			for path, err := range c.check(b.lines, b.inBodies) {
				all = append(all, b.names[path]+": "+err.Error())
			}
		}
		got := strings.Join(all, "; ")
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) || strings.Contains(got, "blind") {
			t.Errorf("%q for %q: %q, want %q", tt.to, tt.from, got, tt.want)
		}
	}
	write(t, filepath.Join(root, "z.go"), "package z\n")
	none := mutant{name: "none", file: "z.go", from: []string{"package z"}}
	if _, err := batches(c, root, []mutant{none}); message(err) != `mutant "none": the file is in no package` {
		t.Errorf("a file of no package: %v", err)
	}
}
