package socketio_test

import (
	"fmt"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestSequenceOwn: what is sent to one socket is for that socket alone, and not for others
// that have joined a room of its name.
func TestSequenceOwn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l, a := newLedger(t)
		c, eavesdropper := a.dial(t), a.dial(t)
		s := a.socket(t, c)
		assert.NoError(t, a.socket(t, eavesdropper).Join(s.ID()))
		assert.NoError(t, s.Emit("a"))
		l.place(1)
		op := adapter.Operation{
			Type: adapter.OpBroadcast, Position: "2", Packet: adapter.Packet{Data: []byte(`["b"]`)},
			Target: adapter.Target{Rooms: []string{s.ID()}, Own: true},
		}
		assert.NoError(t, l.local.Apply(&op))
		for position, rooms := range map[string][]string{"3": nil, "4": {"x", s.ID()}} { // of nobody's making
			wrong := op
			wrong.Position, wrong.Target.Rooms = position, rooms
			_ = l.local.Apply(&wrong)
		}
		assert.Equal(t, "its events", events(c), "a b")
		assert.Equal(t, "of the other one", events(eavesdropper), "")
		assert.NoError(t, s.Emit("bye"))
		a.socket(t, eavesdropper).Disconnect(false)
		assert.Equal(t, "at the end", events(eavesdropper), "")
	})
}

// TestRecoveryOwn: the same for those who come back, to any server.
func TestRecoveryOwn(t *testing.T) {
	for at := range 2 {
		t.Run(fmt.Sprint("at server ", at), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				servers, _ := homes(t, 2, socketio.Options{})
				c := siotest.Dial(t, servers[0], siotest.Options{})
				eavesdropper := siotest.Dial(t, servers[0], siotest.Options{})
				assert.NoError(t, servers[0].To(eavesdropper.ID()).SocketsJoin(c.ID()))
				lostAt(eavesdropper)
				c.Stall(true)
				s, _ := servers[0].Socket(c.ID())
				assert.NoError(t, s.Emit("n", 1))
				assert.NoError(t, servers[1].To(c.ID()).Emit("n", 2)) // this one is for the room
				lostAt(c)
				back := c.ResumeAt(servers[at])
				assert.True(t, "recovered", back.Recovered())
				assert.Equal(t, "its events", numbersOf(back), "1 2")
				back = eavesdropper.ResumeAt(servers[at])
				assert.True(t, "recovered", back.Recovered())
				assert.Equal(t, "of the other one", numbersOf(back), "2")
			})
		})
	}
}
