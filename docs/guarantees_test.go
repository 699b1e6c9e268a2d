package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestGuarantees reads the table of docs/delivery.md: for all that can be killed it says
// what is kept and what is lost, and names tests that exist.
func TestGuarantees(t *testing.T) {
	t.Parallel()
	ref := regexp.MustCompile("`([^`]+)`")
	killed := map[string]bool{}
	for _, row := range table(t, "delivery.md") {
		if len(row) != 4 || row[0] == "" || row[1] == "" || row[2] == "" {
			t.Errorf("a row is not killed, kept, lost and tests: %q", row)
			continue
		}
		words := strings.Fields(strings.NewReplacer(",", "").Replace(row[0]))
		killed[words[1]] = true // behind the article
		refs := ref.FindAllStringSubmatch(row[3], -1)
		if len(refs) == 0 || strings.Trim(ref.ReplaceAllString(row[3], ""), ", ") != "" {
			t.Errorf("%s: names no test: %s", row[0], row[3])
		}
		for _, m := range refs {
			if why := missing(t, m[1]); why != "" {
				t.Errorf("%s: %s: %s", row[0], m[1], why)
			}
		}
	}
	for _, what := range []string{"client", "node", "network", "engine", "process"} {
		if !killed[what] {
			t.Errorf("no row says what is lost when a %s is killed", what)
		}
	}
}
