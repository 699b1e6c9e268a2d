package socketio_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestOnRoom: create, join; leave, delete; nothing of a socket's own room.
func TestOnRoom(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{Limits: socketio.Limits{Rooms: 3}})
		parent := a.OfRegexp(rooms)
		j := &journal{}
		ids := make(map[string]string)
		listener := func(by string) func(socketio.RoomEvent) {
			return func(e socketio.RoomEvent) {
				assert.Equal(t, "namespace", e.Namespace.Name(), "/room-1")
				j.note("%s%v %s %s", by, e.Step, e.Room, ids[e.Socket])
			}
		}
		off := parent.OnRoom(listener(""))
		parent.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			ids[s.ID()] = fmt.Sprint(len(ids) + 1)
			_ = s.Join("early", "never", s.ID())
			s.Leave("never")
			return nil
		})
		o.Namespace = "/room-1"
		dial := func() (*siotest.Client, *socketio.Socket) {
			c := siotest.Dial(t, a, o)
			s, _ := parent.Socket(c.ID())
			return c, s
		}
		one, s1 := dial()
		assert.Equal(t, "first", j.take(), "create-room early ; join-room early 1")
		two, s2 := dial()
		assert.Equal(t, "second", j.take(), "join-room early 2")
		for _, tt := range []struct {
			do   func()
			want string
		}{
			{func() { assert.NoError(t, s1.Join("a", "b", s1.ID(), "a")) }, "create-room a ; join-room a 1; create-room b ; join-room b 1"},
			{func() { assert.ErrorIs(t, s1.Join("a", "c"), socketio.ErrTooManyRooms) }, ""},
			{func() { assert.NoError(t, parent.SocketsJoin("a")) }, "join-room a 2"},
			{func() { s1.Leave("a", "nowhere", s1.ID()) }, "leave-room a 1"},
			{func() { assert.NoError(t, parent.To("early").SocketsLeave("a")) }, "leave-room a 2; delete-room a "},
			{two.Disconnect, "leave-room early 2"},
			{func() { assert.ErrorIs(t, s2.Join("a"), socketio.ErrClosed) }, ""},
			{one.Conn().Cut, "leave-room early 1; delete-room early ; leave-room b 1; delete-room b "},
			{func() { parent.Child("/room-1").OnRoom(listener("own ")) }, ""},
			{func() { two, _ = dial() }, "create-room early ; own create-room early ; join-room early 3; own join-room early 3"},
			{off, ""},
		} {
			tt.do()
			assert.Equal(t, "events", j.take(), tt.want)
		}
		two.Disconnect()
		assert.Equal(t, "own only", j.take(), "own leave-room early 3; own delete-room early ")
		assert.Equal(t, "unknown", socketio.RoomStep(9).String(), "RoomStep(9)")
		a.log.none(t)
	})
}

// TestOnRoomReenters: a listener may change rooms; it hears of that later. One
// that panics is logged and does not stop the others.
func TestOnRoomReenters(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		j := &journal{}
		busy := false
		a.OnRoom(func(e socketio.RoomEvent) {
			assert.True(t, "one at a time", !busy)
			busy = true
			defer func() { busy = false }()
			if e.Step == socketio.RoomStepJoined && len(e.Room) < 3 {
				s, _ := a.Socket(e.Socket)
				s.Leave(e.Room)
				assert.NoError(t, s.Join(e.Room+"x"))
			}
			if e.Step == socketio.RoomStepDeleted {
				panic("deleted")
			}
		})
		a.OnRoom(func(e socketio.RoomEvent) { j.note("%v %s", e.Step, e.Room) })
		c := siotest.Dial(t, a, o)
		assert.NoError(t, a.socket(t, c).Join("xx"))
		assert.Equal(t, "events", j.take(), "create-room xx; join-room xx; leave-room xx; delete-room xx; create-room xxx; join-room xxx")
		a.log.one(t, "in=OnRoom")
	})
}

// TestOnRoomUnderStress: whatever happens at the same time, what is told adds
// up at every moment: no room is created twice, joined before or left after it
// is there.
func TestOnRoomUnderStress(t *testing.T) {
	t.Parallel()
	a := newApp(t, socketio.Options{})
	members := make(map[string]map[string]bool) // by room; calls come one at a time
	wrong := 0
	a.OnRoom(func(e socketio.RoomEvent) {
		m, known := members[e.Room]
		ok := false
		switch e.Step {
		case socketio.RoomStepCreated:
			ok = !known
			members[e.Room] = make(map[string]bool)
		case socketio.RoomStepJoined:
			ok = known && !m[e.Socket]
			if known {
				m[e.Socket] = true
			}
		case socketio.RoomStepLeft:
			ok = m[e.Socket]
			delete(m, e.Socket)
		case socketio.RoomStepDeleted:
			ok = known && len(m) == 0
			delete(members, e.Room)
		}
		if !ok {
			wrong++
		}
	})
	a.On("move", func(s *socketio.Socket, join bool, room string) error {
		if join {
			return s.Join(room)
		}
		s.Leave(room)
		return nil
	})
	t.Run("clients", func(t *testing.T) {
		for worker := range 8 {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(2, uint64(worker)))
				c := a.dial(t)
				for range 60 {
					c.Emit("move", random.IntN(2) == 0, strings.Repeat("r", 1+random.IntN(3)))
				}
				c.Call("move", true, "r")
				c.Disconnect()
			})
		}
	})
	assert.NoError(t, a.Shutdown(t.Context()))
	assert.Equal(t, "wrong", wrong, 0)
	assert.Equal(t, "rooms", len(members), 0)
}
