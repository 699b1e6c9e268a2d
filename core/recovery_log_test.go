package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// ledger is an adapter with a log that has nothing until the test says so.
type ledger struct {
	adapter.Adapter
	local     adapter.Local
	appended  []*adapter.Operation // by number, from 1 on
	published []*adapter.Operation
	err       error
	hold      chan struct{} // if not nil, Append returns when it is closed
}

func (l *ledger) Publish(op *adapter.Operation) error {
	l.published = append(l.published, op)
	return nil
}
func (l *ledger) Close() error { return nil }
func (l *ledger) Append(n uint64, op *adapter.Operation) error {
	if int(n) != len(l.appended)+1 {
		panic("number")
	}
	l.appended = append(l.appended, op)
	if l.hold != nil {
		<-l.hold
	}
	return l.err
}

func (l *ledger) Request(context.Context, *adapter.Operation, func(*adapter.Response)) (func() error, error) {
	return func() error { return nil }, nil
}

// place says that an operation is in the log, at the position of the same number.
func (l *ledger) place(numbers ...int) {
	for _, n := range numbers {
		l.local.Placed(uint64(n), fmt.Sprint(n))
	}
}

func newLedger(t testing.TB) (*ledger, *app) {
	l := &ledger{}
	a := newApp(t, socketio.Options{Recovery: &socketio.Recovery{}, Adapter: func(local adapter.Local) adapter.Adapter {
		l.local = local
		return l
	}})
	a.Of("/")
	l.local.Follow("e", "0")
	return l, a
}

// events is what has come to a client.
func events(c *siotest.Client) string {
	synctest.Wait()
	var all []string
	for _, m := range c.Arrived() {
		all = append(all, m.Event)
	}
	return strings.Join(all, " ")
}

// TestSequence: what this server sends comes in the order of the log, and what would
// overtake it waits.
func TestSequence(t *testing.T) {
	other := &adapter.Operation{Type: adapter.OpBroadcast, Packet: adapter.Packet{Data: []byte(`["other"]`)}}
	for _, tt := range []struct {
		name          string
		do            func(l *ledger, a *app, s *socketio.Socket)
		before, after string // what has come before and after the log has all
	}{
		{"broadcast", func(_ *ledger, a *app, _ *socketio.Socket) { _ = a.Emit("a") }, "", "a"},
		{"socket", func(_ *ledger, _ *app, s *socketio.Socket) { _ = s.Emit("a") }, "", "a"},
		{"volatile", func(_ *ledger, a *app, s *socketio.Socket) { _ = s.Volatile().Emit("v"); _ = a.Volatile().Emit("w") }, "v w", ""},
		{"volatile behind", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = a.Emit("a")
			_ = s.Volatile().Emit("v")
			_ = a.Volatile().Emit("w")
		}, "", "a v w"},
		{"local behind", func(_ *ledger, a *app, s *socketio.Socket) { _ = s.Emit("a"); _ = a.Local().Emit("b") }, "", "a b"},
		{"question behind", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = s.Emit("a")
			go func() { _, _ = s.EmitWithAck(context.Background(), "q") }()
			synctest.Wait()
			go func() { _, _ = a.EmitWithAck(context.Background(), "r") }()
		}, "", "a q r"},
		{"join and leave", func(_ *ledger, a *app, _ *socketio.Socket) {
			_ = a.SocketsJoin("x")
			_ = a.To("x").Emit("in")
			_ = a.SocketsLeave("x")
			_ = a.To("x").Emit("out")
		}, "", "in"},
		{"own leave", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = s.Join("x")
			_ = a.To("x").Emit("in")
			s.Leave("x")
			_ = a.To("x").Emit("out")
		}, "", "in"},
		{"goodbye", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = a.Emit("a")
			_ = s.Emit("bye")
			_ = s.Volatile().Emit("v")
			_ = a.To("nobody").Emit("b")
			s.Disconnect(false)
		}, "a bye v", ""},
		{"goodbye, and rooms", func(_ *ledger, a *app, s *socketio.Socket) {
			_ = a.SocketsJoin("x", "y", "z")
			_ = a.To("x").Emit("in x")
			_ = a.SocketsLeave("x")
			s.Leave("y")
			_ = a.To("x", "y").Emit("out")
			_ = a.To("z").Except("y").Emit("in z")
			_ = a.DisconnectSockets(false)
			_ = a.Emit("too late")
			s.Disconnect(false)
		}, "in x in z", ""},
		{"goodbye to all", func(_ *ledger, a *app, _ *socketio.Socket) {
			_ = a.Emit("bye")
			_ = a.DisconnectSockets(false)
		}, "", "bye"},
		{"others between", func(l *ledger, a *app, s *socketio.Socket) {
			_ = a.Emit("a")
			_ = s.Emit("b")
			l.place(1)
			op := *other
			op.Position = "1-5"
			_ = l.local.Apply(&op)
			_ = l.local.Apply(&op) // once more
		}, "a other", "b"},
		{"sockets are told of", func(_ *ledger, a *app, _ *socketio.Socket) {
			_ = a.SocketsJoin("x")
			list, err := a.To("x").FetchSockets(context.Background()) // which waits for the join
			_ = a.Emit(fmt.Sprint(len(list), err))
		}, "1 <nil>", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				l, a := newLedger(t)
				c := a.dial(t)
				s := a.socket(t, c)
				tt.do(l, a, s)
				assert.Equal(t, "before", events(c), tt.before)
				for n := range l.appended {
					l.place(n + 1)
				}
				assert.Equal(t, "after", events(c), tt.after)
				l.place(1) // again
				assert.Equal(t, "at last", events(c), "")
			})
		})
	}
}

// TestSequenceLeft: a room that a socket has left is not its session's, also when the
// leave still waits for the log.
func TestSequenceLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, a := newLedger(t)
		c := a.dial(t)
		s := a.socket(t, c)
		assert.NoError(t, s.Join("x", "y"))
		assert.NoError(t, a.Emit("a"))
		s.Leave("x")
		c.Cut()
		synctest.Wait()
		assert.NoError(t, a.To("x").Emit("x"))
		assert.NoError(t, a.To("y").Emit("y"))
		l.place(1, 2, 3)
		c = c.Resume()
		assert.True(t, "recovered", c.Recovered())
		assert.Equal(t, "events", events(c), "a y")
		assert.Equal(t, "rooms", strings.Join(a.socket(t, c).Rooms(), " "), "y")
	})
}

// TestSequenceLate: a log that is late, or refuses, holds up nobody. Who comes back to the
// same server has missed nothing.
func TestSequenceLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, a := newLedger(t)
		c := a.dial(t)
		assert.NoError(t, a.Emit("a"))
		time.Sleep(900 * time.Millisecond)
		assert.Equal(t, "at first", events(c), "")
		time.Sleep(200 * time.Millisecond)
		assert.Equal(t, "after a second", events(c), "a")
		a.log.one(t, "log is late")
		assert.NoError(t, a.Emit("b"))
		assert.Equal(t, "from then on", events(c), "b")
		c.Cut()
		synctest.Wait()
		assert.NoError(t, a.Emit("c"))
		c = c.Resume()
		assert.True(t, "recovered", c.Recovered())
		assert.Equal(t, "missed", events(c), "c")
		l.place(1, 2, 3)
		assert.NoError(t, a.Emit("d"))
		assert.Equal(t, "the log is there again", events(c), "")
		l.place(4)
		assert.Equal(t, "in its order", events(c), "d")
		assert.Equal(t, "offset", c.Offset(), "4")
	})
}

// TestSequenceSlow: a log that is slow, and not silent, is waited for.
func TestSequenceSlow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, a := newLedger(t)
		c := a.dial(t)
		_, _, _ = a.Emit("a"), a.Emit("b"), a.Emit("c")
		for n, want := range []string{"a", "b", "c"} {
			time.Sleep(900 * time.Millisecond)
			assert.Equal(t, "before", events(c), "")
			l.place(n + 1)
			assert.Equal(t, "after", events(c), want)
		}
		a.log.none(t)
	})
}

// TestSequenceRefused: the caller hears that others do not get it.
func TestSequenceRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, a := newLedger(t)
		c := a.dial(t)
		assert.NoError(t, a.Emit("a"))
		down := errors.New("down")
		l.err = down
		assert.ErrorIs(t, a.Emit("b"), down)
		l.err = nil
		assert.NoError(t, a.Emit("c"))
		assert.Equal(t, "in their order", events(c), "")
		l.place(1)
		assert.Equal(t, "what is refused waits for what is before it", events(c), "a b")
		l.place(3)
		assert.Equal(t, "once", events(c), "c")
		l.err = down
		assert.ErrorIs(t, a.Emit("d"), down)
		assert.Equal(t, "at once if nothing is", events(c), "d")
	})
}

// TestSequenceBound: below, at and above what may wait.
func TestSequenceBound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, a := newLedger(t)
		c := a.dial(t)
		for range 10_000 {
			assert.NoError(t, a.Emit("a"))
		}
		assert.Equal(t, "at the bound", events(c), "")
		assert.NoError(t, a.Emit("b"))
		synctest.Wait()
		assert.Equal(t, "above", len(c.Arrived()), 10_001)
	})
}

// TestSequenceNumbers: what goroutines emit at the same time is done in the order of the log.
func TestSequenceNumbers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, a := newLedger(t)
		c := a.dial(t)
		l.hold = make(chan struct{})
		for _, event := range []string{"a", "b", "c"} {
			go func() { _ = a.Emit(event) }()
			synctest.Wait() // it has its number, and is not known to be in the log
		}
		close(l.hold)
		synctest.Wait()
		l.local.Placed(2, "1")
		l.local.Placed(7, "2") // nobody's
		l.local.Placed(3, "3")
		l.local.Placed(3, "not a position")
		l.local.Placed(1, "2") // of the past
		assert.Equal(t, "in the order of the log", events(c), "b c")
		l.local.Placed(1, "4")
		assert.Equal(t, "the rest", events(c), "a")
		a.log.one(t, "position")
	})
}

// spoken is a value whose encoding and decoding emit.
type spoken struct{ srv *socketio.Server }

func (v spoken) MarshalJSON() ([]byte, error) { return []byte(`1`), v.srv.Emit("encoded") }

var spokenKey = socketio.NewSharedKey[spoken]("spoken")

// TestRecoveryEncodes: what a session carries is encoded without a lock, since that
// calls the application.
func TestRecoveryEncodes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers, _ := homes(t, 2, socketio.Options{})
		servers[0].OnConnect(func(s *socketio.Socket) { spokenKey.Set(s, spoken{servers[0]}) })
		c := siotest.Dial(t, servers[0], siotest.Options{})
		other := siotest.Dial(t, servers[1], siotest.Options{})
		c.Cut()
		other.Expect("encoded")
		assert.NoError(t, servers[0].Emit("after"))
		other.Expect("after")
	})
}

// TestSequenceOwnsRooms: names that wait for their place in the log are copies.
func TestSequenceOwnsRooms(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, a := newLedger(t)
		c := siotest.Dial(t, a, siotest.Options{})
		s, _ := a.Socket(c.ID())
		rooms := []string{"x"}
		assert.NoError(t, a.SocketsJoin(rooms...))
		rooms[0] = "y"
		l.place(1)
		assert.True(t, "in x", s.InRoom("x"))
		rooms[0] = "x"
		assert.NoError(t, a.SocketsLeave(rooms...))
		rooms[0] = "y"
		l.place(2)
		assert.True(t, "not in x", !s.InRoom("x"))
	})
}

// TestSequenceFollowedAgain: what comes again from an older position is not done again, and
// a log of another epoch is a gap.
func TestSequenceFollowedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, a := newLedger(t)
		gaps := 0
		a.OnGap(func(e socketio.GapEvent) {
			assert.Equal(t, "type", e.Type, adapter.GapIncoming)
			gaps++
		})
		c := a.dial(t)
		other := func(event, position string) {
			assert.NoError(t, l.local.Apply(&adapter.Operation{
				Type: adapter.OpBroadcast, Position: position, Packet: adapter.Packet{Data: []byte(`["` + event + `"]`)},
			}))
		}
		other("a", "1")
		other("b", "2")
		l.local.Follow("e", "0")
		other("a", "1")
		other("b", "2")
		other("c", "3")
		assert.Equal(t, "each once", events(c), "a b c")
		assert.Equal(t, "gaps", gaps, 0)
		l.local.Follow("f", "0")
		assert.Equal(t, "gaps", gaps, 1)
		a.log.one(t, "lost operations")
		other("d", "1")
		assert.Equal(t, "of the new log", events(c), "d")
		c.Cut()
		assert.True(t, "not recovered: "+c.Offset(), !c.Resume().Recovered())
	})
}
