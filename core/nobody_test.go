package socketio_test

import (
	"fmt"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestToNobody: a list of rooms that is empty means nobody, not everybody, for
// all that can be sent and done, on this server and on others.
func TestToNobody(t *testing.T) {
	t.Parallel()
	var none []string
	for _, recovery := range []*socketio.Recovery{nil, {}} {
		for name, to := range map[string]func(ns *socketio.Namespace, s *socketio.Socket) socketio.Broadcast{
			"namespace To":   func(ns *socketio.Namespace, _ *socketio.Socket) socketio.Broadcast { return ns.To() },
			"namespace In":   func(ns *socketio.Namespace, _ *socketio.Socket) socketio.Broadcast { return ns.In(none...) },
			"socket To":      func(_ *socketio.Namespace, s *socketio.Socket) socketio.Broadcast { return s.To(none...) },
			"socket In":      func(_ *socketio.Namespace, s *socketio.Socket) socketio.Broadcast { return s.In() },
			"broadcast To":   func(ns *socketio.Namespace, _ *socketio.Socket) socketio.Broadcast { return ns.Volatile().To(none...) },
			"with exception": func(ns *socketio.Namespace, _ *socketio.Socket) socketio.Broadcast { return ns.To().In().Except("x") },
		} {
			t.Run(fmt.Sprint(name, " ", recovery != nil), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					b := &broken{}
					a := newApp(t, socketio.Options{
						Recovery: recovery, Adapter: func(adapter.Local) adapter.Adapter { return b },
					})
					speaker, other := a.dial(t), a.dial(t)
					nobody := to(a.Namespace, a.socket(t, speaker))
					assert.NoError(t, nobody.Emit("e"))
					replies, err := nobody.EmitWithAck(t.Context(), "e")
					assert.NoError(t, err)
					assert.Equal(t, "replies", len(replies), 0)
					sockets, err := nobody.FetchSockets(t.Context())
					assert.NoError(t, err)
					assert.Equal(t, "sockets", len(sockets), 0)
					assert.NoError(t, nobody.SocketsJoin("room"))
					assert.Equal(t, "rooms", len(a.Rooms()), 0)
					assert.NoError(t, a.socket(t, other).Join("room"))
					assert.NoError(t, nobody.SocketsLeave("room"))
					assert.Equal(t, "rooms", len(a.Rooms()), 1)
					assert.NoError(t, nobody.DisconnectSockets(true))
					for _, c := range []*siotest.Client{speaker, other} {
						c.ExpectNone(time.Second)
					}
					assert.Equal(t, "published", len(b.ops), 0)
					assert.True(t, "arguments are checked", nobody.Emit("e", func() {}) != nil)

					assert.ErrorIs(t, nobody.To("room").Emit("e"), errBroken) // a room that is named later counts
					if name != "broadcast To" {                               // a volatile one may be dropped
						other.Expect("e")
					}
				})
			})
		}
	}
}
