package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The page that says what to do about each text.
const remedies = "troubleshooting.md"

// A text of ours begins with the name of its package. What is not constant in
// a text is "…" here and on the page.
var (
	ours   = regexp.MustCompile(`^(socketio|engine|parser|websocket|auth|session|ratelimit|idempotency|graceful|sioredis|clusterwire|admin|inspector|emitter|msgpack|webtransport|siofiber|siootel|sioprometheus): `)
	verb   = regexp.MustCompile(`%[-+#0-9.*]*[a-zA-Z]`)
	quoted = regexp.MustCompile("`[^`]+`")
)

// elsewhere are folders whose texts no user of the library reads in a log: those
// of test kits are failures of tests.
var elsewhere = []string{
	".git", "bench", "ci", "client", "conformance", "docs", "examples", "node_modules", "testdata",
	"siotest", "adaptertest", "mounttest", "sessiontest", "assert", "leak", "pipe", "redistest",
}

// TestTexts holds the page to the code, both ways: each text that the code can
// log, return or panic with begins with one of the page, and each text of the
// page begins one of the code.
func TestTexts(t *testing.T) {
	t.Parallel()
	said, listed := texts(t), listedTexts(t)
	if len(said) < 250 {
		t.Fatalf("found %d texts in the code: is this test blind?", len(said))
	}
	for text, file := range said {
		if !slices.ContainsFunc(listed, func(l string) bool { return strings.HasPrefix(text, l) }) {
			t.Errorf("%s has a text that %s does not name: %s", file, remedies, text)
		}
	}
	for _, l := range listed {
		found := false
		for text := range said {
			found = found || strings.HasPrefix(text, l)
		}
		if !found {
			t.Errorf("%s has a text that is not in the code: %s", remedies, l)
		}
	}
}

// TestLevels holds the table of the log's lines to the code: each warning and
// error is there at its level, and no other.
func TestLevels(t *testing.T) {
	t.Parallel()
	var listed []string
	for line := range strings.Lines(read(t, remedies)) {
		cells := strings.Split(strings.Trim(line, "|\n "), " | ")
		if len(cells) == 4 && (cells[0] == "warn" || cells[0] == "error") {
			listed = append(listed, cells[0]+" "+strings.Trim(cells[1], "`"))
		}
	}
	logged := []string{ // whose level is decided where they are logged
		"warn engine: request refused", "error engine: request refused",
		"warn engine: client broke the protocol or a limit",
	}
	eachFile(t, func(_ string, syntax *ast.File) {
		ast.Inspect(syntax, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				logged = append(logged, linesOf(call)...)
			}
			return true
		})
	})
	if len(logged) < 60 {
		t.Fatalf("found %d lines in the code: is this test blind?", len(logged))
	}
	for _, line := range logged {
		if !slices.ContainsFunc(listed, func(l string) bool { return strings.HasPrefix(line, l) }) {
			t.Errorf("the code logs, and %s does not have: %s", remedies, line)
		}
	}
	for _, line := range listed {
		if !slices.ContainsFunc(logged, func(l string) bool { return strings.HasPrefix(l, line) }) {
			t.Errorf("%s has, and the code does not log: %s", remedies, line)
		}
	}
}

// TestRefusals: the page names what clients are told, and what the log and
// OnRefused say of a request.
func TestRefusals(t *testing.T) {
	t.Parallel()
	var listed []string
	for line := range strings.Lines(read(t, remedies)) { // one at a time: fences of code have backticks, too
		for _, cell := range quoted.FindAllString(line, -1) {
			listed = append(listed, strings.Trim(cell, "`"))
		}
	}
	found := 0
	check := func(file, text string) {
		found++
		if !slices.ContainsFunc(listed, func(l string) bool { return strings.HasPrefix(text, l) }) {
			t.Errorf("%s has %q, which %s does not name", file, text, remedies)
		}
	}
	eachFile(t, func(file string, syntax *ast.File) {
		folder := filepath.Dir(file)
		ast.Inspect(syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				key, _ := n.Key.(*ast.Ident)
				if key == nil || !slices.Contains([]string{"core", "core/engine", "auth", "session"}, folder) {
					return true
				}
				if text := flat(n.Value); (key.Name == "Context" || key.Name == "Message") && strings.Trim(text, "…") != "" {
					check(file, text)
				}
			case *ast.CallExpr:
				f, _ := n.Fun.(*ast.Ident)
				switch {
				case f == nil:
				case f.Name == "reject" && folder == "auth" && len(n.Args) == 2 && strings.Trim(flat(n.Args[1]), "…") != "":
					check(file, flat(n.Args[1]))
				}
			}
			return true
		})
	})
	if found < 60 {
		t.Fatalf("found %d texts in the code: is this test blind?", found)
	}
}

// texts returns every text of ours that the code has, and a file that has it.
func texts(t *testing.T) map[string]string {
	found := map[string]string{}
	eachFile(t, func(file string, syntax *ast.File) {
		visit := func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			text := flat(e)
			if call, ok := n.(*ast.CallExpr); ok {
				text = breach(call)
			}
			if syntax.Name.Name == "frame" {
				if lit, ok := n.(*ast.CompositeLit); ok && len(lit.Elts) == 2 && flat(lit.Elts[1]) != "…" {
					text = "websocket: " + flat(lit.Elts[1])
				}
			}
			if m := ours.FindString(text); m != "" && strings.ContainsFunc(text[len(m):], isLetter) {
				found[text] = file
			}
			_, sum := n.(*ast.BinaryExpr)
			return !sum || !strings.HasPrefix(text, "socketio: ") && ours.FindString(text) == "" // its parts are no texts of their own
		}
		ast.Inspect(syntax, visit)
	})
	return found
}

// breach is the text of what a client has broken, which the engine writes
// without its name.
func breach(call *ast.CallExpr) string {
	f, _ := call.Fun.(*ast.Ident)
	switch {
	case f == nil:
	case f.Name == "breach" && len(call.Args) == 1:
		return "engine: " + flat(call.Args[0])
	case f.Name == "fail" && len(call.Args) >= 2 && strings.HasPrefix(flat(call.Args[0]), "…"):
		if text := flat(call.Args[1]); text != "…" {
			return "engine: " + text
		}
	}
	return ""
}

// linesOf returns the level and the message that a call logs, if it is a call
// for a warning or an error.
func linesOf(call *ast.CallExpr) (lines []string) {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	level := map[string]string{"Warn": "warn", "Error": "error"}[f.Sel.Name]
	for _, arg := range call.Args {
		if l, ok := arg.(*ast.SelectorExpr); ok {
			switch l.Sel.Name {
			case "LevelWarn":
				level = "warn"
			case "LevelError":
				level = "error"
			}
		}
		if text := flat(arg); level != "" && ours.MatchString(text) {
			lines = append(lines, level+" "+text)
		}
	}
	return lines
}

// flat is the text of an expression, with "…" for what is no constant.
func flat(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return flat(e.X)
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return flat(e.X) + flat(e.Y)
		}
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ := strconv.Unquote(e.Value) // it is one
			return verb.ReplaceAllString(text, "…")
		}
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" && len(e.Args) > 0 {
			return flat(e.Args[0])
		}
	}
	return "…"
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// listedTexts returns the texts of ours in the page's tables.
func listedTexts(t *testing.T) (listed []string) {
	for line := range strings.Lines(read(t, remedies)) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		for _, cell := range quoted.FindAllString(line, -1) {
			if text := strings.Trim(cell, "`"); ours.MatchString(text) {
				listed = append(listed, text)
			}
		}
	}
	return listed
}

// eachFile parses the files of the library, of its nested modules, too.
func eachFile(t *testing.T, f func(file string, syntax *ast.File)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != ".." && slices.Contains(elsewhere, d.Name()):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err == nil {
			f(filepath.ToSlash(path[len("../"):]), syntax)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
