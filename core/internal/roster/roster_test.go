package roster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type member struct {
	id   string
	seat Seat[*member]
}

// crowd returns n members, the first `in` of which are in "room".
func crowd(n, in int) (*Index[*member], []*member) {
	x := New(func(m *member) *Seat[*member] { return &m.seat })
	all := make([]*member, n)
	for i := range all {
		all[i] = &member{id: fmt.Sprint("id", i)}
		x.Add(all[i].id, all[i])
		if i < in {
			x.Join(all[i], "room")
		}
	}
	return &x, all
}

// TestPlaces: with few rooms and with many, a member's memberships and the members of
// rooms tell of each other, whatever is joined and left.
func TestPlaces(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	x, all := crowd(4, 0)
	want := make([]map[string]bool, len(all))
	for i := range want {
		want[i] = map[string]bool{}
	}
	somebody := func(name string) bool {
		return slices.ContainsFunc(want, func(in map[string]bool) bool { return in[name] })
	}
	for step := range 4000 {
		i := random.IntN(len(all))
		m, name := all[i], fmt.Sprint("r", random.IntN(Indexed*4))
		if full := step/500%2 == 0; full == (random.IntN(4) > 0) { // grows, then shrinks, over the border
			if !m.seat.Has(name) {
				assert.Equal(t, "created", x.Join(m, name), !somebody(name))
			}
			want[i][name] = true
		} else {
			was := want[i][name]
			delete(want[i], name)
			left, deleted := x.Leave(m, name)
			assert.Equal(t, "left", left, was)
			assert.Equal(t, "deleted", deleted, was && !somebody(name))
		}
		assert.Equal(t, "rooms", m.seat.Len(), len(want[i]))
		if m.seat.places == nil {
			assert.True(t, "few", len(m.seat.in) <= Indexed)
		} else {
			assert.Equal(t, "index", len(m.seat.places), len(m.seat.in))
			assert.True(t, "many", len(m.seat.in) > Indexed/2)
		}
		for at, in := range m.seat.in {
			assert.True(t, "wanted", want[i][in.room.name])
			assert.Equal(t, "place", m.seat.place(in.room.name), at)
			assert.True(t, "member", in.room.members[in.index] == m)
		}
	}
	for _, m := range all {
		names := m.seat.Rooms()
		var left []string
		for x.LeaveSome(m, 7, func(name string, _ bool) { left = append(left, name) }) {
			assert.True(t, "in time", len(left) <= len(names))
		}
		assert.Equal(t, "left", left, names)
		assert.Equal(t, "index", len(m.seat.places), 0)
	}
	_, rooms := x.Count()
	assert.Equal(t, "rooms left", rooms, 0)
}

// TestLeavingTouchesFew guards without a clock what a count can guard: that leaving
// moves one other member at most, and that neither leaving nor joining allocates more
// when there are more members. That none is looked at in vain only BenchmarkJoinLeave of
// the core shows.
func TestLeavingTouchesFew(t *testing.T) {
	allocations := map[int]float64{}
	for _, n := range []int{10, 10_000} {
		x, all := crowd(n, n)
		places := func() map[*member]int {
			m := make(map[*member]int, n)
			for _, one := range all {
				for _, in := range one.seat.in {
					m[one] = in.index
				}
			}
			return m
		}
		for _, i := range []int{0, n / 2, n - 1} {
			before := places()
			x.Leave(all[i], "room")
			after, moved := places(), 0
			for m, place := range after {
				if before[m] != place {
					moved++
				}
			}
			if moved > 1 || len(after) != n-1 {
				t.Errorf("number %d of %d left: %d others moved, %d are in the room", i, n, moved, len(after))
			}
			x.Join(all[i], "room")
		}
		i := 0
		allocations[n] = testing.AllocsPerRun(1000, func() {
			i++
			x.Leave(all[i*7919%n], "room")
			x.Join(all[i*7919%n], "room")
		})
	}
	if allocations[10_000] > allocations[10] {
		t.Errorf("allocations by the number of members: %v", allocations)
	}
}

// TestFind: each member once, also one that is in several rooms, or whose id is a
// room's name; what is excluded may be an id, a room, both, or nothing.
func TestFind(t *testing.T) {
	t.Parallel()
	x, all := crowd(5, 3)  // "room" has 0, 1, 2
	x.Join(all[2], "ring") // and "ring" has 2, 3
	x.Join(all[3], "ring")
	x.Join(all[1], "id2") // a room of the name of another member's own
	x.Join(all[2], "id2")
	for _, c := range []struct {
		rooms, except []string
		want          string
	}{
		{nil, nil, "0 1 2 3 4"},
		{[]string{"room"}, nil, "0 1 2"},
		{[]string{"nobody's"}, nil, ""},
		{[]string{"room", "ring"}, nil, "0 1 2 3"},
		{[]string{"room", "room"}, nil, "0 1 2"},
		{[]string{"id4"}, nil, "4"},
		{[]string{"id2"}, nil, "1 2"},
		{[]string{"id2", "room"}, nil, "0 1 2"},
		{nil, []string{"id0"}, "1 2 3 4"},
		{nil, []string{"id2"}, "0 3 4"},
		{nil, []string{"room", "id4", "nobody's"}, "3"},
		{[]string{"room"}, []string{"ring"}, "0 1"},
		{[]string{"room", "ring"}, []string{"id0", "id1", "id2", "id3", "id4", "room"}, ""},
		{[]string{"id0"}, []string{"room"}, ""},
	} {
		var got []string
		for _, m := range x.Find(c.rooms, c.except, nil) {
			got = append(got, m.id[2:])
		}
		slices.Sort(got)
		if len(c.rooms) == 1 && c.except == nil {
			assert.Equal(t, "any in "+c.rooms[0], x.Any(c.rooms[0]), c.want != "")
		}
		assert.Equal(t, fmt.Sprint(c.rooms, " but ", c.except), fmt.Sprint(got), "["+c.want+"]")
	}
}

// TestRemove: one that has another's id takes it from nobody.
func TestRemove(t *testing.T) {
	t.Parallel()
	x, all := crowd(2, 2)
	x.Add("id0", all[1])
	assert.True(t, "not removed", !x.Remove("id0", all[0]))
	m, ok := x.Member("id0")
	assert.True(t, "still there", ok && m == all[1])
	assert.True(t, "removed", x.Remove("id0", all[1]))
	_, ok = x.Member("id0")
	assert.True(t, "gone", !ok)
	members, rooms := x.Count()
	assert.Equal(t, "count", []int{members, rooms}, []int{1, 1})
	assert.Equal(t, "names", x.Names(), []string{"room"})
}
