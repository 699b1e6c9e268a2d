package socketio

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gosio/gosio/internal/assert"
)

// TestPlaces: with few rooms and with many, a socket's memberships and the
// members of rooms tell of each other, whatever is joined and left.
func TestPlaces(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	sockets := crowd(t, 4, 0)
	rs := &sockets[0].ns.rooms
	want := make([]map[string]bool, len(sockets))
	for i := range want {
		want[i] = map[string]bool{}
	}
	for step := range 4000 {
		i := random.IntN(len(sockets))
		name := fmt.Sprint("r", random.IntN(indexed*4))
		if full := step/500%2 == 0; full == (random.IntN(4) > 0) { // grows, then shrinks, over the border
			assert.NoError(t, sockets[i].Join(name))
			want[i][name] = true
		} else {
			sockets[i].Leave(name)
			delete(want[i], name)
		}
		s := sockets[i]
		names := s.Rooms()
		assert.Equal(t, "rooms", len(names), len(want[i]))
		if s.places == nil {
			assert.True(t, "few", len(s.in) <= indexed)
		} else {
			assert.Equal(t, "index", len(s.places), len(s.in))
			assert.True(t, "many", len(s.in) > indexed/2)
		}
		for at, m := range s.in {
			assert.True(t, "wanted", want[i][m.room.name])
			assert.Equal(t, "place", placeLocked(s, m.room.name), at)
			assert.True(t, "member", m.room.members[m.index] == s)
		}
	}
	for _, s := range sockets {
		for i := range 3 * atOnce { // more than are left at once
			assert.NoError(t, s.Join(fmt.Sprint("more", i)))
		}
		names := s.Rooms()
		s.state.Store(disconnected)
		s.leaveAll()
		assert.Equal(t, "was in", s.Rooms(), names)
		assert.Equal(t, "index", len(s.places), 0)
	}
	assert.Equal(t, "rooms left", len(rs.rooms), 0)
}

// TestEarlyRooms: rooms that middleware joins and leaves, few and many.
func TestEarlyRooms(t *testing.T) {
	t.Parallel()
	s := crowd(t, 1, 0)[0]
	s.state.Store(connecting)
	var names []string
	for i := range 3 * indexed {
		names = append(names, fmt.Sprint(i))
		assert.NoError(t, s.Join(names[i], names[i/2]))
	}
	assert.Equal(t, "joined", s.Rooms(), names)
	s.Leave(names[5:]...)
	assert.Equal(t, "left", s.Rooms(), names[:5])
	assert.NoError(t, s.Join(names...))
	s.Leave(names[0])
	assert.NoError(t, s.Join(names...))
	assert.Equal(t, "again", s.Rooms(), append(slices.Clone(names[1:]), names[0]))
	s.ns.srv.opts.Limits.Rooms = len(names)
	assert.ErrorIs(t, s.Join("one more"), ErrTooManyRooms)
	assert.NoError(t, s.Join(names[3]))
}

// BenchmarkManyRooms is a socket joining and leaving so many rooms, per room: the
// cost must not grow with their number.
func BenchmarkManyRooms(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprint("room-", i)
		}
		for how, leave := range map[string]func(s *Socket){
			"leave": func(s *Socket) { s.Leave(names...) }, "disconnect": func(s *Socket) { s.leaveAll(); s.rooms = nil },
		} {
			b.Run(fmt.Sprintf("%s/%d", how, n), func(b *testing.B) {
				sockets := crowd(b, 2, 0)
				assert.NoError(b, sockets[1].Join(names...)) // takes the place of the other
				for b.Loop() {
					assert.NoError(b, sockets[0].Join(names...))
					leave(sockets[0])
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/room")
			})
		}
	}
}
