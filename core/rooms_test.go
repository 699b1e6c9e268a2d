package socketio_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

func sorted(s []string) string {
	slices.Sort(s)
	return strings.Join(s, " ")
}

func TestRooms(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{Rooms: 3, RoomName: 4}})
		c, c2 := a.dial(t), a.dial(t)
		s, s2 := a.socket(t, c), a.socket(t, c2)
		assert.NoError(t, s.Join("a", "b", "a"))
		assert.NoError(t, s.Join("b"))
		assert.Equal(t, "rooms", sorted(s.Rooms()), "a b")
		assert.NoError(t, s2.Join("b", s2.ID()[:4]))
		assert.ErrorIs(t, s2.Join(s.ID()), socketio.ErrRoomName)
		assert.Equal(t, "all rooms", len(a.Rooms()), 3)
		assert.ErrorIs(t, s.Join("xxxxx"), socketio.ErrRoomName)
		assert.NoError(t, s.Join("four"))
		assert.ErrorIs(t, s.Join("d"), socketio.ErrTooManyRooms)
		assert.NoError(t, s.Join("four"))
		s.Leave("a", "a", "never")
		assert.NoError(t, s.Join("d"))
		s.Leave(s.ID()) // its own room stays
		assert.True(t, "in its own", s.InRoom(s.ID()))
		assert.NoError(t, a.To(s.ID()).Emit("own"))
		c.Expect("own")
		assert.Equal(t, "rooms", sorted(s.Rooms()), "b d four")
		c.Disconnect()
		synctest.Wait()
		assert.Equal(t, "rooms at the end", sorted(s.Rooms()), "b d four")
		s.Leave("b") // nothing to leave any more
		assert.ErrorIs(t, s.Join("e"), socketio.ErrClosed)
		assert.Equal(t, "left behind", sorted(a.Rooms()), sorted([]string{"b", s2.ID()[:4]}))
		c2.ExpectNone(time.Second)
	})
}

// TestRoomsModel joins, leaves and disconnects at random, and compares with
// sets that are kept the naive way.
func TestRoomsModel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		random := rand.New(rand.NewPCG(1, 2))
		names := []string{"a", "b", "c", "d", "e"}
		clients := map[*socketio.Socket]*siotest.Client{}
		model := map[*socketio.Socket]map[string]bool{}
		dial := func() {
			c := a.dial(t)
			s := a.socket(t, c)
			clients[s], model[s] = c, map[string]bool{}
		}
		pick := func(n int) []string {
			random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			return slices.Clone(names[:random.IntN(n+1)])
		}
		for step := range 600 {
			if len(model) < 8 {
				dial()
			}
			all := a.Sockets()
			s := all[random.IntN(len(all))]
			rooms := pick(3)
			switch random.IntN(9) {
			case 0, 1, 2, 3:
				assert.NoError(t, s.Join(rooms...))
				for _, r := range rooms {
					model[s][r] = true
				}
			case 4, 5, 6:
				s.Leave(rooms...)
				for _, r := range rooms {
					delete(model[s], r)
				}
			case 7:
				s.Disconnect(true)
				clients[s].ExpectDisconnect("")
				delete(model, s)
			case 8:
				to, except := pick(3), pick(2)
				to = append(to, "nobody's") // with no room at all it would reach nobody
				assert.NoError(t, a.To(to...).Except(except...).Emit("n", step))
				for s, in := range model {
					wanted := false
					for _, r := range to {
						wanted = wanted || in[r]
					}
					for _, r := range except {
						wanted = wanted && !in[r]
					}
					if wanted {
						assert.Equal(t, "event", clients[s].Expect("n").String(), fmt.Sprintf(`["n",%d]`, step))
					}
				}
			}
			compare(t, a, model)
		}
		for s := range model { // each event came once, and to nobody else
			clients[s].ExpectNone(time.Second)
		}
	})
}

// compare checks what the server says of rooms against the model.
func compare(t *testing.T, a *app, model map[*socketio.Socket]map[string]bool) {
	t.Helper()
	rooms := map[string]bool{}
	assert.Equal(t, "sockets", len(a.Sockets()), len(model))
	for s, in := range model {
		var want []string
		for r := range in {
			want = append(want, r)
			rooms[r] = true
		}
		assert.Equal(t, "rooms of a socket", sorted(s.Rooms()), sorted(want))
	}
	assert.Equal(t, "rooms", len(a.Rooms()), len(rooms))
}

// TestBroadcast: who gets what.
func TestBroadcast(t *testing.T) {
	type emit func(a *app, s []*socketio.Socket) socketio.Emitter
	tests := []struct {
		name string
		emit emit
		want string // the indexes of those who get it; 0 and 1 are in a, 1 and 2 in b, 3 in none
	}{
		{"everybody", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.Server }, "0123"},
		{"namespace", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.Namespace }, "0123"},
		{"room", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.To("a") }, "01"},
		{"in", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.In("b") }, "12"},
		{"two rooms, once each", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.To("a", "b") }, "012"},
		{"two rooms, chained", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.To("a").In("b").To("a") }, "012"},
		{"no such room", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.To("none") }, ""},
		{"except", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.Except("a") }, "23"},
		{"room except room", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.To("a").Except("b") }, "0"},
		{"except wins", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.Except("a").To("a") }, ""},
		{"except an id", func(a *app, s []*socketio.Socket) socketio.Emitter { return a.Except(s[0].ID(), s[3].ID()) }, "12"},
		{"an id", func(a *app, s []*socketio.Socket) socketio.Emitter { return a.To(s[3].ID()) }, "3"},
		{"an id and its room", func(a *app, s []*socketio.Socket) socketio.Emitter { return a.To(s[0].ID(), "a") }, "01"},
		{"local", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.Local().To("a") }, "01"},
		{"local of a room", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.To("a").Local() }, "01"},
		{"a socket", func(_ *app, s []*socketio.Socket) socketio.Emitter { return s[2] }, "2"},
		{"a socket, volatile", func(_ *app, s []*socketio.Socket) socketio.Emitter { return s[2].Volatile() }, "2"},
		{"broadcast of a socket", func(_ *app, s []*socketio.Socket) socketio.Emitter { return s[1].Broadcast() }, "023"},
		{"room of a socket", func(_ *app, s []*socketio.Socket) socketio.Emitter { return s[1].To("a") }, "0"},
		{"room of a socket, in", func(_ *app, s []*socketio.Socket) socketio.Emitter { return s[1].In("a", "b") }, "02"},
		{"room of another", func(_ *app, s []*socketio.Socket) socketio.Emitter { return s[3].To("a") }, "01"},
		{"itself by its id", func(_ *app, s []*socketio.Socket) socketio.Emitter { return s[1].To(s[1].ID()) }, ""},
		{"except of a socket", func(_ *app, s []*socketio.Socket) socketio.Emitter { return s[3].Except("b") }, "0"},
		{"volatile to a room", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.To("a").Volatile() }, "01"},
		{"volatile to all", func(a *app, _ []*socketio.Socket) socketio.Emitter { return a.Volatile() }, "0123"},
	}
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		var clients []*siotest.Client
		var sockets []*socketio.Socket
		for _, rooms := range [][]string{{"a"}, {"a", "b"}, {"b"}, nil} {
			c := siotest.Dial(t, a, o)
			clients = append(clients, c)
			sockets = append(sockets, a.socket(t, c))
			assert.NoError(t, sockets[len(sockets)-1].Join(rooms...))
		}
		for _, tt := range tests {
			synctest.Wait() // all polls wait: what is volatile arrives
			assert.NoError(t, tt.emit(a, sockets).Emit("e", []byte{1}, tt.name))
			assert.NoError(t, a.Emit("end"))
			got := ""
			for i, c := range clients {
				if m := c.Next(); m.Event == "e" {
					got += fmt.Sprint(i)
					c.Expect("end")
				}
			}
			assert.Equal(t, tt.name, got, tt.want)
		}
	})
}

// TestModifiers: they return new values; one that many use is not changed.
func TestModifiers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		c := a.dial(t)
		assert.NoError(t, a.socket(t, c).Join("room"))
		base := a.To("none-1", "none-2", "none-3").Except("nobody-1", "nobody-2", "nobody-3")
		for range 8 {
			go func() {
				_ = base.To("other").Except(c.ID()).Emit("wrong")
				_ = base.Local().Volatile().Emit("wrong")
				_ = base.To("room").Emit("right")
			}()
		}
		for range 8 {
			c.Expect("right")
		}
		assert.NoError(t, base.Emit("wrong"))
		c.ExpectNone(time.Second)
	})
}

// TestVolatile: what is volatile is lost when it cannot leave at once.
func TestVolatile(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		c := siotest.Dial(t, a, o)
		s := a.socket(t, c)
		synctest.Wait()
		c.Conn().Stall(true)
		assert.NoError(t, s.Emit("first", strings.Repeat("x", 1<<20))) // more than the pipe holds
		synctest.Wait()
		for range 10 {
			assert.NoError(t, s.Volatile().Emit("lost", []byte{1}))
			assert.NoError(t, a.Volatile().Emit("lost"))
		}
		assert.NoError(t, s.Emit("kept"))
		c.Conn().Stall(false)
		c.Expect("first")
		c.Expect("kept")
		c.ExpectNone(time.Second)
		assert.NoError(t, s.Volatile().Emit("again", []byte{1}))
		c.Expect("again")
	})
}

// TestSocketsOfARoom: joining, leaving and disconnecting as a broadcast.
func TestSocketsOfARoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newApp(t, socketio.Options{})
		c, c2 := a.dial(t), a.dial(t)
		s, s2 := a.socket(t, c), a.socket(t, c2)
		assert.NoError(t, a.To(s.ID()).SocketsJoin("x", "y"))
		assert.NoError(t, a.Local().SocketsJoin("z"))
		assert.NoError(t, a.To("x").SocketsLeave("y", "z"))
		assert.Equal(t, "rooms", sorted(s.Rooms())+"/"+sorted(s2.Rooms()), "x/z")
		assert.NoError(t, a.To("z").DisconnectSockets(false))
		c2.ExpectDisconnect(siotest.ServerDisconnect)
		assert.Equal(t, "connected", s.Connected(), true)
		assert.NoError(t, s.Broadcast().DisconnectSockets(true))
		assert.NoError(t, a.Except("none").DisconnectSockets(true))
		c.ExpectDisconnect("")
	})
}

// TestEarlyRoomsMemory: a socket in many rooms takes the same memory whether middleware has
// joined them or a hook.
func TestEarlyRoomsMemory(t *testing.T) { //nolint:paralleltest // it looks at the whole heap
	names := make([]string, 3000)
	for i := range names {
		names[i] = fmt.Sprint("room-", i)
	}
	const n = 8
	var each [2]int64
	for early := range each {
		synctest.Test(t, func(t *testing.T) {
			a := newApp(t, socketio.Options{})
			if early == 1 {
				a.UseFunc(func(_ context.Context, s *socketio.Socket) error { return s.Join(names...) })
			} else {
				a.OnConnect(func(s *socketio.Socket) { assert.NoError(t, s.Join(names...)) })
			}
			assert.Equal(t, "rooms", len(a.socket(t, a.dial(t)).Rooms()), len(names)) // which have their arrays now
			before := heap()
			for range n {
				a.dial(t)
			}
			synctest.Wait()
			each[early] = (heap() - before) / n
		})
	}
	assert.True(t, fmt.Sprint("bytes by a hook, and by middleware: ", each), each[1] < each[0]*11/10)
}
