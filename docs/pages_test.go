// Package docs_test holds the code of the pages in this folder: what a page
// shows is what these tests have run.
//
// The code of rooms.md is in rooms_test.go, between a comment "code: name" and
// a comment "end"; in the page a block follows an HTML comment with the same
// words. To change code, change the test file, and then run
//
//	go test ./docs -update
package docs_test

import (
	"flag"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gosio/gosio/internal/leak"
)

var update = flag.Bool("update", false, "write the code of the test files into the pages")

func TestMain(m *testing.M) { leak.Main(m) }

var (
	codeMark   = regexp.MustCompile(`^<!-- code: (\S+) -->$`)
	reasonMark = regexp.MustCompile(`^<!-- not compiled: \S.* -->$`)
	regionMark = regexp.MustCompile(`^\s*// code: (\S+)$`)
	regionEnd  = regexp.MustCompile(`^\s*// end$`)
)

// TestPages compares every Go block of a page that has a test file with the
// code that was run. Complete programs, and the pages that have none, are the
// business of docs_test.go at the root: it compiles them.
//
// It does not run in parallel: with -update it writes what other tests read.
func TestPages(t *testing.T) {
	blocks := 0
	for _, page := range pages(t) {
		if _, err := os.Stat(testFile(page)); err != nil {
			continue
		}
		regions := readRegions(t, testFile(page))
		shown := map[string]bool{}
		lines := strings.Split(read(t, page), "\n")
		var out []string
		for i := 0; i < len(lines); i++ {
			out = append(out, lines[i])
			if lines[i] != "```go" {
				continue
			}
			size := slices.Index(lines[i+1:], "```")
			if size < 0 {
				t.Fatalf("%s:%d: this block has no end", page, i+1)
			}
			end := i + 1 + size
			block, mark := lines[i+1:end], lines[i-1]
			switch m := codeMark.FindStringSubmatch(mark); {
			case m != nil:
				code, ok := regions[m[1]]
				if !ok {
					t.Errorf("%s:%d: %s has no code %q", page, i+1, testFile(page), m[1])
				} else if !*update && !slices.Equal(block, code) {
					t.Errorf("%s:%d: this is not the code %q of %s; run go test ./docs -update", page, i+1, m[1], testFile(page))
				}
				shown[m[1]] = true
				blocks++
				out = append(out, code...)
			case reasonMark.MatchString(mark), size > 0 && block[0] == "package main":
				out = append(out, block...)
			default:
				t.Errorf("%s:%d: where is the code of this block? Put <!-- code: name --> or <!-- not compiled: reason --> above it", page, i+1)
				out = append(out, block...)
			}
			i = end - 1
		}
		for name := range regions {
			if !shown[name] {
				t.Errorf("%s: code %q is not in %s", testFile(page), name, page)
			}
		}
		if *update {
			write(t, page, strings.Join(out, "\n"))
		}
	}
	if blocks == 0 {
		t.Error("no page shows code of a test: has the form of the marks changed?")
	}
}

// TestTestFilesHavePages fails for code that no page can show any more.
func TestTestFilesHavePages(t *testing.T) {
	t.Parallel()
	all := pages(t)
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !slices.ContainsFunc(all, func(page string) bool { return testFile(page) == file }) && len(readRegions(t, file)) > 0 {
			t.Errorf("%s has code for a page that does not exist", file)
		}
	}
}

// TestLinks: a link from a page to a file of the repository, or to a heading,
// leads somewhere.
func TestLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code := regexp.MustCompile("(?s)```.*?```|`[^`\n]*`")
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(read(t, page), ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			if target == "" {
				target = page
			} else {
				target = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s: %s: no such heading", page, m[1])
			}
		}
	}
}

// TestWords: a link says where it leads, in words; no two pages have one title, by which
// the site's menu names them; and each column of a table has a heading.
func TestWords(t *testing.T) {
	t.Parallel()
	bare := regexp.MustCompile(`\[[\w./-]+\.md\]\(`)
	code := regexp.MustCompile("(?s)```.*?```")
	titles := make(map[string]string)
	for _, page := range append(pages(t), "../README.md") {
		if page == "inspector.md" {
			continue // its tables are headed by the page that it is about
		}
		text := code.ReplaceAllString(read(t, page), "")
		for _, m := range bare.FindAllString(text, -1) {
			t.Errorf("%s: %s…): say what the page is about instead of its file's name", page, m)
		}
		title, _, _ := strings.Cut(text, "\n")
		if other := titles[title]; other != "" {
			t.Errorf("%s and %s are both called %q", page, other, title)
		}
		titles[title] = page
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			if i > 0 && strings.HasPrefix(line, "|--") && strings.Contains(strings.ReplaceAll(lines[i-1], " ", ""), "||") {
				t.Errorf("%s: the table %q has a column without a heading", page, lines[i-1])
			}
		}
	}
}

// TestImports: a page says the path of each package that its code uses, so that a reader
// need not guess it. What is compiled elsewhere tells which package a name is.
func TestImports(t *testing.T) {
	t.Parallel()
	spec := regexp.MustCompile(`(?m)^\s*(?:import )?(?:(\w+) )?"([\w-]+\.[\w./~-]+)"$`)
	hidden := regexp.MustCompile(`(?s)<!--.*?-->`)
	code := regexp.MustCompile("(?sm)^```go\n(.*?)^```$")
	quoted := regexp.MustCompile(`<!-- (\S+\.go) docs:`)
	version := regexp.MustCompile(`/v\d+$`)
	names := make(map[string]string) // of ours, on any page
	collect := func(into map[string]string, text string) {
		for _, m := range spec.FindAllStringSubmatch(text, -1) {
			name := m[1]
			if name == "" {
				name = strings.TrimPrefix(path.Base(version.ReplaceAllString(m[2], "")), "go-")
			}
			into[name] = m[2]
			if strings.HasPrefix(name, "sio") {
				names[name] = m[2]
			}
		}
	}
	all := append(pages(t), "../README.md")
	packages := make(map[string]map[string]string)
	for _, page := range all {
		packages[page] = make(map[string]string)
		collect(packages[page], read(t, page))
		if _, err := os.Stat(testFile(page)); err == nil {
			collect(packages[page], read(t, testFile(page)))
		}
		for _, m := range quoted.FindAllStringSubmatch(read(t, page), -1) {
			collect(packages[page], read(t, "../"+m[1]))
		}
	}
	found := 0
	for _, page := range all {
		maps.Copy(packages[page], names)
		shown := hidden.ReplaceAllString(read(t, page), "")
		var blocks strings.Builder
		for _, m := range code.FindAllStringSubmatch(shown, -1) {
			blocks.WriteString(m[1])
		}
		for name, from := range packages[page] {
			switch {
			case from == "github.com/gosio/gosio/core", strings.Contains(from, "/examples/"): // README.md; where the file is
			case !regexp.MustCompile(`(?m)(?:^|[^\w.])` + name + `\.[A-Z]`).MatchString(blocks.String()):
			case page == "securing.md" && slices.Contains(inFront, name): // the reader's own
			case !strings.Contains(shown, `"`+from+`"`):
				t.Errorf("%s: its code uses %s, and the page does not say that this is %q", page, name, from)
			default:
				found++
			}
		}
	}
	if found < 60 {
		t.Errorf("found %d imports", found)
	}
}

// inFront are packages that a reader of securing.md has in front, or in the program before.
var inFront = []string{"chi", "echo", "fiber", "jwtauth", "jwtware", "echojwt", "siochi", "sioecho", "siofiber"}

// TestIndex: README.md leads to every page.
func TestIndex(t *testing.T) {
	t.Parallel()
	index := read(t, "README.md")
	for _, page := range pages(t) {
		if page != "README.md" && !strings.Contains(index, "]("+page+")") {
			t.Errorf("README.md does not lead to %s", page)
		}
	}
}

// anchors returns the names that GitHub gives to the headings of a page.
func anchors(page string) []string {
	var all []string
	for line := range strings.Lines(page) {
		if text := strings.TrimLeft(line, "#"); text != line && strings.HasPrefix(text, " ") {
			text = regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(text)), "")
			all = append(all, strings.ReplaceAll(text, " ", "-"))
		}
	}
	return all
}

// readRegions returns the marked code of a test file, without its indentation.
func readRegions(t *testing.T, file string) map[string][]string {
	t.Helper()
	regions := map[string][]string{}
	if _, err := os.Stat(file); err != nil {
		return regions
	}
	name := ""
	for i, line := range strings.Split(read(t, file), "\n") {
		switch m := regionMark.FindStringSubmatch(line); {
		case m != nil && (name != "" || regions[m[1]] != nil):
			t.Errorf("%s:%d: code %q begins inside another, or twice", file, i+1, m[1])
		case m != nil:
			name = m[1]
			regions[name] = []string{}
		case regionEnd.MatchString(line):
			regions[name] = outdent(regions[name])
			name = ""
		case name != "":
			regions[name] = append(regions[name], line)
		}
	}
	if name != "" {
		t.Errorf("%s: code %q has no end", file, name)
	}
	return regions
}

// outdent takes off the tabs that all lines begin with, and blank lines around.
func outdent(lines []string) []string {
	tabs := 100
	for _, line := range lines {
		if line != "" {
			tabs = min(tabs, len(line)-len(strings.TrimLeft(line, "\t")))
		}
	}
	for i, line := range lines {
		lines[i] = line[min(tabs, len(line)):]
	}
	text := strings.Trim(strings.Join(lines, "\n"), "\n")
	return strings.Split(text, "\n")
}

func pages(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	guides, err := filepath.Glob("howto/*.md")
	if err != nil || len(guides) < 12 {
		t.Fatalf("%d guides: %v", len(guides), err)
	}
	return append(all, guides...)
}

// testFile is where the code of a page is.
func testFile(page string) string {
	return strings.ReplaceAll(strings.TrimSuffix(page, ".md"), "-", "_") + "_test.go"
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
