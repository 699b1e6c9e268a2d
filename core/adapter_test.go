package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/assert"
)

// broken is an adapter that cannot publish, and notes its rooms.
type broken struct {
	local adapter.Local

	mu     sync.Mutex
	events []string
	ops    []adapter.OperationType
}

var errBroken = errors.New("broken")

func (b *broken) note(event string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, event)
}

func (b *broken) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.events
	b.events = nil
	return events
}

func (b *broken) Publish(op *adapter.Operation) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ops = append(b.ops, op.Type)
	return errBroken
}
func (b *broken) Request(_ context.Context, op *adapter.Operation, _ func(*adapter.Response)) (func() error, error) {
	return nil, b.Publish(op)
}
func (b *broken) Close() error            { b.note("closed"); return errBroken }
func (b *broken) RoomCreated(room string) { b.note("+" + room) }
func (b *broken) RoomDeleted(room string) { b.note("-" + room) }

// TestBrokenAdapter: who emits hears of it, and this server's clients are served.
func TestBrokenAdapter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &broken{}
		a := newApp(t, socketio.Options{Adapter: func(l adapter.Local) adapter.Adapter { b.local = l; return b }})
		assert.Equal(t, "namespace", b.local.Namespace(), "/")
		c := a.dial(t)
		s := a.socket(t, c)
		assert.ErrorIs(t, a.Emit("e"), errBroken)
		assert.ErrorIs(t, s.To(s.ID()).Emit("not to itself"), errBroken)
		c.Expect("e")
		assert.ErrorIs(t, a.SocketsJoin("room"), errBroken)
		assert.True(t, "joined", s.InRoom("room"))
		assert.ErrorIs(t, a.SocketsLeave("room"), errBroken)
		assert.True(t, "left", !s.InRoom("room"))
		assert.NoError(t, s.Emit("own")) // concerns nobody else
		assert.NoError(t, a.Local().Emit("local"))
		assert.True(t, "encoding", !errors.Is(a.Emit("e", func() {}), errBroken))
		assert.ErrorIs(t, a.DisconnectSockets(false), errBroken)
		c.Expect("own")
		c.Expect("local")
		c.ExpectDisconnect("")
		assert.Equal(t, "published", b.ops, []adapter.OperationType{
			adapter.OpBroadcast, adapter.OpBroadcast, adapter.OpJoin, adapter.OpLeave, adapter.OpDisconnect,
		})
		b.take()
		assert.ErrorIs(t, a.Shutdown(t.Context()), errBroken)
		assert.Equal(t, "closed", b.take(), []string{"closed"})
	})
}

// TestRoomWatcher: an adapter that subscribes by room hears of each once.
func TestRoomWatcher(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &broken{}
		a := newApp(t, socketio.Options{Adapter: func(l adapter.Local) adapter.Adapter { b.local = l; return b }})
		c, c2 := a.dial(t), a.dial(t)
		s, s2 := a.socket(t, c), a.socket(t, c2)
		assert.NoError(t, s.Join("a", "b"))
		assert.NoError(t, s2.Join("b"))
		assert.Equal(t, "created", b.take(), []string{"+a", "+b"})
		assert.True(t, "has", b.local.HasRoom("a") && b.local.HasRoom(s.ID()) && !b.local.HasRoom("c"))
		s.Leave("b")
		assert.Equal(t, "one is left", len(b.take()), 0)
		s2.Leave("b")
		assert.Equal(t, "deleted", b.take(), []string{"-b"})
		assert.NoError(t, s.Join("c"))
		c.Disconnect()
		synctest.Wait()
		got := b.take()
		slices.Sort(got)
		assert.Equal(t, "deleted at the end", got, []string{"+c", "-a", "-c"})
	})
}

// TestApply: what comes from another server reaches the sockets here.
func TestApply(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := &broken{}
		a := newApp(t, socketio.Options{Adapter: func(l adapter.Local) adapter.Adapter { b.local = l; return b }})
		c := a.dial(t)
		var got []byte
		assert.NoError(t, b.local.Apply(&adapter.Operation{Type: adapter.OpBroadcast, Packet: adapter.Packet{
			Data: []byte(`["e",{"_placeholder":true,"num":0}]`), Attachments: [][]byte{{1, 2}},
		}}))
		c.Expect("e", &got)
		assert.Equal(t, "binary", string(got), "\x01\x02")
		assert.True(t, "of a later version", b.local.Apply(&adapter.Operation{Type: 99}) != nil)
		assert.NoError(t, b.local.Apply(&adapter.Operation{Type: adapter.OpDisconnect, Close: true}))
		c.ExpectDisconnect("")
		assert.Equal(t, "published", len(b.ops), 0)
	})
}

// TestApplyNoEvent: what is no array is an error, and harms nobody.
func TestApplyNoEvent(t *testing.T) {
	t.Parallel()
	for _, parser := range []socketio.Parser{nil, standard{}} {
		for _, recovery := range []*socketio.Recovery{nil, {}} {
			t.Run(fmt.Sprint("parser ", parser != nil, " recovery ", recovery != nil), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					b := &broken{}
					a := newApp(t, socketio.Options{
						Parser: parser, Recovery: recovery, Observer: socketio.NopObserver{},
						Adapter: func(l adapter.Local) adapter.Adapter { b.local = l; return b },
					})
					a.OnAnyOutgoing(func(*socketio.Socket, *socketio.Outgoing) {})
					c := a.dial(t)
					for _, data := range []string{"", "[", "]", "7", "/x", `{"a":1}`, `["a" `, "[\"e\"]\n"} {
						err := b.local.Apply(&adapter.Operation{Type: adapter.OpBroadcast, Packet: adapter.Packet{Data: []byte(data)}})
						assert.True(t, data, err != nil)
					}
					assert.NoError(t, b.local.Apply(&adapter.Operation{
						Type: adapter.OpBroadcast, Packet: adapter.Packet{Data: []byte(`["e"]`)},
					}))
					c.Expect("e")
				})
			})
		}
	}
}
