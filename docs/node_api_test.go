package docs_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNodeAPI reads the page that maps Node's API: each Go name exists, and a
// row without one says why.
func TestNodeAPI(t *testing.T) {
	t.Parallel()
	pkg := declarations(t, "../core")
	others := map[string]*types.Package{"adapter": declarations(t, "../core/adapter"), "emitter": declarations(t, "../emitter"), "sioredis": declarations(t, "../adapters/redis"), "admin": declarations(t, "../admin")}
	name := regexp.MustCompile("`([^`]+)`")
	rows := table(t, "node-api.md")
	for _, row := range rows {
		if len(row) != 3 || row[0] == "" {
			t.Errorf("a row is not Node, Go and a remark: %q", row)
			continue
		}
		names := name.FindAllStringSubmatch(row[1], -1)
		if len(names) == 0 && row[2] == "" {
			t.Errorf("%s: no name, and no reason", row[0])
		}
		if strings.Trim(name.ReplaceAllString(row[1], ""), ", ") != "" {
			t.Errorf("%s: that is no list of names: %s", row[0], row[1])
		}
		for _, m := range names {
			in, what := pkg, m[1]
			if prefix, rest, ok := strings.Cut(what, "."); ok && others[prefix] != nil {
				in, what = others[prefix], rest
			}
			if !exported(in, what) {
				t.Errorf("%s: there is no %s", row[0], m[1])
			}
		}
	}
	if len(rows) < 100 {
		t.Errorf("%d rows: has the form of the tables changed?", len(rows))
	}
}

// declarations type-checks what a package declares. What it imports is left
// out: names need no more.
func declarations(t *testing.T, folder string) *types.Package {
	t.Helper()
	files, err := filepath.Glob(folder + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var parsed []*ast.File
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	config := types.Config{IgnoreFuncBodies: true, Importer: none{}, Error: func(error) {}}
	pkg, _ := config.Check(folder, fset, parsed, nil) // its error is that of the imports
	return pkg
}

// none imports nothing.
type none struct{}

func (none) Import(path string) (*types.Package, error) { return nil, errors.New(path) }

// exported reports whether the package has Name, or Type.Name as a field or
// method.
func exported(pkg *types.Package, name string) bool {
	name, member, isMember := strings.Cut(name, ".")
	object := pkg.Scope().Lookup(name)
	if object == nil || !object.Exported() {
		return false
	}
	if !isMember {
		return true
	}
	found, _, _ := types.LookupFieldOrMethod(object.Type(), true, pkg, member)
	return found != nil && found.Exported()
}

// TestNotYet: what features.md says is missing is what the other pages say, and nothing else
// is missing there.
func TestNotYet(t *testing.T) {
	t.Parallel()
	count := func(page string, column int, mark string) (rows []string) {
		for _, row := range table(t, page) {
			if strings.HasPrefix(row[column], mark) {
				rows = append(rows, row[0])
			}
		}
		return rows
	}
	const engines = "Adapters and emitters for Postgres, MongoDB and the clouds"
	if got := count("features.md", 1, "*Not yet:*"); len(got) != 1 || got[0] != engines {
		t.Errorf("features.md: not yet: %q; the pages below have to say that", got)
	}
	if got := count("node-api.md", 2, "not yet"); len(got) != 1 || got[0] != engines {
		t.Errorf("node-api.md: not yet: %q", got)
	}
	for _, page := range []string{"from-node.md", "from-googollee.md", "from-zishang520.md"} {
		_, after, _ := strings.Cut(read(t, page), "\n## Not there yet\n\n")
		if first, _, _ := strings.Cut(after, "\n"); first != engines+"." {
			t.Errorf("%s: not there yet: %q", page, first)
		}
	}
}
