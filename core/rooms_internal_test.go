package socketio

import (
	"fmt"
	"runtime"
	"testing"
)

// Sockets without a connection: a hundred thousand of them are quickly made,
// and joining and leaving use none.

// crowd puts n connected sockets into a namespace, the first `members` of them
// into a room.
func crowd(tb testing.TB, n, members int) []*Socket {
	tb.Helper()
	srv := NewServer(nil)
	tb.Cleanup(srv.Close)
	ns := srv.Of("/")
	sockets := make([]*Socket, n)
	for i := range sockets {
		s := newSocket(ns, &conn{}, nil)
		s.state.Store(connected)
		ns.rooms.add(s)
		sockets[i] = s
		if i < members {
			moveIn(tb, s)
		}
	}
	runtime.GC() // not while the benchmark runs
	return sockets
}

func moveIn(tb testing.TB, s *Socket) {
	if err := s.Join("room"); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkJoinLeave is one of ten members leaving the room and joining it
// again, by the number of members ("room") and of other sockets in the
// namespace ("namespace"). "anywhere" is any of the members, and "connect" any
// socket leaving the namespace and joining it: these grow with what a cache
// does not hold any more.
func BenchmarkJoinLeave(b *testing.B) {
	for _, n := range []int{10, 1000, 100_000} {
		rejoin := func(b *testing.B, members, among int) {
			sockets := crowd(b, n, members)[:among]
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s := sockets[i*7919%among]
				s.Leave("room")
				moveIn(b, s)
			}
		}
		b.Run(fmt.Sprintf("room/%d", n), func(b *testing.B) { rejoin(b, n, 10) })
		b.Run(fmt.Sprintf("anywhere/%d", n), func(b *testing.B) { rejoin(b, n, n) })
		b.Run(fmt.Sprintf("namespace/%d", n), func(b *testing.B) { rejoin(b, 10, 10) })
		b.Run(fmt.Sprintf("connect/%d", n), func(b *testing.B) {
			sockets := crowd(b, n, n)
			rooms := &sockets[0].ns.rooms
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s := sockets[i*7919%len(sockets)]
				rooms.remove(s)
				rooms.add(s)
				moveIn(b, s)
			}
		})
	}
}

// TestJoinLeaveTouchesFew guards without a clock what a count can guard: that
// leaving moves one other member at most, and that neither leaving nor joining
// allocates more when there are more sockets. That none is looked at in vain
// only BenchmarkJoinLeave shows.
func TestJoinLeaveTouchesFew(t *testing.T) {
	allocations := map[int]float64{}
	for _, n := range []int{10, 10_000} {
		sockets := crowd(t, n, n)
		places := func() map[*Socket]int {
			m := make(map[*Socket]int, n)
			for _, s := range sockets {
				for _, in := range s.in {
					m[s] = in.index
				}
			}
			return m
		}
		for _, i := range []int{0, n / 2, n - 1} {
			before := places()
			sockets[i].Leave("room")
			after, moved := places(), 0
			for s, place := range after {
				if before[s] != place {
					moved++
				}
			}
			if moved > 1 || len(after) != n-1 {
				t.Errorf("number %d of %d left: %d others moved, %d are in the room", i, n, moved, len(after))
			}
			moveIn(t, sockets[i])
		}
		i := 0
		allocations[n] = testing.AllocsPerRun(1000, func() {
			i++
			sockets[i*7919%n].Leave("room")
			moveIn(t, sockets[i*7919%n])
		})
	}
	if allocations[10_000] > allocations[10] {
		t.Errorf("allocations by the number of members: %v", allocations)
	}
}
