package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestSequenceRooms: a socket moves at once, and what has been sent before finds it where it
// was.
func TestSequenceRooms(t *testing.T) {
	for _, tt := range []struct {
		name          string
		do            func(l *ledger, a *app, s *socketio.Socket)
		before, after string // what has come before and after the log has all
		rooms         string // at last
	}{
		{"leave", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = s.Join("x")
			_ = a.To("x").Emit("in")
			s.Leave("x")
			_ = a.To("x").Emit("out")
		}, "", "in", ""},
		{"leave and join", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = s.Join("x")
			_ = a.To("x").Emit("a")
			s.Leave("x")
			_ = a.To("x").Emit("b")
			_ = s.Join("x")
			_ = a.To("x").Emit("c")
		}, "", "a c", "x"},
		{"emit, then join", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = a.To("x").Emit("before")
			_ = a.Except("x").Emit("before, to others")
			_ = s.Join("x")
			_ = a.To("x").Emit("after")
			_ = a.Except("x").Emit("after, to others")
		}, "", "before, to others after", "x"},
		{"another server's in between", func(l *ledger, a *app, s *socketio.Socket) {
			_ = s.Join("x", "y")
			_ = a.To("x", "y").Emit("a")
			s.Leave("x")
			l.other("b", "0-1", "x")
			l.other("c", "0-2", "y")
		}, "c", "a", "y"},
		{"join of all, and leave", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = a.SocketsJoin("x", "y")
			_ = a.To("x").Emit("a")
			s.Leave("x")
			_ = a.To("x").Emit("b")
		}, "", "a", "y"},
		{"leave of all, and join", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = s.Join("x", "y")
			_ = a.To("x").SocketsLeave("x", "y")
			_ = a.To("x").Emit("a")
			_ = s.Join("x")
			_ = a.To("x").Emit("b")
		}, "", "b", "x"},
		{"operation on a room that was left", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = s.Join("x")
			_ = a.To("x").SocketsJoin("y")
			s.Leave("x")
		}, "", "", "y"},
		{"operation on a room that is joined", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = a.To("x").SocketsJoin("y")
			_ = s.Join("x")
		}, "", "", "x"},
		{"local and volatile", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = s.Join("x")
			_ = a.Emit("first")
			_ = a.To("x").Local().Emit("a")
			_ = a.To("x").Volatile().Emit("b")
			s.Leave("x")
			_ = a.To("x").Local().Emit("c")
		}, "", "first a b", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l, a := newLedger(t)
				c := a.dial(t)
				s := a.socket(t, c)
				tt.do(l, a, s)
				assert.Equal(t, "before", events(c), tt.before)
				for n := range l.appended {
					l.local.Placed(uint64(n+1), fmt.Sprint("1-", n))
				}
				assert.Equal(t, "after", events(c), tt.after)
				assert.Equal(t, "rooms", strings.Join(slices.Sorted(slices.Values(s.Rooms())), " "), tt.rooms)
			})
		})
	}
}

// other hands over what another server has sent to a room.
func (l *ledger) other(event, position, room string) {
	_ = l.local.Apply(&adapter.Operation{
		Type: adapter.OpBroadcast, Position: position, Target: adapter.Target{Rooms: []string{room}},
		Packet: adapter.Packet{Data: []byte(`["` + event + `"]`)},
	})
}

// TestSequenceRoomsAway: the same for those who lose their connections, before the log has
// what was sent or on its way, and come back to any server.
func TestSequenceRoomsAway(t *testing.T) {
	for _, tt := range []struct {
		name  string
		do    func(srv *socketio.Server, s *socketio.Socket)
		want  string
		rooms string
	}{
		{"leave", func(srv *socketio.Server, s *socketio.Socket) {
			_ = srv.To("x").Emit("n", 1)
			s.Leave("x")
			_ = srv.To("x").Emit("n", 2)
		}, "1", ""},
		{"leave and join", func(srv *socketio.Server, s *socketio.Socket) {
			_ = srv.To("x").Emit("n", 1)
			s.Leave("x")
			_ = srv.To("x").Emit("n", 2)
			_ = s.Join("x")
			_ = srv.To("x").Emit("n", 3)
		}, "1 3", "x"},
		{"join", func(srv *socketio.Server, s *socketio.Socket) {
			_ = srv.To("y").Emit("n", 1)
			_ = s.Join("y")
			_ = srv.To("y").Emit("n", 2)
		}, "2", "x y"},
		{"join of all, and leave", func(srv *socketio.Server, s *socketio.Socket) {
			_ = srv.SocketsJoin("y")
			_ = srv.To("y").Emit("n", 1)
			s.Leave("y")
			_ = srv.To("y").Emit("n", 2)
		}, "1", "x"},
	} {
		for _, cut := range []string{"before the log has it", "on its way"} {
			for at := range 2 {
				t.Run(fmt.Sprint(tt.name, " ", cut, at), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						servers, log := homes(t, 2, socketio.Options{})
						c := siotest.Dial(t, servers[0], siotest.Options{})
						s, _ := servers[0].Socket(c.ID())
						assert.NoError(t, s.Join("x"))
						c.Stall(true)
						mend := log.Stop()
						tt.do(servers[0], s)
						if cut == "on its way" {
							mend()
							lostAt(c)
						} else {
							lostAt(c)
							mend()
							synctest.Wait()
						}
						back := c.ResumeAt(servers[at])
						assert.True(t, "recovered", back.Recovered())
						assert.Equal(t, "events", numbersOf(back), tt.want)
						s, _ = servers[at].Socket(c.ID())
						assert.Equal(t, "rooms", strings.Join(slices.Sorted(slices.Values(s.Rooms())), " "), tt.rooms)
						assert.NoError(t, servers[1].To("y").Except("x").Emit("n", 9)) // nothing is left of it
						assert.Equal(t, "afterwards", numbersOf(back), "")
					})
				})
			}
		}
	}
}

// TestSequenceKicked: who is told to leave gets nothing of what comes after.
func TestSequenceKicked(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(a *app, s *socketio.Socket)
		want string
	}{
		{"all of a room", func(a *app, _ *socketio.Socket) {
			_ = a.To("x").Emit("before")
			_ = a.To("x").DisconnectSockets(false)
			_ = a.Emit("after")
			_ = a.To("x").Emit("after")
		}, "before"},
		{"who leaves the room first", func(a *app, s *socketio.Socket) {
			_ = a.To("x").Emit("before")
			_ = a.To("x").SocketsLeave("x")
			_ = a.To("x").Emit("to those who remain")
			s.Disconnect(false)
			_ = a.Emit("after")
		}, "before"},
		{"who was in the room", func(a *app, s *socketio.Socket) {
			_ = a.To("x").Emit("before")
			_ = a.To("x").DisconnectSockets(false)
			s.Leave("x")
			_ = a.Emit("after")
		}, "before"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l, a := newLedger(t)
				c, stays := a.dial(t), a.dial(t)
				s := a.socket(t, c)
				assert.NoError(t, s.Join("x"))
				tt.do(a, s)
				for n := range l.appended {
					l.place(n + 1)
				}
				assert.Equal(t, "of who is told to leave", events(c), tt.want)
				assert.True(t, "has left", !s.Connected())
				assert.True(t, "of who stays", strings.Contains(events(stays), "after"))
			})
		})
	}
}

// TestSequenceGoodbye: what is sent right before the connection is closed arrives.
func TestSequenceGoodbye(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, a := newLedger(t)
		c := a.dial(t)
		s := a.socket(t, c)
		assert.NoError(t, s.Emit("bye"))
		assert.NoError(t, a.To("nobody").Emit("b"))
		s.CloseTransport()
		assert.Equal(t, "before the log has it", events(c), "")
		l.place(1, 2)
		assert.Equal(t, "then", events(c), "bye")
		assert.True(t, "closed", !s.Connected())
		c = c.Resume()
		assert.True(t, "recovered", c.Recovered())
		assert.Equal(t, "once", events(c), "")

		s = a.socket(t, c)
		assert.NoError(t, s.Emit("logout"))
		assert.NoError(t, a.To("nobody").Emit("b"))
		s.EndSession()
		s.CloseTransport()
		synctest.Wait()
		assert.True(t, "closed at once", !s.Connected())
		l.place(3, 4)
		assert.Equal(t, "once", events(c), "logout")
		assert.True(t, "not recovered", !c.Resume().Recovered())
	})
}

// TestSequenceShutdown: the same for Shutdown, here and on other servers.
func TestSequenceShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers, _ := homes(t, 2, socketio.Options{})
		servers[0].OnDisconnect(func(*socketio.Socket, socketio.Reason) { _ = servers[0].Emit("left") })
		c, other := siotest.Dial(t, servers[0], siotest.Options{}), siotest.Dial(t, servers[1], siotest.Options{})
		assert.NoError(t, servers[0].Emit("bye"))
		assert.NoError(t, servers[0].Shutdown(t.Context()))
		assert.Equal(t, "here", events(c), "bye")
		assert.Equal(t, "there", events(other), "bye left")
	})
}

// TestSequenceBoundUnnumbered: what waits without a place of its own is bounded, too.
func TestSequenceBoundUnnumbered(t *testing.T) {
	for name, emit := range map[string]func(a *app, s *socketio.Socket) error{
		"volatile":  func(a *app, _ *socketio.Socket) error { return a.Volatile().Emit("a") },
		"to one":    func(_ *app, s *socketio.Socket) error { return s.Volatile().Emit("a") },
		"local":     func(a *app, _ *socketio.Socket) error { return a.Local().Emit("a") },
		"of memory": func(a *app, _ *socketio.Socket) error { return a.Local().Emit("a", strings.Repeat("x", 1700)) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				_, a := newLedger(t)
				c := a.dial(t)
				s := a.socket(t, c)
				assert.NoError(t, a.Emit("first"))
				n := 9_998
				for range n {
					if assert.NoError(t, emit(a, s)); name == "of memory" && len(c.Arrived()) > 0 {
						return
					}
				}
				assert.Equal(t, "at the bound", events(c), "")
				for range 3 {
					assert.NoError(t, emit(a, s))
				}
				assert.True(t, "above", strings.HasPrefix(events(c), "first"))
			})
		})
	}
}

// kept is a ledger that keeps sessions, too.
type kept struct {
	*ledger
	mu    sync.Mutex
	saved []*adapter.Session
	slow  bool          // does not answer
	hold  chan struct{} // answers when it is closed; nil: at once
	asked int
}

// with calls f with the lock held.
func (k *kept) with(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
}

func (k *kept) SaveSessions(_ context.Context, sessions []*adapter.Session) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.saved = append(k.saved, sessions...)
	return nil
}

func (k *kept) TakeSession(ctx context.Context, pid string) (*adapter.Session, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	if k.slow {
		k.mu.Unlock()
		<-ctx.Done()
		k.mu.Lock()
		return nil, ctx.Err()
	}
	i := slices.IndexFunc(k.saved, func(s *adapter.Session) bool { return s.PID == pid })
	if i < 0 {
		return nil, nil
	}
	s := k.saved[i]
	k.saved = slices.Delete(k.saved, i, i+1)
	if hold := k.hold; hold != nil {
		k.mu.Unlock()
		<-hold
		k.mu.Lock()
	}
	return s, nil
}

func (k *kept) Replay(context.Context, string, string, int) ([]*adapter.Operation, string, error) {
	return nil, "", adapter.ErrGap
}

func newKept(t testing.TB) (*kept, *app) {
	k := &kept{ledger: &ledger{}}
	a := newApp(t, socketio.Options{Recovery: &socketio.Recovery{}, Adapter: func(local adapter.Local) adapter.Adapter {
		k.local = local
		return k
	}})
	a.Of("/")
	k.local.Follow("e", "0")
	return k, a
}

// sessions is how many sessions are saved when a client has been lost that has got all.
func (k *kept) sessions(c *siotest.Client) int {
	lostAt(c)
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(k.saved)
	k.saved = nil
	return n
}

// TestSequenceOwed: sessions travel again as soon as the log has what its server did early,
// also if some of that is lost, or was refused.
func TestSequenceOwed(t *testing.T) {
	late := func(_ *kept, a *app) {
		_ = a.Emit("a")
		_ = a.Emit("b")
		time.Sleep(1100 * time.Millisecond)
		a.log.take()
	}
	for _, tt := range []struct {
		name string
		do   func(k *kept, a *app)
		want int
	}{
		{"nothing", func(*kept, *app) {}, 1},
		{"refused", func(k *kept, a *app) {
			k.err = errors.New("down")
			_ = a.Emit("a")
			k.err = nil
		}, 1},
		{"refused when it is late", func(k *kept, a *app) {
			late(k, a)
			k.err = errors.New("down")
			_ = a.Emit("c")
			k.err = nil
			k.place(1, 2)
			k.other("d", "5", "z")
			_ = a.Emit("e")
			k.local.Placed(4, "6")
		}, 1},
		{"late", late, 0},
		{"late, and the first is owed", func(k *kept, a *app) {
			late(k, a)
			k.local.Placed(2, "1")
			_ = a.Emit("c")
		}, 0},
		{"late, and there", func(k *kept, a *app) {
			late(k, a)
			k.place(1, 2)
			_ = a.Emit("c")
			k.place(3)
		}, 1},
		{"late, and lost", func(k *kept, a *app) {
			late(k, a)
			_ = a.Emit("c")
			k.place(3)
			_ = a.Emit("d")
			k.place(4)
		}, 1},
		{"late, and given up", func(k *kept, a *app) {
			late(k, a)
			k.local.Gap(adapter.Gap{Type: adapter.GapOutgoing, Operations: 2})
			a.log.take()
			k.other("c", "5", "")
		}, 1},
		{"a gap of what the log does not have", func(k *kept, a *app) {
			k.local.Gap(adapter.Gap{Type: adapter.GapIncoming})
			a.log.take()
			k.all("c", "5")
			k.all("d", "6")
		}, 1},
		{"the first after a gap", func(k *kept, a *app) {
			k.local.Gap(adapter.Gap{Type: adapter.GapIncoming})
			a.log.take()
			k.all("c", "5")
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				k, a := newKept(t)
				c := a.dial(t)
				tt.do(k, a)
				assert.Equal(t, "sessions that travel", k.sessions(c), tt.want)
			})
		})
	}
}

// all hands over what another server has sent to all.
func (l *ledger) all(event, position string) {
	_ = l.local.Apply(&adapter.Operation{
		Type: adapter.OpBroadcast, Position: position, Packet: adapter.Packet{Data: []byte(`["` + event + `"]`)},
	})
}
