package gosio_test

import (
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tutorial's program into examples/tutorial")

// What stands above a block of docs/tutorial.md that a reader saves as a file:
//
//	<!-- file: chat.go -->               from this step on
//	<!-- instead of main.go: chi -->     with another framework, at the end
var (
	wholeFile  = regexp.MustCompile("(?s)\n(?:<!-- file: (\\S+) -->|<!-- instead of main\\.go: (\\S+) -->)\n```\\w+\n(.*?)```\n")
	stepNumber = regexp.MustCompile(`(?m)^## (\d+)\. `)
)

// A listing is the files of a program, by their names.
type listing map[string]string

// tutorial returns what a reader of the tutorial has in their folder after each step, and
// at the end with each other framework.
func tutorial(t *testing.T) (steps []listing, others map[string]listing) {
	t.Helper()
	text, err := os.ReadFile("docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	page, others := string(text), make(map[string]listing)
	marks := append(stepNumber.FindAllStringIndex(page, -1), []int{len(page)})
	files := make(listing)
	for i := range len(marks) - 1 {
		for _, m := range wholeFile.FindAllStringSubmatch(page[marks[i][0]:marks[i+1][0]], -1) {
			if m[1] != "" {
				files[m[1]] = m[3]
				continue
			}
			others[m[2]] = maps.Clone(files)
			others[m[2]]["main.go"] = m[3]
		}
		steps = append(steps, maps.Clone(files))
	}
	if code := strings.Count(page, "\n```go\n"); code != len(regexp.MustCompile("(?m)-->\n```go\n").FindAllString(page, -1)) {
		t.Errorf("not each of the %d blocks of Go says which file it is", code)
	}
	return steps, others
}

// TestTutorial: each step of the tutorial is a program that builds, with each framework at
// the end, and examples/tutorial is the last one. conformance/browser runs them.
func TestTutorial(t *testing.T) {
	t.Parallel()
	steps, others := tutorial(t)
	if len(steps) != 8 || len(others) != 3 {
		t.Fatalf("%d steps, and %d other frameworks", len(steps), len(others))
	}
	dir := scratchModule(t)
	for i, files := range steps {
		files.write(t, filepath.Join(dir, "step"+strconv.Itoa(i+1)))
	}
	for name, files := range others {
		files.write(t, filepath.Join(dir, name))
		first := maps.Clone(steps[0]) // "until step 4 leave out the line with /login"
		first["main.go"] = regexp.MustCompile(`(?m)^.*"/login".*\n`).ReplaceAllString(files["main.go"], "")
		first.write(t, filepath.Join(dir, name+"1"))
	}
	v4 := maps.Clone(others["echo"]) // "only the imports differ"
	v4["main.go"] = strings.NewReplacer("echo/v5", "echo/v4", "integrations/echov5", "integrations/echo").Replace(v4["main.go"])
	v4.write(t, filepath.Join(dir, "echov4"))
	vetScratch(t, dir)

	last, example := steps[len(steps)-1], "examples/tutorial"
	if *update {
		last.write(t, example)
	}
	if got := readListing(t, example); !maps.Equal(got, last) {
		t.Errorf("%s has %q, and not what the tutorial has at its end (%q): go test . -run TestTutorial -update", example,
			slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(last)))
	}
}

// TestFilesAreNamed: the text above a block says the name of the file, where there is more
// than one file to save.
func TestFilesAreNamed(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile("(?s)([^\n]*)\n\n<!-- file: (\\S+) -->\n```")
	files := 0
	for _, page := range []string{"README.md", "docs/tutorial.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range named.FindAllStringSubmatchIndex(string(text), -1) {
			files++
			above, name := string(text[:at[3]]), string(text[at[4]:at[5]])
			if above = above[strings.LastIndex(above, "\n\n")+1:]; !strings.Contains(above, "`"+name+"`") {
				t.Errorf("%s: %q stands above a block to save as %s", page, above, name)
			}
		}
	}
	if files < 20 {
		t.Errorf("%d files", files)
	}
}

func (l listing) write(t *testing.T, dir string) {
	t.Helper()
	for name, text := range l {
		write(t, dir, name, text)
	}
}

// readListing returns the files of the example, without the test that only this repository needs.
func readListing(t *testing.T, dir string) listing {
	t.Helper()
	files := make(listing)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == "main_test.go" {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
