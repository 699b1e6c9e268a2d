package main

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"whole", "# a\nfile: f.go\ntest: ./x -run Y\n- one\n-   two\n+ \tthree\n", ""},
		{"no name", "file: f.go\n", "line 1: no entry has begun"},
		{"unknown key", "# a\nfiles: f.go\n", `line 2: "files:" is no part of an entry`},
		{"no test", "# a\nfile: f.go\n- x\n", `mutant "a": file, test or the text to replace is missing`},
		{"nothing to replace", "# a\nfile: f.go\ntest: ./x\n+ x\n", `mutant "a": file, test or the text to replace is missing`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(tt.text)
			if message(err) != tt.want {
				t.Fatalf("parse: %v, want %q", err, tt.want)
			}
			if err == nil && (len(got) != 1 || strings.Join(got[0].from, "|") != "one|two" || got[0].to[0] != "\tthree") {
				t.Errorf("parse: %+v", got)
			}
		})
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	m := mutant{from: []string{"b", "c"}, to: []string{"X"}}
	tests := []struct{ name, in, want, err string }{
		{"once", "a b c d", "a X d", ""},
		{"at the end", "a b c", "a X", ""},
		{"gone", "a b d", "", "its text is gone: bring the list up to date"},
		{"twice", "b c b c", "", "its text stands more than once, in lines 1 and 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := m.apply(strings.Fields(tt.in))
			if message(err) != tt.err || strings.Join(got, " ") != tt.want {
				t.Errorf("apply: %q, %v", got, err)
			}
		})
	}
}

func TestPart(t *testing.T) {
	t.Parallel()
	all := make([]mutant, 10)
	for i := range all {
		all[i].name = string(rune('a' + i))
	}
	for share, want := range map[int][2]int{1: {10, 10}, 3: {3, 4}, 10: {1, 1}} {
		some, err := part(all, share)
		if err != nil || len(some) < want[0] || len(some) > want[1] {
			t.Errorf("part of %d: %d entries, %v, want %d to %d", share, len(some), err, want[0], want[1])
		}
		again, _ := part(all, share)
		if len(again) != len(some) || again[0].name != some[0].name {
			t.Errorf("part of %d: not the same the second time", share)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
