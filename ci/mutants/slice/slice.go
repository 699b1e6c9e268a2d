// Package slice makes the tests of a package small: some of them stay, with all
// that they refer to, and the rest is emptied, so that there is less to compile.
//
// References are found by name and without types: what has the name of
// something that is referred to stays, too. What a file declares keeps its line.
package slice

import (
	"errors"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Tests are the test files of one folder, those of the package itself and those
// of the package with _test in its name. It does not change, and may be used
// concurrently.
type Tests struct {
	files    []*file
	declared map[name][]*declaration
	imported func(path string) string
}

// A name belongs to one of the folder's two packages.
type name struct {
	external bool // of the package with _test in its name
	text     string
}

type file struct {
	path         string
	source       []byte
	external     bool
	declarations []*declaration
	imports      []dependency
	// Identifiers that the file does not declare, by where they stand: only
	// they can be the names of imports.
	unresolved map[int]string
}

// A span is a part of a file's text.
type span struct{ from, to int }

// A dependency is one import. Its name is empty if the file gives none.
type dependency struct {
	span
	path, name string
}

// A declaration stays or goes as a whole.
type declaration struct {
	*file
	span
	receiver string          // of a method
	always   bool            // stays in each slice
	mentions map[string]bool // identifiers that may name something of the same package
	selects  map[string]bool // identifiers behind a dot
}

// Load reads the test files in the folder that a build with these tags has.
// Imported tells the name of the package at an import path.
func Load(folder string, tags []string, imported func(path string) string) (*Tests, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return nil, err
	}
	context := build.Default
	context.BuildTags = tags
	t := &Tests{declared: map[name][]*declaration{}, imported: imported}
	for _, path := range paths {
		matches, err := context.MatchFile(filepath.Split(path))
		if err != nil {
			return nil, err
		}
		if !matches {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err := t.add(path, source); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// add parses a file and adds what it declares.
func (t *Tests) add(path string, source []byte) error {
	positions := token.NewFileSet()
	tree, err := parser.ParseFile(positions, path, source, parser.ParseComments)
	if err != nil {
		return err
	}
	offset := func(p token.Pos) int { return positions.Position(p).Offset }
	f := &file{path: path, source: source, external: strings.HasSuffix(tree.Name.Name, "_test"), unresolved: map[int]string{}}
	for _, identifier := range tree.Unresolved {
		f.unresolved[offset(identifier.Pos())] = identifier.Name
	}
	for _, node := range tree.Decls {
		if imports, ok := node.(*ast.GenDecl); ok && imports.Tok == token.IMPORT {
			for _, spec := range imports.Specs {
				s := spec.(*ast.ImportSpec)
				whole := ast.Node(s)
				if !imports.Lparen.IsValid() {
					whole = imports
				}
				d := dependency{span: span{offset(whole.Pos()), offset(whole.End())}}
				d.path, _ = strconv.Unquote(s.Path.Value) // the parser has checked it
				if s.Name != nil {
					d.name = s.Name.Name
				}
				f.imports = append(f.imports, d)
			}
			continue
		}
		d := &declaration{file: f, span: span{offset(node.Pos()), offset(node.End())}}
		if doc := documentation(node); doc != nil {
			d.from = offset(doc.Pos())
		}
		f.declarations = append(f.declarations, d)
		for _, text := range d.read(node) {
			key := name{f.external, text}
			t.declared[key] = append(t.declared[key], d)
		}
	}
	t.files = append(t.files, f)
	return nil
}

func documentation(node ast.Decl) *ast.CommentGroup {
	switch node := node.(type) {
	case *ast.FuncDecl:
		return node.Doc
	case *ast.GenDecl:
		return node.Doc
	}
	return nil
}

var inText = regexp.MustCompile(`\b(Test|Fuzz|Example)\w+`)

// read notes what the declaration refers to. It returns the names that the
// declaration gives: a method is found by the name of its type.
func (d *declaration) read(node ast.Decl) (names []string) {
	d.mentions, d.selects = map[string]bool{}, map[string]bool{}
	var note func(n ast.Node) bool
	note = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			d.selects[n.Sel.Name] = true
			ast.Inspect(n.X, note)
			return false
		case *ast.Ident:
			d.mentions[n.Name] = true
		case *ast.BasicLit: // a test that runs others in a process of their own
			for _, test := range inText.FindAllString(n.Value, -1) {
				d.mentions[test] = true
			}
		}
		return true
	}
	ast.Inspect(node, note)
	switch node := node.(type) {
	case *ast.FuncDecl:
		if node.Recv != nil {
			d.receiver = receiver(node.Recv.List[0].Type)
			return []string{d.receiver}
		}
		d.always = node.Name.Name == "init" || node.Name.Name == "TestMain"
		return []string{node.Name.Name}
	case *ast.GenDecl:
		for _, spec := range node.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
			case *ast.ValueSpec:
				for _, identifier := range spec.Names {
					d.always = d.always || identifier.Name == "_"
					names = append(names, identifier.Name)
				}
			}
		}
	}
	return names
}

// receiver returns the name of a receiver's type, which may be a pointer and
// have type parameters.
func receiver(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.ParenExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	}
	return ""
}

// Keep returns the text of each test file that changes if only the tests,
// examples and fuzz targets that are wanted stay; nil if nothing of it stays.
func (t *Tests) Keep(wanted func(test string) bool) (map[string][]byte, error) {
	var roots []*declaration
	tests := 0
	for key, declarations := range t.declared {
		for _, d := range declarations {
			switch {
			case runs(key.text) && d.receiver == "" && wanted(key.text):
				tests++
				roots = append(roots, d)
			case d.always, d.receiver != "" && !t.declaresType(key):
				roots = append(roots, d) // a method of a type that is no test's
			}
		}
	}
	if tests == 0 {
		return nil, errors.New("no test has such a name")
	}
	needed := t.closure(roots)
	texts := map[string][]byte{}
	for _, f := range t.files {
		if text, changed := f.keep(needed, t.imported); changed {
			texts[f.path] = text
		}
	}
	return texts, nil
}

func (t *Tests) declaresType(key name) bool {
	for _, d := range t.declared[key] {
		if d.receiver == "" {
			return true
		}
	}
	return false
}

// closure returns the declarations and all that they refer to.
func (t *Tests) closure(todo []*declaration) map[*declaration]bool {
	needed := map[*declaration]bool{}
	for len(todo) > 0 {
		d := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if needed[d] {
			continue
		}
		needed[d] = true
		for text := range d.mentions {
			todo = append(todo, t.declared[name{d.external, text}]...)
		}
		if !d.external {
			continue
		}
		for text := range d.selects { // what the package's own tests export
			todo = append(todo, t.declared[name{false, text}]...)
		}
	}
	return needed
}

// runs tells whether go test runs functions of the name.
func runs(function string) bool {
	for _, prefix := range []string{"Test", "Fuzz", "Example"} {
		if rest, ok := strings.CutPrefix(function, prefix); ok && function != "TestMain" {
			first, _ := utf8.DecodeRuneInString(rest)
			return rest == "" || !unicode.IsLower(first)
		}
	}
	return false
}

// keep returns the file's text with what is needed of it, and whether that
// differs from all of it.
func (f *file) keep(needed map[*declaration]bool, imported func(string) string) ([]byte, bool) {
	text := append([]byte{}, f.source...)
	used := map[string]bool{}
	kept := 0
	for _, d := range f.declarations {
		if !needed[d] {
			empty(text, d.span)
			continue
		}
		kept++
		for at, identifier := range f.unresolved {
			if d.from <= at && at < d.to {
				used[identifier] = true
			}
		}
	}
	switch kept {
	case 0:
		return nil, len(f.declarations) > 0
	case len(f.declarations):
		return nil, false
	}
	for _, i := range f.imports {
		called := i.name
		if called == "" {
			called = imported(i.path)
		}
		if called != "_" && called != "." && !used[called] {
			empty(text, i.span)
		}
	}
	return text, true
}

// empty leaves nothing of a part of the text but the ends of its lines.
func empty(text []byte, s span) {
	for i := s.from; i < s.to; i++ {
		if text[i] != '\n' {
			text[i] = ' '
		}
	}
}

// Pattern returns a function that tells which tests go test runs for -run: the
// parts of a pattern that are behind a slash are about subtests.
func Pattern(pattern string) (func(test string) bool, error) {
	var all []*regexp.Regexp
	for _, text := range alternatives(pattern) {
		one, err := regexp.Compile(text)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return func(test string) bool {
		for _, one := range all {
			if one.MatchString(test) {
				return true
			}
		}
		return false
	}, nil
}

// alternatives splits a pattern where package testing does, at bars outside of
// brackets, and cuts each off at its first slash outside of brackets.
func alternatives(pattern string) (all []string) {
	class, group, start, end := 0, 0, 0, -1
	cut := func(to int) {
		if end >= 0 {
			to = end
		}
		all = append(all, pattern[start:to])
	}
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '[':
			class++
		case c == ']' && class > 0:
			class--
		case c == '(' && class == 0:
			group++
		case c == ')' && class == 0:
			group--
		case c == '/' && class == 0 && group == 0 && end < 0:
			end = i
		case c == '|' && class == 0 && group == 0:
			cut(i)
			start, end = i+1, -1
		}
	}
	cut(len(pattern))
	return all
}
