package slice_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gosio/gosio/ci/mutants/slice"
)

// Want has the numbers of the lines that stay; the package clause is line 1.
func TestKeep(t *testing.T) {
	t.Parallel()
	const test = "func TestA() { a.b(c) }\n"
	tests := []struct{ name, text, want string }{
		{"the test alone", test + "func TestB() {}", "2"},
		{"all that runs", test + "func FuzzA() {}\nfunc ExampleA() {}\nfunc BenchmarkA() {}\nfunc Testament() {}\nfunc Test() {}", "2 3 4 7"},
		{"what it calls", test + "func c() { d() }\nfunc d() {}\nfunc e() {}", "2 3 4"},
		{"in a circle", test + "func c() { d() }\nfunc d() { c() }", "2 3 4"},
		{"nothing for the name behind a dot", test + "func b() {}", "2"},
		{"a type with its methods", test + "type c struct{}\nfunc (c) M() { d() }\nfunc (*c) N() {}\nfunc d() {}\ntype e struct{}\nfunc (e) M() {}", "2 3 4 5 6"},
		{"a method's type parameters", test + "type c[T any] struct{}\nfunc (*c[T]) M() {}\nfunc (c[K]) N() {}", "2 3 4 5"},
		{"a method of a type of the code", test + "func (s *Server) Inner() { d() }\nfunc d() {}", "2 3 4"},
		{"a value", test + "var c = d()\nfunc d() int { return 0 }\nvar e = 0", "2 3 4"},
		{"what runs by itself", test + "func init() { d() }\nfunc d() {}\nfunc TestMain() { e() }\nfunc e() {}\nvar _ = f()\nfunc f() int { return 0 }", "2 3 4 5 6 7 8"},
		{"a test that runs another", test + "var c = \"-test.run=^TestB$/x\"\nfunc TestB() {}", "2 3 4"},
		{"a group as a whole", test + "const (\nz = iota\nc\n)\nvar (\ny = 0\n)", "2 3 4 5 6"},
		{"no comment of what goes", test + "// B tests.\n// It does.\nfunc TestB() {}", "2"},
		{"a comment of what stays", "// A tests.\n" + test, "2 3"},
		{"imports that are used", "import \"x/a\"\nimport \"x/b\"\n" + test, "2 4"},
		{"imports with a name", "import (\na \"x\"\nb \"x\"\n_ \"x\"\n. \"x\"\n)\n" + test, "2 3 5 6 7 8"},
		{"no import for a variable", "import \"x/d\"\n" + test + "func c() { d := 0; d++ }\nfunc e() { d.D() }", "3 4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := "package x\n" + tt.text + "\nfunc last() {}\n"
			kept := keep(t, nil, map[string]string{"x_test.go": text})["x_test.go"]
			if kept == nil {
				t.Fatal("nothing stays")
			}
			if got := lines(*kept); got != "1 "+tt.want {
				t.Errorf("lines %s stay, want %s, of\n%s", got, tt.want, text)
			}
			if strings.Count(*kept, "\n") != strings.Count(text, "\n") {
				t.Error("a line is gone, not empty")
			}
		})
	}
}

func TestKeepFiles(t *testing.T) {
	t.Parallel()
	kept := keep(t, []string{"e2e"}, map[string]string{
		"whole_test.go":    "package x_test\nfunc TestA() { helper(x.Export) }\n",
		"helper_test.go":   "package x_test\nfunc helper() {}\nfunc other() {}\n",
		"export_test.go":   "package x\nfunc Export() { inner() }\nfunc Unused() {}\n",
		"inner_test.go":    "package x\nfunc inner() {}\nfunc helper() {}\n",
		"unneeded_test.go": "package x_test\nfunc TestB() {}\n",
		"e2e_test.go":      "//go:build e2e\npackage x_test\nfunc TestC() {}\n",
		"else_test.go":     "//go:build !e2e\npackage x_test\nfunc TestD() {}\n",
		"none_test.go":     "package x_test\n",
		"x.go":             "package x\n",
	})
	got := map[string]string{}
	for path, text := range kept {
		got[path] = "gone"
		if text != nil {
			got[path] = lines(*text)
		}
	}
	want := map[string]string{"helper_test.go": "1 2", "export_test.go": "1 2", "inner_test.go": "1 2", "unneeded_test.go": "gone", "e2e_test.go": "gone"}
	if !maps.Equal(got, want) {
		t.Errorf("changed: %v, want %v", got, want)
	}
}

func TestKeepNothing(t *testing.T) {
	t.Parallel()
	tests, err := slice.Load(folder(t, map[string]string{"x_test.go": "package x\nfunc TestB() {}\nfunc (TestA) M() {}\n"}), nil, filepath.Base)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tests.Keep(func(test string) bool { return test == "TestA" }); err == nil {
		t.Error("there is no TestA, and no error")
	}
}

func TestPattern(t *testing.T) {
	t.Parallel()
	names := []string{"TestA", "TestAB", "TestB", "TestC"}
	for pattern, want := range map[string]string{
		"":                      "TestA TestAB TestB TestC",
		"^TestA$":               "TestA",
		"TestA":                 "TestA TestAB",
		"TestA$/TestB":          "TestA",
		"TestB/a|b/c":           "TestB",
		"^TestB$/a|^TestC$/b/c": "TestB TestC",
		"^(TestB|TestC)$/(a|b)": "TestB TestC",
		"^Test[|/B]$":           "TestB",
		`TestB\|TestC`:          "",
		"B$|C":                  "TestAB TestB TestC",
	} {
		matches, err := slice.Pattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		var got []string
		for _, name := range names {
			if matches(name) {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", pattern, got, want)
		}
	}
	if _, err := slice.Pattern("Test("); err == nil {
		t.Error("Test( is no pattern")
	}
}

// keep returns the files that change if TestA and what else has an A stays.
func keep(t *testing.T, tags []string, files map[string]string) map[string]*string {
	t.Helper()
	tests, err := slice.Load(folder(t, files), tags, filepath.Base)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := tests.Keep(func(test string) bool { return strings.HasSuffix(test, "A") || test == "Test" })
	if err != nil {
		t.Fatal(err)
	}
	changed := map[string]*string{}
	for path, text := range kept {
		changed[filepath.Base(path)] = nil
		if text != nil {
			s := string(text)
			changed[filepath.Base(path)] = &s
		}
	}
	return changed
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(files[name]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// lines returns the numbers of those that are not empty.
func lines(text string) string {
	var numbers []string
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) != "" {
			numbers = append(numbers, strconv.Itoa(i+1))
		}
	}
	return strings.Join(numbers, " ")
}
