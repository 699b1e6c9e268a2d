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
