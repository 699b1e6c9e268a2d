package model

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

var (
	seeds = flag.Int("seeds", 60, "how many seeds to try in virtual time, and a tenth of them on real sockets")
	first = flag.Uint64("first", 0, "the first seed")
	only  = flag.Int64("seed", -1, "the one seed to try")
)

// TestModel lets seeded scenarios happen in virtual time.
func TestModel(t *testing.T) {
	t.Parallel()
	try(t, *seeds, false)
}

// TestModelReal lets some of them happen on real sockets.
func TestModelReal(t *testing.T) {
	t.Parallel()
	try(t, (*seeds+9)/10, true)
}

func try(t *testing.T, n int, real bool) {
	from, to := *first, *first+uint64(n)
	if *only >= 0 {
		from, to = uint64(*only), uint64(*only)+1
	}
	var next atomic.Uint64
	var failed atomic.Bool
	next.Store(from)
	for i := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for seed := next.Add(1) - 1; seed < to && !failed.Load(); seed = next.Add(1) - 1 {
				s := generate(seed, real)
				var complaints []string
				t.Run(fmt.Sprint(seed), func(t *testing.T) { complaints = s.run(t, real) })
				if len(complaints) > 0 {
					failed.Store(true)
					s, complaints = shrink(t, s, real, complaints)
					t.Errorf("%s\n%s", strings.Join(complaints, "\n"), s)
				}
			}
		})
	}
}

// shrink leaves out operations, and clients, as long as something is still wrong.
func shrink(t *testing.T, s scenario, real bool, complaints []string) (scenario, []string) {
	runs := 200
	fails := func(s scenario) bool {
		for range 3 { // what two goroutines do at once differs from run to run
			if runs--; runs < 0 {
				return false
			}
			var found []string
			t.Run("smaller", func(t *testing.T) { found = s.run(t, real) })
			if len(found) > 0 {
				complaints = found
				return true
			}
		}
		return false
	}
	for size := len(s.ops); size > 0; size /= 2 {
		for at := 0; at+size <= len(s.ops); {
			smaller := s
			smaller.ops = slices.Delete(slices.Clone(s.ops), at, at+size)
			if fails(smaller) {
				s = smaller
			} else {
				at += size
			}
		}
	}
	for s.clients > 1 {
		smaller := s
		smaller.clients--
		smaller.ops = slices.DeleteFunc(slices.Clone(s.ops), func(o op) bool { return o.client >= smaller.clients })
		if !fails(smaller) {
			break
		}
		s = smaller
	}
	return s, complaints
}
