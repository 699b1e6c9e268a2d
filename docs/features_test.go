package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The reasons that a feature may have instead of tests, and what such a row
// has to be about.
var reasons = map[string]*regexp.Regexp{
	"*Node's own:*": regexp.MustCompile(`uWebSockets|Bun|wsEngine|[Aa]ttach|@socket\.io/sticky`),
	"*Not yet:*":    regexp.MustCompile(`Redis`),
}

// TestFeatures reads the table of features: each row names tests that exist,
// or one of the reasons.
func TestFeatures(t *testing.T) {
	t.Parallel()
	rows := table(t, "features.md")
	if len(rows) < 69 {
		t.Errorf("%d features: the reference has at least 69", len(rows))
	}
	ref := regexp.MustCompile("`([^`]+)`")
	for _, row := range rows {
		if len(row) != 2 || row[0] == "" {
			t.Errorf("a row is not feature and tests: %q", row)
			continue
		}
		feature, proof := row[0], row[1]
		if mark, _, _ := strings.Cut(proof, " "); strings.HasPrefix(mark, "*") {
			mark, why, _ := strings.Cut(proof, ":*")
			if of := reasons[mark+":*"]; of == nil || len(why) < 20 || !of.MatchString(feature+why) {
				t.Errorf("%s: that is no reason to have no test: %s", feature, proof)
			}
			continue
		}
		refs := ref.FindAllStringSubmatch(proof, -1)
		if len(refs) == 0 || strings.Trim(ref.ReplaceAllString(proof, ""), ", ") != "" {
			t.Errorf("%s: names no test: %s", feature, proof)
		}
		for _, m := range refs {
			if why := missing(t, m[1]); why != "" {
				t.Errorf("%s: %s: %s", feature, m[1], why)
			}
		}
	}
}

// missing says what is wrong with the name of a test, if anything is.
func missing(t *testing.T, name string) string {
	if file, title, ok := strings.Cut(name, ": "); ok {
		source, err := os.ReadFile("../conformance/" + file + ".mjs")
		if err != nil {
			return "there is no such file"
		}
		if !strings.Contains(string(source), "\n  "+`"`+title+`": async (`) {
			return "there is no such case"
		}
		return ""
	}
	folder, test, ok := strings.Cut(name, ".")
	if !ok || !strings.HasPrefix(test, "Test") {
		return "that is not package.Test"
	}
	files, err := filepath.Glob("../" + folder + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.Contains(read(t, file), "\nfunc "+test+"(t *testing.T)") {
			return ""
		}
	}
	return "there is no such test"
}

// table returns the cells of all rows of all tables of a page, without heads.
func table(t *testing.T, page string) [][]string {
	t.Helper()
	return tableOf(read(t, page))
}

// tableOf returns the rows of all tables of a text.
func tableOf(text string) [][]string {
	var rows [][]string
	head := true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
			head = true
		case strings.HasPrefix(line, "|--"):
			head = false
		case !head:
			cells := strings.Split(line[1:len(line)-1], "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	return rows
}
