package socketio_test

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestRestingChildren: children of which only sessions are kept keep no slot from
// those who come: the one goes that nobody has been in for longest.
func TestRestingChildren(t *testing.T) {
	for _, adapter := range []bool{false, true} {
		t.Run(fmt.Sprint("adapter ", adapter), func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				f := newFleet(t)
				options := socketio.Options{Recovery: &socketio.Recovery{}, Limits: socketio.Limits{ChildNamespaces: 3}}
				if adapter {
					options.Adapter = f.adapter
				}
				a := newApp(t, options)
				parent := a.OfRegexp(rooms)
				join := func(n int) *siotest.Client {
					t.Helper()
					o := o
					o.Namespace = fmt.Sprint("/room-", n)
					return siotest.Dial(t, a, o)
				}
				refused := func(n int) {
					t.Helper()
					o := o
					o.Namespace = fmt.Sprint("/room-", n)
					assert.Equal(t, "message", siotest.Refused(t, a, o).Message, "Invalid namespace")
				}
				lost := make([]*siotest.Client, 4)
				for n := 1; n <= 3; n++ {
					lost[n] = join(n)
				}
				refused(4) // all are in use
				for n := 1; n <= 3; n++ {
					lost[n].Conn().Cut()
					synctest.Wait()
				}
				lost[1] = back(t, lost[1], true) // and is in use again
				assert.Equal(t, "children", names(parent.Children()), "/room-1 /room-2 /room-3")
				fourth := join(4)
				synctest.Wait()
				assert.Equal(t, "the oldest has gone", names(parent.Children()), "/room-1 /room-3 /room-4")
				lost[3] = back(t, lost[3], true)
				refused(2)
				lost[1].Conn().Cut()
				synctest.Wait()
				back(t, lost[2], false)
				synctest.Wait()
				assert.Equal(t, "children", names(parent.Children()), "/room-2 /room-3 /room-4")
				refused(1)
				fourth.Disconnect()
				synctest.Wait()
				back(t, lost[1], false)
				if live, _, _ := f.state(""); adapter {
					assert.Equal(t, "adapters", live, 4)
				}
				a.log.none(t)
			})
		})
	}
}

// TestRestingOrder: the child that somebody has been in again is the last to go.
// One that was only sent to, or whose client was refused, is not.
func TestRestingOrder(t *testing.T) {
	for _, tt := range []struct {
		name string
		use  func(t *testing.T, a *app, parent *socketio.Namespace, c *siotest.Client)
		stay string
	}{
		{"nothing", func(*testing.T, *app, *socketio.Namespace, *siotest.Client) {}, "/room-2 /room-3"},
		{"an event", func(t *testing.T, _ *app, parent *socketio.Namespace, _ *siotest.Client) {
			assert.NoError(t, parent.Child("/room-1").Emit("e"))
		}, "/room-2 /room-3"},
		{"a client that is refused", func(t *testing.T, a *app, _ *socketio.Namespace, _ *siotest.Client) {
			a.dial(t).RefusedOf("/room-1", map[string]any{"refuse": true})
		}, "/room-2 /room-3"},
		{"a client", func(t *testing.T, _ *app, _ *socketio.Namespace, c *siotest.Client) { back(t, c, true).Conn().Cut() }, "/room-1 /room-3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := recovering(t, socketio.Recovery{}, socketio.Options{Limits: socketio.Limits{ChildNamespaces: 2}})
				parent := a.OfRegexp(rooms)
				parent.UseFunc(func(_ context.Context, s *socketio.Socket) error {
					if strings.Contains(string(s.Handshake().Auth), "refuse") {
						return &socketio.ConnectError{Message: "no"}
					}
					return nil
				})
				lost := lost(t, a, 2)
				tt.use(t, a, parent, lost[1])
				synctest.Wait()
				siotest.Dial(t, a, siotest.Options{Namespace: "/room-3"})
				synctest.Wait()
				assert.Equal(t, "children", names(parent.Children()), tt.stay)
			})
		})
	}
}

// TestRemovedChildKeepsNothing: with recovery, a child that is removed leaves
// neither a log nor a timer that holds on to it.
func TestRemovedChildKeepsNothing(t *testing.T) {
	for _, how := range []string{"left", "lost, in time", "evicted", "shut down", "shut down with a session"} {
		t.Run(how, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := recovering(t, socketio.Recovery{}, socketio.Options{Limits: socketio.Limits{ChildNamespaces: 1}})
				parent := a.OfRegexp(rooms)
				c := siotest.Dial(t, a, siotest.Options{Namespace: "/room-1"})
				child := weak.Make(parent.Children()[0])
				assert.NoError(t, parent.Emit("e", strings.Repeat("x", 1000)))
				c.Expect("e")
				switch how {
				case "left":
					c.Disconnect()
				case "lost, in time":
					c.Conn().Cut()
					time.Sleep(2*time.Minute + time.Second) // the log's time is longer
				case "evicted":
					c.Conn().Cut()
					synctest.Wait()
					siotest.Dial(t, a, siotest.Options{Namespace: "/room-2"})
				case "shut down":
					c.Disconnect()
					synctest.Wait()
					assert.NoError(t, a.Shutdown(t.Context()))
				case "shut down with a session":
					c.Conn().Cut()
					synctest.Wait()
					assert.NoError(t, a.Shutdown(t.Context()))
				}
				synctest.Wait()
				time.Sleep(time.Second) // idle goroutines end
				for range 1000 {        // the runtime forgets timers that are stopped when they are many
					time.AfterFunc(time.Hour, func() {}).Stop()
				}
				time.Sleep(time.Second)
				for range 3 {
					runtime.GC()
				}
				assert.True(t, "forgotten", child.Value() == nil)
			})
		})
	}
}

// TestParentNames: no two parents have a name in common, with each other or with
// a namespace: metrics count by it.
func TestParentNames(t *testing.T) {
	t.Parallel()
	a := newApp(t, socketio.Options{})
	a.Of("/chat")
	var got []string
	for _, parent := range []*socketio.Namespace{
		a.OfFunc(func(string, *socketio.Handshake) bool { return false }),
		a.OfFunc(func(string, *socketio.Handshake) bool { return false }),
		a.OfFunc(func(string, *socketio.Handshake) bool { return false }),
		a.OfRegexp(regexp.MustCompile("func")),
		a.OfRegexp(regexp.MustCompile("/chat")),
		a.OfRegexp(rooms),
		a.OfRegexp(rooms),
	} {
		got = append(got, parent.Name())
	}
	assert.Equal(t, "names", strings.Join(got, " "), "func func#2 func#3 func#4 /chat#2 "+rooms.String()+" "+rooms.String()+"#2")
	assert.Equal(t, "counted", len(a.Stats().Namespaces), len(got)+2)
}

// TestAfterShutdown: what is made after the end has no adapter, which nobody
// would close.
func TestAfterShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		f := newFleet(t)
		a := newApp(t, socketio.Options{Adapter: f.adapter, Recovery: &socketio.Recovery{}})
		parent := a.OfRegexp(rooms)
		assert.NoError(t, a.Shutdown(t.Context()))
		late := a.Of("/late")
		late.On("e", func() {})
		assert.NoError(t, late.Emit("e"))
		child := parent.Child("/room-1")
		assert.NoError(t, child.Emit("e"))
		child.On("e", func() {})
		assert.NoError(t, child.Emit("e"))
		assert.NoError(t, a.Of("/room-2").SocketsJoin("r"))
		for _, name := range []string{"/late", "/room-1", "/room-2"} {
			live, made, _ := f.state(name)
			assert.Equal(t, name, fmt.Sprint(live, made), "0 0")
		}
		assert.NoError(t, a.Shutdown(t.Context()))
	})
}
