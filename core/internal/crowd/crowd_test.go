package crowd_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gosio/gosio/core/internal/crowd"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// TestFirst: who gives way.
func TestFirst(t *testing.T) {
	t.Parallel()
	type member struct {
		address string
		size    int64
	}
	for _, tt := range []struct {
		name    string
		members []member
		want    []int // by their numbers, one after another
	}{
		{"nobody", nil, nil},
		{"each with an address: the oldest", []member{{"a", 1}, {"b", 1}, {"c", 1}}, []int{0, 1, 2}},
		{"one address: the oldest", []member{{"a", 1}, {"a", 9}, {"a", 1}}, []int{0, 1, 2}},
		{"most members", []member{{"a", 1}, {"b", 1}, {"b", 1}, {"b", 1}, {"c", 1}}, []int{1, 2, 0, 3, 4}},
		{"largest members", []member{{"a", 1}, {"a", 1}, {"b", 3}, {"c", 1}}, []int{2, 0, 1, 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var c crowd.Crowd[int]
			for i, m := range tt.members {
				c.Add(m.address, i, m.size)
			}
			var got []int
			for m := c.First(); m != nil; m = c.First() {
				got = append(got, m.Value)
				c.Remove(m)
			}
			assert.Equal(t, "in turn", fmt.Sprint(got), fmt.Sprint(tt.want))
			assert.Equal(t, "size at the end", c.Size(), 0)
		})
	}
}

// TestModel compares a Crowd with a list that is searched, after random steps.
func TestModel(t *testing.T) {
	t.Parallel()
	type entry struct {
		m       *crowd.Member[int]
		address string
		size    int64
	}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's
		var c crowd.Crowd[int]
		var all []entry // the oldest first
		for step := range 400 {
			switch n := r.IntN(10); {
			case n < 5 || len(all) == 0:
				e := entry{address: fmt.Sprint(r.IntN(6)), size: r.Int64N(5)}
				e.m = c.Add(e.address, step, e.size)
				all = append(all, e)
			case n < 7:
				e := &all[r.IntN(len(all))]
				e.size = r.Int64N(9)
				c.Resize(e.m, e.size)
			default:
				i := r.IntN(len(all))
				c.Remove(all[i].m)
				all = slices.Delete(all, i, i+1)
			}
			sizes, total := make(map[string]int64), int64(0)
			for _, e := range all {
				sizes[e.address] += e.size
				total += e.size
			}
			want := -1
			var most int64
			for _, e := range all { // the first of those with most is the oldest
				if want < 0 || sizes[e.address] > most {
					want, most = e.m.Value, sizes[e.address]
				}
			}
			got := -1
			if m := c.First(); m != nil {
				got = m.Value
			}
			if got != want || c.Size() != total {
				t.Fatalf("seed %d, step %d: %d gives way, want %d; size %d, want %d", seed, step, got, want, c.Size(), total)
			}
		}
	}
}
