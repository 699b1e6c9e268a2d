package socketio

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gosio/gosio/core/internal/roster"
	"github.com/gosio/gosio/internal/assert"
)

// TestLeaveAll: a disconnect leaves more rooms than are left at once, and Rooms still
// tells them.
func TestLeaveAll(t *testing.T) {
	t.Parallel()
	s := inRoom(t, 1, 0)[0]
	for i := range 3 * atOnce {
		assert.NoError(t, s.Join(fmt.Sprint("more", i)))
	}
	names := s.Rooms()
	s.state.Store(disconnected)
	s.leaveAll()
	assert.Equal(t, "was in", s.Rooms(), names)
	assert.Equal(t, "rooms left", len(s.ns.Rooms()), 0)
}

// TestEarlyRooms: rooms that middleware joins and leaves, few and many.
func TestEarlyRooms(t *testing.T) {
	t.Parallel()
	s := inRoom(t, 1, 0)[0]
	s.state.Store(connecting)
	var names []string
	for i := range 3 * roster.Indexed {
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
				sockets := inRoom(b, 2, 0)
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
