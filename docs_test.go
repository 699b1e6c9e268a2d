package gosio_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What a page of docs/ says about the Go in it, in comments that readers of
// the page do not see:
//
//	<!-- compiled with … -->                what the page's fragments are compiled with
//	<!-- integrations/x/y.go docs:a+b -->   the next block is two parts of that file, each from
//	                                        a line "// docs:a" or "# docs:a" to the next that
//	                                        begins so; of files in other languages, too
var (
	prelude = regexp.MustCompile(`(?s)<!-- compiled with\n(.*?)-->`)
	block   = regexp.MustCompile("(?s)(?:<!-- (\\S+\\.go) docs:(\\S+) -->\n)?```go\n(.*?)```")
	quotes  = regexp.MustCompile("(?s)<!-- (\\S+\\.(?:mjs|tsx?|vue|py)) docs:(\\S+) -->\n```\\w+\n(.*?)```")
	defines = regexp.MustCompile(`(?m)^(\w+(?:, \w+)*) := `)
)

// TestDocs builds the Go in docs/: programs verbatim, as a user would; each
// fragment as a function, with the page's prelude; and holds parts of files to
// those files.
func TestDocs(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	guides, err := filepath.Glob("docs/howto/*.md")
	if err != nil || len(guides) == 0 {
		t.Fatalf("no guides: %v", err)
	}
	pages = append(pages, guides...)
	dir := scratchModule(t)
	var programs, fragments, parts int
	for _, page := range pages {
		if _, err := os.Stat(strings.ReplaceAll(strings.TrimSuffix(page, ".md"), "-", "_") + "_test.go"); err == nil {
			continue // a page with tests of its own: see docs/pages_test.go
		}
		if page == "docs/tutorial.md" || page == "docs/frameworks.md" {
			continue // whole files: see tutorial_test.go, readme_test.go
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range quotes.FindAllSubmatch(text, -1) {
			parts++
			samePart(t, page, string(m[1]), string(m[2]), string(m[3]))
		}
		var body []string
		for _, m := range block.FindAllSubmatch(text, -1) {
			switch file, code := string(m[1]), string(m[3]); {
			case file != "":
				parts++
				samePart(t, page, file, string(m[2]), code)
			case strings.HasPrefix(code, "package main"):
				programs++
				write(t, dir, fmt.Sprintf("program%d/main.go", programs), code)
			default:
				fragments++
				body = append(body, function(code, fragments))
			}
		}
		if len(body) == 0 {
			continue
		}
		with := prelude.FindSubmatch(text)
		if with == nil {
			t.Errorf("%s has fragments of Go, and nothing says what they are compiled with", page)
			continue
		}
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		write(t, dir, name+"/page.go", "package page\n\n"+string(with[1])+"\n"+strings.Join(body, "\n"))
	}
	if programs < 1 || fragments < 8 || parts < 12 {
		t.Errorf("found %d programs, %d fragments and %d parts of files: have they gone?", programs, fragments, parts)
	}
	vetScratch(t, dir)
}

// function makes a fragment one that compiles: paragraphs that declare stay as
// they are, all others get a function around them, which uses what they define.
func function(code string, n int) string {
	var declarations, statements strings.Builder
	for _, paragraph := range strings.Split(code, "\n\n") {
		out := &statements
		if _, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+paragraph, parser.SkipObjectResolution); err == nil {
			out = &declarations
		}
		out.WriteString(strings.TrimSuffix(paragraph, "\n") + "\n\n")
	}
	if statements.Len() == 0 {
		return declarations.String()
	}
	for _, m := range defines.FindAllStringSubmatch(statements.String(), -1) {
		for _, name := range strings.Split(m[1], ", ") {
			if name != "_" {
				fmt.Fprintf(&statements, "_ = %s\n", name)
			}
		}
	}
	return fmt.Sprintf("%sfunc fragment%d() {\n%s}\n", declarations.String(), n, statements.String())
}

// samePart compares a block with a part of a file; the file's own module
// compiles it.
func samePart(t *testing.T, page, file, name, code string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Errorf("%s: %v", page, err)
		return
	}
	var want string
	for _, name := range strings.Split(name, "+") {
		part := partOf(string(text), name)
		if part == "" {
			t.Errorf("%s: %s has no part %q", page, file, name)
		}
		want += part
	}
	if code != want {
		t.Errorf("%s: the block is not what %s has as %q:\n%s\nwant:\n%s", page, file, name, code, want)
	}
}

// partOf returns a part of a file, without the indentation of its first line.
func partOf(text, name string) string {
	var part strings.Builder
	indent, inside := "", false
	for line := range strings.Lines(text) {
		if mark, ok := strings.CutPrefix(strings.Replace(strings.TrimSpace(line), "# docs:", "// docs:", 1), "// docs:"); ok {
			inside = mark == name
			continue
		}
		if !inside {
			continue
		}
		if part.Len() == 0 {
			indent = line[:len(line)-len(strings.TrimLeft(line, "\t"))]
		}
		part.WriteString(strings.TrimPrefix(line, indent))
	}
	return part.String()
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
