package gosio_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestExampleFunctions: go doc shows code to copy for each package that applications
// import, and a test has run that code, or the example's comment says why not.
func TestExampleFunctions(t *testing.T) {
	t.Parallel()
	folders := make(map[string]bool) // and whether there is an example
	for _, src := range sources(t) {
		if src.test || src.name == "main" || strings.Contains("/"+src.pkg+"/", "/internal/") ||
			src.pkg == "." || strings.HasPrefix(src.pkg, "examples/") || strings.HasPrefix(src.pkg, "conformance/") || strings.HasPrefix(src.pkg, "ci/") {
			continue
		}
		folders[src.pkg] = false
	}
	if len(folders) < 35 {
		t.Fatalf("found %d packages: have they gone?", len(folders))
	}
	for folder := range folders {
		files, err := filepath.Glob(folder + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		var parsed []*ast.File
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, f)
		}
		for _, example := range doc.Examples(parsed...) {
			folders[folder] = true
			why := strings.Join(strings.Fields(example.Doc), " ")
			if example.Output == "" && !example.EmptyOutput && !strings.Contains(why, "The example is compiled and not run:") {
				t.Errorf("%s: Example%s is not run, for it has no output, and its comment does not say why", folder, example.Name)
			}
		}
		if !folders[folder] {
			t.Errorf("%s has no Example function", folder)
		}
	}
}
