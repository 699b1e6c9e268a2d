package gosio_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExamplesElsewhere: an example that is copied into another module builds
// there, with its test. The go command lets nobody else import what is in a
// folder called internal.
func TestExamplesElsewhere(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("examples/*")
	if err != nil {
		t.Fatal(err)
	}
	dir := scratchModule(t)
	var here, nested int
	for _, folder := range folders {
		if filepath.Base(folder) == "parts" {
			continue // what the examples import
		}
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			nested++ // its imports may not be on this machine; they are looked at below
		} else {
			here++
			if err := os.CopyFS(filepath.Join(dir, filepath.Base(folder)), os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
		}
		files, err := filepath.Glob(folder + "/*.go")
		deeper, _ := filepath.Glob(folder + "/*/*.go") // the pattern is right
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no Go files: %v", folder, err)
		}
		for _, file := range append(files, deeper...) {
			for _, imp := range read(t, file).imports {
				if strings.HasPrefix(imp, module+"/") && strings.Contains(imp+"/", "/internal/") {
					t.Errorf("%s imports %s, which no other module may", file, imp)
				}
			}
		}
	}
	if here < 8 || nested < 1 {
		t.Errorf("found %d examples, and %d that are modules: have they gone?", here, nested)
	}
	vetScratch(t, dir)
}
