package socketio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// journal is what listeners have heard.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

// take returns what there is when everything has come to rest.
func (j *journal) take() string {
	synctest.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	all := strings.Join(j.lines, "; ")
	j.lines = nil
	return all
}

// arguments are those of an event, as JSON.
type arguments interface {
	Len() int
	Arg(i int, dst any) error
}

func argsOf(t *testing.T, a arguments) string {
	args := make([]any, a.Len())
	for i := range args {
		assert.NoError(t, a.Arg(i, &args[i]))
	}
	assert.ErrorIs(t, a.Arg(len(args), new(any)), socketio.ErrMissingArgument)
	text, err := json.Marshal(args)
	assert.NoError(t, err)
	return string(text)
}

// listen registers the listeners of a namespace or a socket.
func (j *journal) listen(t *testing.T, by string, to interface {
	OnAny(f func(*socketio.Socket, *socketio.Incoming)) func()
	OnAnyOutgoing(f func(*socketio.Socket, *socketio.Outgoing)) func()
}) (off func()) {
	in := to.OnAny(func(_ *socketio.Socket, in *socketio.Incoming) { j.note("%s< %s%s", by, in.Event, argsOf(t, in)) })
	out := to.OnAnyOutgoing(func(_ *socketio.Socket, out *socketio.Outgoing) { j.note("%s> %s%s", by, out.Event, argsOf(t, out)) })
	return func() { in(); out() }
}

// TestOnAny: listeners hear every event, whoever sends it and whoever handles
// it, and no acknowledgement.
func TestOnAny(t *testing.T) {
	for _, tt := range []struct {
		namespace string // some look like parts of a packet
		recovery  *socketio.Recovery
	}{
		{"/", nil}, {"/room-1", nil}, {"/[x", nil}, {"/1", nil},
		{"/", &socketio.Recovery{}}, {"/room-1", &socketio.Recovery{}}, // an offset is not the application's
	} {
		namespace := tt.namespace
		t.Run(fmt.Sprint(namespace, tt.recovery != nil), func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{Recovery: tt.recovery})
				ns := a.OfRegexp(rooms) // or the one that is joined
				if namespace != "/room-1" {
					ns = a.Of(namespace)
				}
				j := &journal{}
				ns.UseFunc(func(_ context.Context, s *socketio.Socket) error { return s.Emit("early", 1) })
				ns.On("sum", func(x, y float64) float64 { return x + y })
				ns.On("bad", func(int) {})
				off := j.listen(t, "ns", ns)
				var s *socketio.Socket
				var offSocket func()
				ns.OnConnect(func(c *socketio.Socket) { s = c; offSocket = j.listen(t, "s", c) })
				o.Namespace = namespace
				c := siotest.Dial(t, a, o)
				c.Expect("early")
				assert.Equal(t, "early", j.take(), "ns> early[1]")
				for _, tt := range []struct {
					do   func()
					want string
				}{
					{func() { c.Call("sum", 1, 2) }, "ns< sum[1,2]; s< sum[1,2]"},
					{func() { c.Call("bad", "x") }, `ns< bad["x"]; s< bad["x"]`},
					{func() { c.Emit("unknown", []byte{1, 2}, map[string]any{"b": []byte{3}}) }, `ns< unknown["AQI=",{"b":"Aw=="}]; s< unknown["AQI=",{"b":"Aw=="}]`},
					{func() { assert.NoError(t, s.Emit("e")) }, "ns> e[]; s> e[]"},
					{func() { assert.NoError(t, s.Emit("e", "[", 7, nil)) }, `ns> e["[",7,null]; s> e["[",7,null]`},
					{func() { assert.NoError(t, s.Emit(`"é"`, []byte{1}, "x", []byte{2})) }, `ns> "é"["AQ==","x","Ag=="]; s> "é"["AQ==","x","Ag=="]`},
					{func() { assert.NoError(t, ns.To(s.ID()).Emit("all", 1)) }, "ns> all[1]; s> all[1]"},
					{func() { assert.NoError(t, ns.Volatile().Emit("v")) }, "ns> v[]; s> v[]"},
					{func() { assert.NoError(t, s.Volatile().Emit("v", 2)) }, "ns> v[2]; s> v[2]"},
					{func() { assert.NoError(t, s.Broadcast().Emit("others")) }, ""},
					{func() {
						ctx, cancel := context.WithCancel(t.Context())
						cancel()
						_, err := s.EmitWithAck(ctx, "ask", 1)
						assert.ErrorIs(t, err, context.Canceled)
					}, "ns> ask[1]; s> ask[1]"},
					{offSocket, ""},
					{func() { c.Call("sum", 1, 2); assert.NoError(t, s.Emit("e")) }, "ns< sum[1,2]; ns> e[]"},
					{off, ""},
					{func() { c.Call("sum", 1, 2); assert.NoError(t, s.Emit("e")) }, ""},
					{func() { off = j.listen(t, "again", ns) }, ""},
					{func() { c.Disconnect() }, ""},
					{func() { assert.ErrorIs(t, s.Emit("late"), socketio.ErrClosed) }, ""},
				} {
					tt.do()
					assert.Equal(t, "heard", j.take(), tt.want)
				}
				a.log.none(t)
			})
		})
	}
}

// TestListenersThatPanic are logged; the event goes its way.
func TestListenersThatPanic(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		a.On("echo", func(s *socketio.Socket, v string) { _ = s.Emit("echo", v) })
		c := siotest.Dial(t, a, o)
		a.OnAny(func(*socketio.Socket, *socketio.Incoming) { panic("in") })
		a.OnAnyOutgoing(func(*socketio.Socket, *socketio.Outgoing) { panic("out") })
		c.Emit("echo", "x")
		c.Expect("echo")
		synctest.Wait()
		lines := a.log.take()
		assert.Equal(t, "lines", len(lines), 2)
		assert.True(t, lines[0], strings.Contains(lines[0], "in=OnAny ") && strings.Contains(lines[1], "in=OnAnyOutgoing "))
	})
}

// TestListenersMayRegister: a listener sees the event before its handler is
// looked for, and may acknowledge it.
func TestListenersMayRegister(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		a.OnAny(func(_ *socketio.Socket, in *socketio.Incoming) {
			if in.Event == "ack" {
				assert.NoError(t, in.Ack("listener"))
				return
			}
			in.Socket.Once(in.Event, func() string { return in.Event })
		})
		a.On("ack", func() string { return "handler" })
		c := siotest.Dial(t, a, o)
		assert.Equal(t, "reply", c.Call("any name").String(), `["any name"]`)
		assert.Equal(t, "reply", c.Call("ack").String(), `["listener"]`)
	})
}

// TestSocketUseEvent: a socket's middleware is inside the namespace's and the
// parent's, around every handler; each piece is put around each handler once.
func TestSocketUseEvent(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		j := &journal{}
		middleware := func(name string) func(socketio.EventHandler) socketio.EventHandler {
			return func(next socketio.EventHandler) socketio.EventHandler {
				j.note("new %s", name)
				return func(ctx context.Context, in *socketio.Incoming) error { j.note("%s", name); return next(ctx, in) }
			}
		}
		parent := a.OfRegexp(rooms)
		child := parent.Child("/room-1")
		for name, ns := range map[string]*socketio.Namespace{"p": parent, "c": child} {
			ns.On(name, func() { j.note("handler") })
		}
		parent.OnConnect(func(s *socketio.Socket) { s.On("s", func() { j.note("handler") }) })
		sockets := make(map[string]*socketio.Socket)
		parent.OnConnect(func(s *socketio.Socket) { sockets[s.ID()] = s })
		o.Namespace = "/room-1"
		one, two := siotest.Dial(t, a, o), siotest.Dial(t, a, o)
		run := func(c *siotest.Client, events string, want string) {
			t.Helper()
			for event := range strings.FieldsSeq(events) {
				c.Emit(event)
				assert.Equal(t, "after "+event, j.take(), want)
			}
		}
		run(one, "p c s", "handler")
		run(one, "none", "")
		sockets[one.ID()].UseEvent(middleware("S"))
		run(one, "p c s", "new S; S; handler")
		run(one, "p c s", "S; handler")
		run(one, "none", "new S; S")
		run(one, "other", "S") // one for all that have no handler
		run(two, "p c s", "handler")
		run(two, "none", "")
		for range 2 { // two handlers that have the event one after the other
			off := parent.On("again", func() { j.note("handler") })
			run(one, "again", "new S; S; handler")
			run(one, "again", "S; handler")
			off()
		}
		run(one, "again", "S")
		parent.UseEvent(middleware("P"))
		run(one, "p c s", "new P; P; S; handler")
		run(one, "none", "new P; P; S")
		run(two, "p c", "P; handler")
		run(two, "s", "new P; P; handler")
		run(two, "none", "P")
		child.UseEvent(middleware("C"))
		run(one, "p c s", "P; new C; C; S; handler")
		run(two, "p c", "P; C; handler")
		run(two, "s", "P; new C; C; handler")
		run(one, "none", "P; new C; C; S")
		run(two, "none", "P; C")
		sockets[one.ID()].UseEvent(middleware("T"))
		run(one, "p c s", "P; C; new T; new S; S; T; handler")
		run(one, "none", "P; C; new T; new S; S; T")
		run(two, "p c s", "P; C; handler")
	})
}
