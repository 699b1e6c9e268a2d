package socketio

import (
	"fmt"
	"runtime"
	"testing"
)

// Sockets without a connection: a hundred thousand of them are quickly made,
// and joining and leaving use none.

// inRoom puts n connected sockets into a namespace, the first `members` of them
// into a room.
func inRoom(tb testing.TB, n, members int) []*Socket {
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
			sockets := inRoom(b, n, members)[:among]
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
			sockets := inRoom(b, n, n)
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

// BenchmarkRoomMemory is what one membership of a socket in a room takes, in bytes, the
// names of the rooms left out.
func BenchmarkRoomMemory(b *testing.B) {
	for _, size := range []struct {
		name           string
		sockets, rooms int // of each socket
		shared         bool
	}{
		{"one room of 10,000", 10_000, 1, true},
		{"one room of 100,000", 100_000, 1, true},
		{"100,000 rooms of one", 100_000, 1, false},
		{"1,000 rooms of 1,000", 1000, 1000, true},
		{"1,000 rooms of one for each of 1,000", 1000, 1000, false},
	} {
		b.Run(size.name, func(b *testing.B) {
			names := make([][]string, size.sockets)
			for i := range names {
				if names[i] = names[0]; i == 0 || !size.shared {
					names[i] = make([]string, size.rooms)
					for j := range names[i] {
						names[i][j] = fmt.Sprintf("room-%d-%d", i, j)
					}
				}
			}
			for b.Loop() {
				b.StopTimer()
				sockets := inRoom(b, size.sockets, 0)
				before := live()
				b.StartTimer()
				for i, s := range sockets {
					if err := s.Join(names[i]...); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				b.ReportMetric(float64(live()-before)/float64(size.sockets*size.rooms), "bytes/membership")
				runtime.KeepAlive(sockets)
				b.StartTimer()
			}
		})
	}
}

// live is the heap that is in use.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
