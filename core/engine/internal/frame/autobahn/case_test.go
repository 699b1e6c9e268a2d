package autobahn_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
)

// TestCasesComplete compares the numbers of cases with the suite's.
func TestCasesComplete(t *testing.T) {
	t.Parallel()
	want := map[string]int{"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1}
	got := map[string]int{}
	seen := map[string]bool{}
	for _, c := range autobahn.Cases() {
		if seen[c.ID] {
			t.Errorf("case %s is there twice", c.ID)
		}
		seen[c.ID] = true
		group, _, _ := strings.Cut(c.ID, ".")
		got[group]++
	}
	for group, n := range want {
		if got[group] != n {
			t.Errorf("group %s has %d cases, want %d", group, got[group], n)
		}
	}
	if len(seen) != 301 {
		t.Errorf("%d cases, want 301", len(seen))
	}
}

// TestDeflatesComplete does so for the compression cases.
func TestDeflatesComplete(t *testing.T) {
	t.Parallel()
	got := map[string]int{}
	seen := map[string]bool{}
	for _, c := range autobahn.Deflates() {
		if seen[c.ID] {
			t.Errorf("case %s is there twice", c.ID)
		}
		seen[c.ID] = true
		group, _, _ := strings.Cut(c.ID, ".")
		got[group]++
		if c.Size < 16 || c.Count != 1000 || c.Binary == utf8.ValidString(c.Data()) && !strings.HasPrefix(c.ID, "12.3.") {
			t.Errorf("case %s: %+v", c.ID, c)
		}
		if a, b := c.Message(0), c.Message(c.Count-1); len(a) != c.Size || len(b) != c.Size || a == b {
			t.Errorf("case %s: messages of %d and %d bytes", c.ID, len(a), len(b))
		}
	}
	if got["12"] != 90 || got["13"] != 126 || len(seen) != 216 {
		t.Errorf("%v cases, want 90 and 126", got)
	}
}
