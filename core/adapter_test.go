package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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
func (b *broken) Close() error { b.note("closed"); return errBroken }

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

// TestAdapterPanics: on goroutines of the server nobody stands above an adapter; a
// panic there would end the process. The next child of that name is served.
func TestAdapterPanics(t *testing.T) {
	for _, recovery := range []*socketio.Recovery{nil, {MaxDisconnection: time.Second}} {
		t.Run(fmt.Sprint("recovery ", recovery != nil), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				locals := make(map[string]adapter.Local)
				a := newApp(t, socketio.Options{Recovery: recovery, Adapter: func(l adapter.Local) adapter.Adapter {
					locals[l.Namespace()] = l
					return &panicking{}
				}})
				parent := a.OfRegexp(regexp.MustCompile("^/room-"))
				for range 2 {
					c := siotest.Dial(t, a, siotest.Options{Namespace: "/room-1"})
					call := &adapter.Operation{Type: adapter.OpCall, Packet: adapter.Packet{Data: []byte(`["ask"]`)}}
					assert.NoError(t, locals["/room-1"].Respond(t.Context(), call, func(r *adapter.Response) {
						if r.Last {
							panic("reply")
						}
					}))
					c.Expect("ask").Ack()
					synctest.Wait()
					a.log.one(t, "reply")
					c.Cut()
					time.Sleep(2 * time.Second) // a session is kept that long
					synctest.Wait()
					a.log.one(t, "Adapter.Close")
					assert.Equal(t, "children", names(parent.Children()), "")
				}
			})
		})
	}
}

type panicking struct{ broken }

func (*panicking) Close() error { panic("on purpose") }

// TestNoAdapter: a server that is to be one of many must not be alone in silence.
func TestNoAdapter(t *testing.T) {
	t.Parallel()
	defer func() {
		got, _ := recover().(string)
		assert.True(t, "a panic of ours: "+got, strings.HasPrefix(got, "socketio: Options.Adapter has returned nil"))
	}()
	socketio.NewServer(&socketio.Options{Adapter: func(adapter.Local) adapter.Adapter { return nil }})
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
