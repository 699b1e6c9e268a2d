package socketio_test

import (
	"context"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestOnce: what uses a handler up, and what does not. A client calls, event by
// event, with these arguments.
func TestOnce(t *testing.T) {
	always := func(args ...any) string { return "always" }
	type scopes struct {
		parent, child *socketio.Namespace
		socket        *socketio.Socket
	}
	type call []any
	bad := func(problem string) string {
		return `[{"error":{"code":"bad_request","message":"arguments do not match the event: argument 1 ` + problem + `"}}]`
	}
	tests := []struct {
		name     string
		register func(on scopes)
		calls    []call
		want     string
	}{
		{"on a socket, before the namespace's", func(on scopes) {
			on.child.On("e", always)
			on.socket.Once("e", func(n int) string { return "once" })
		}, []call{{1}, {1}, {1}}, `["once"]["always"]["always"]`},
		{"on a child, before its parent's", func(on scopes) {
			on.parent.On("e", always)
			on.child.Once("e", func() string { return "once" })
		}, []call{{}, {}}, `["once"]["always"]`},
		{"on everything", func(on scopes) {
			on.parent.Once("e", func() string { return "parent" })
			on.child.Once("e", func() string { return "child" })
			on.socket.Once("e", func() string { return "socket" })
			on.child.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
				return func(ctx context.Context, in *socketio.Incoming) error {
					err := next(ctx, in)
					if in.Len() == 1 { // nobody else does
						return in.Ack("nobody")
					}
					return err
				}
			})
		}, []call{{}, {}, {}, {1}}, `["socket"]["child"]["parent"]["nobody"]`},
		{"arguments that do not decode leave it there", func(on scopes) {
			on.child.Once("e", func(s *socketio.Socket, n int, ack socketio.Ack) { _ = ack("once") })
			on.parent.On("e", always)
		}, []call{{"x"}, {}, {1}, {1}}, bad("has to be an integer of type int, not a string") + bad("is missing; it has to be an integer of type int") + `["once"]["always"]`},
		{"of one argument, too", func(on scopes) {
			on.child.Once("e", func(s *socketio.Socket, v string) { _ = s.Join(v) })
			on.parent.On("e", always)
		}, []call{{1}, {"x"}, {"x"}}, bad("has to be a string, not this number") + `[]["always"]`},
		{"middleware that refuses leaves it there", func(on scopes) {
			on.parent.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
				return func(ctx context.Context, in *socketio.Incoming) error {
					if in.Len() == 0 {
						return &socketio.Error{Code: "no"}
					}
					return next(ctx, in)
				}
			})
			on.child.Once("e", func() string { return "once" })
			on.parent.On("e", always)
		}, []call{{}, {1}, {1}}, `[{"error":{"code":"no","message":""}}]["once"]["always"]`},
		{"a raw handler", func(on scopes) {
			on.socket.Once("e", func(_ context.Context, in *socketio.Incoming) error { return in.Ack("once") })
			on.child.Once("e", socketio.EventHandler(func(_ context.Context, in *socketio.Incoming) error { return in.Ack("twice") }))
			on.parent.On("e", always)
		}, []call{{}, {}, {}}, `["once"]["twice"]["always"]`},
		{"taken off before", func(on scopes) {
			on.socket.Once("e", func() string { return "once" })()
			on.parent.On("e", always)
		}, []call{{}}, `["always"]`},
		{"taken off afterwards, when there is another", func(on scopes) {
			var off func()
			off = on.socket.Once("e", func(s *socketio.Socket) string {
				s.Once("e", func() string { return "second" })
				off()
				return "first"
			})
			on.parent.On("e", always)
		}, []call{{}, {}, {}}, `["first"]["second"]["always"]`},
		{"a failure uses it up", func(on scopes) {
			on.socket.Once("e", func() (string, error) { return "", &socketio.Error{Code: "no"} })
			on.parent.On("e", always)
		}, []call{{}, {}}, `[{"error":{"code":"no","message":""}}]["always"]`},
	}
	t.Parallel()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{})
				on := scopes{parent: a.OfRegexp(rooms)}
				on.child = on.parent.Child("/room-1")
				on.parent.OnConnect(func(s *socketio.Socket) {
					on.socket = s
					tt.register(on)
				})
				o.Namespace = "/room-1"
				c := siotest.Dial(t, a, o)
				got := ""
				for _, args := range tt.calls {
					got += c.Call("e", args...).String()
				}
				assert.Equal(t, "replies", got, tt.want)
				a.log.none(t)
			})
		})
	}
}

// TestOnceForTwo: of two events that find the handler at the same time one has
// it, and the other one has the handler that there is without it.
func TestOnceForTwo(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		gate := make(chan struct{})
		parent := a.OfRegexp(rooms)
		parent.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
			return func(ctx context.Context, in *socketio.Incoming) error { <-gate; return next(ctx, in) }
		})
		parent.Once("e", func() string { return "once" }) // of all children
		parent.Once("lonely", func() {})
		o.Namespace = "/room-1"
		one := siotest.Dial(t, a, o)
		o.Namespace = "/room-2"
		two := siotest.Dial(t, a, o)
		acks := []<-chan *siotest.Message{one.EmitWithAck("e"), two.EmitWithAck("e")}
		synctest.Wait() // both have found it
		for _, s := range parent.Sockets() {
			s.On("e", func() string { return "own" })
		}
		close(gate)
		got := (<-acks[0]).String() + (<-acks[1]).String()
		assert.True(t, got, got == `["once"]["own"]` || got == `["own"]["once"]`)

		one.Emit("lonely")
		two.Emit("lonely")
		synctest.Wait()
		assert.Equal(t, "alive", one.Call("e").String(), `["own"]`)
		a.log.none(t)
	})
}

// TestOnceUnderStress: many send at the same time.
func TestOnceUnderStress(t *testing.T) {
	t.Parallel()
	a := newApp(t, socketio.Options{})
	parent := a.OfRegexp(rooms)
	parent.On("e", func() string { return "always" })
	ns := parent.Child("/room-1")
	var clients []*siotest.Client
	for range 8 {
		clients = append(clients, siotest.Dial(t, a, siotest.Options{Namespace: "/room-1"}))
	}
	for range 50 {
		ns.Once("e", func() string { return "once" })
		var acks []<-chan *siotest.Message
		for _, c := range clients {
			acks = append(acks, c.EmitWithAck("e"))
		}
		once := 0
		for _, ack := range acks {
			if (<-ack).String() == `["once"]` {
				once++
			}
		}
		assert.Equal(t, "once", once, 1)
	}
}
