package autobahn_test

import (
	"strings"
	"testing"

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
