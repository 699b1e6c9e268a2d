package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"whole", "# a\nfile: f.go\ntest: ./x -run Y\n- one\n-   two\n+ \tthree\n", ""},
		{"no name", "file: f.go\n", "line 1: no entry has begun"},
		{"unknown key", "# a\nfiles: f.go\n", `line 2: "files:" is no part of an entry`},
		{"no test", "# a\nfile: f.go\n- x\n", `mutant "a": file, test or the text to replace is missing`},
		{"nothing to replace", "# a\nfile: f.go\ntest: ./x\n+ x\n", `mutant "a": file, test or the text to replace is missing`},
		{"no folder", "# a\ntest: -run Y\n", `line 2: "-run Y" does not begin with a folder`},
		{"another flag", "# a\ntest: ./x -short\n", "line 2: flag provided but not defined: -short"},
		{"a second folder", "# a\ntest: ./x -run Y ./y\n", `line 2: "./y" is no flag`},
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

func TestParseTests(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]tests{
		"./x":        {build{"./x", "", "-N -l", false}, selection{"", 1}, 0},
		"./x -run Y": {build{"./x", "", "-N -l", false}, selection{"Y", 1}, 0},
		"./x -race -tags=e2e -gcflags= -run ^Y$ -count=20 -timeout 5s": {
			build{"./x", "e2e", "", true}, selection{"^Y$", 20}, 5 * time.Second,
		},
	} {
		if got, err := parseTests(line); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", line, got, err, want)
		}
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

// Every entry's text stands in its file exactly once, so that make test, and not only the
// run of all mutants, notices a change that takes the text away.
func TestListed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	all, err := parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		m.file = filepath.Join("..", "..", m.file)
		if _, err := m.broken(); err != nil {
			t.Errorf("mutant %q: %v", m.name, err)
		}
	}
}

func TestPart(t *testing.T) {
	t.Parallel()
	all := make([]mutant, 10)
	for i := range all {
		all[i].name = string(rune('a' + i))
		all[i].file = all[i].name + ".go"
	}
	names := func(some []mutant) (s string) {
		for _, m := range some {
			s += m.name
		}
		return s
	}
	changed := []string{"c.go", "", "x.go", "h.go", "c.go"}
	tried := map[string]bool{}
	for commit := range 40 {
		c := choice{share: 3}
		some := names(c.part(all, strings.Repeat("x", commit), changed))
		if !strings.HasPrefix(some, "ch") || strings.Count(some, "c") != 1 {
			t.Errorf("commit %d: %s, without the changed files' or with them twice", commit, some)
		}
		if len(some) < 2+2 || len(some) > 2+3 {
			t.Errorf("commit %d: %s, no third of the others", commit, some)
		}
		if again := names(c.part(all, strings.Repeat("x", commit), changed)); again != some {
			t.Errorf("commit %d: %s, and then %s", commit, some, again)
		}
		for _, r := range some {
			tried[string(r)] = true
		}
	}
	if len(tried) != len(all) {
		t.Errorf("40 commits try %d of %d", len(tried), len(all))
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
