package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

var rooms = regexp.MustCompile(`^/room-\d+$`)

// names are those of namespaces, sorted.
func names(all []*socketio.Namespace) string {
	var list []string
	for _, ns := range all {
		list = append(list, ns.Name())
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// who says as whose child the socket is where.
func who(parent string) func(s *socketio.Socket) string {
	return func(s *socketio.Socket) string { return parent + " " + s.Namespace().Name() }
}

// TestParents: which parent a client's namespace is the child of.
func TestParents(t *testing.T) {
	auth := func(token string) any { return map[string]string{"token": token} }
	tests := []struct {
		name, namespace string
		auth            any
		want            string // empty: "Invalid namespace"
		log             string
	}{
		{"matches", "/room-1", nil, "rooms /room-1", ""},
		{"does not match", "/room-x", nil, "", ""},
		{"anchored", "/x/room-1", nil, "", ""},
		{"concrete ones come first", "/room-99", nil, "concrete /room-99", ""},
		{"the first parent wins", "/both-1", nil, "first /both-1", ""},
		{"and of a function", "/func-1", nil, "first /func-1", ""},
		{"by what the handshake carries", "/secret", auth("s3cret"), "secret /secret", ""},
		{"and not", "/secret", auth("guess"), "", ""},
		{"a function that panics says no", "/panic", nil, "", "OfFunc"},
		{"and the next one is asked", "/panic-next", nil, "last /panic-next", "OfFunc"},
		{"a parent is no namespace", `/^\/room-\d+$`, nil, "", ""},
		{"a name that is long", "/long-" + strings.Repeat("x", 400), nil, "long /long-" + strings.Repeat("x", 400), ""},
		{"a long name in a panic", "/panic" + strings.Repeat("x", 400), nil, "", "OfFunc"},
	}
	t.Parallel()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{})
				prefix := func(p string) func(string, *socketio.Handshake) bool {
					return func(name string, _ *socketio.Handshake) bool { return strings.HasPrefix(name, p) }
				}
				for parent, ns := range map[string]*socketio.Namespace{
					"rooms": a.OfRegexp(rooms), "concrete": a.Of("/room-99"),
				} {
					ns.On("who", who(parent))
				}
				a.OfRegexp(regexp.MustCompile("^/both-|^/func-")).On("who", who("first"))
				a.OfFunc(prefix("/both-")).On("who", who("second"))
				a.OfFunc(prefix("/func-")).On("who", who("second"))
				a.OfRegexp(regexp.MustCompile("^/both-")).On("who", who("third"))
				a.OfFunc(prefix("/long-")).On("who", who("long"))
				a.OfFunc(func(name string, h *socketio.Handshake) bool {
					var auth struct{ Token string }
					_ = h.DecodeAuth(&auth)
					return name == "/secret" && auth.Token == "s3cret"
				}).On("who", who("secret"))
				a.OfFunc(func(name string, _ *socketio.Handshake) bool {
					if strings.HasPrefix(name, "/panic") {
						panic("asked")
					}
					return false
				})
				a.OfFunc(prefix("/panic-next")).On("who", who("last"))
				o.Namespace, o.Auth = tt.namespace, tt.auth
				if tt.want == "" {
					e := siotest.Refused(t, a, o)
					assert.Equal(t, "message", e.Message, "Invalid namespace")
				} else {
					assert.Equal(t, "who", siotest.Dial(t, a, o).Call("who").String(), `["`+tt.want+`"]`)
				}
				if tt.log == "" {
					a.log.none(t)
				} else {
					a.log.one(t, tt.log)
				}
			})
		})
	}
}

// TestFunctionIsAskedForEveryClient: also when the child exists; and nobody
// else's parent gets its name meanwhile.
func TestFunctionIsAskedForEveryClient(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		a.OfFunc(func(_ string, h *socketio.Handshake) bool { return string(h.Auth) == `{"a":1}` }).On("who", who("func"))
		a.OfRegexp(regexp.MustCompile("^/x$")).On("who", who("regexp"))
		o.Namespace, o.Auth = "/x", map[string]int{"a": 1}
		c := siotest.Dial(t, a, o)
		assert.Equal(t, "who", c.Call("who").String(), `["func /x"]`)
		other := o
		other.Auth = nil
		assert.Equal(t, "message", siotest.Refused(t, a, other).Message, "Invalid namespace")
		assert.Equal(t, "still", c.Call("who").String(), `["func /x"]`)
		c.Disconnect()
		synctest.Wait()
		assert.Equal(t, "who", siotest.Dial(t, a, other).Call("who").String(), `["regexp /x"]`)
		assert.Equal(t, "its parent is asked", siotest.Dial(t, a, o).Call("who").String(), `["regexp /x"]`)
	})
}

// TestChildrenShare: what the parent has holds for its children, also what is
// registered later, and comes before what they have themselves.
func TestChildrenShare(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		var order journal // when the server closes two sockets leave at once
		note := func(what string) { order.note("%s", what) }
		take := func() string { return strings.ReplaceAll(order.take(), "; ", " ") }
		register := func(ns *socketio.Namespace, by string) {
			ns.UseFunc(func(context.Context, *socketio.Socket) error { note(by + "-middleware"); return nil })
			ns.OnConnect(func(*socketio.Socket) { note(by + "-connect") })
			ns.OnDisconnecting(func(*socketio.Socket, socketio.Reason) { note(by + "-disconnecting") })
			ns.OnDisconnect(func(*socketio.Socket, socketio.Reason) { note(by + "-disconnect") })
			ns.OnAny(func(_ *socketio.Socket, in *socketio.Incoming) { note(by + "-any-" + in.Event) })
			ns.UseEvent(func(next socketio.EventHandler) socketio.EventHandler {
				return func(ctx context.Context, in *socketio.Incoming) error { note(by + "-event"); return next(ctx, in) }
			})
			ns.On("both", func() { note(by + "-both") })
			ns.On(by, func() { note(by) })
		}
		parent := a.OfRegexp(rooms)
		register(parent, "parent")
		o.Namespace = "/room-1"
		c := siotest.Dial(t, a, o)
		assert.Equal(t, "joined", take(), "parent-middleware parent-connect")
		c.Call("both")
		assert.Equal(t, "both", take(), "parent-any-both parent-event parent-both")

		register(parent.Child("/room-1"), "child") // the others have nothing of it
		c.Call("both")
		assert.Equal(t, "both", take(), "parent-any-both child-any-both parent-event child-event child-both")
		c.Call("parent")
		assert.Equal(t, "parent", take(), "parent-any-parent child-any-parent parent-event child-event parent")
		c.Emit("nobody's")
		assert.Equal(t, "unhandled", take(), "parent-any-nobody's child-any-nobody's parent-event child-event")

		parent.On("late", func() { note("late") })
		c.Call("late")
		assert.Equal(t, "late", take(), "parent-any-late child-any-late parent-event child-event late")
		c.Disconnect()
		assert.Equal(t, "left", take(), "parent-disconnecting child-disconnecting parent-disconnect child-disconnect")
		siotest.Dial(t, a, o)
		assert.Equal(t, "again", take(), "parent-middleware child-middleware parent-connect child-connect")
		o.Namespace = "/room-2"
		siotest.Dial(t, a, o).Call("both")
		assert.Equal(t, "other", take(), "parent-middleware parent-connect parent-any-both parent-event parent-both")
	})
}

// TestParentReachesAll: what is sent and done with a parent.
func TestParentReachesAll(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		parent := a.OfRegexp(rooms)
		parent.OnConnect(func(s *socketio.Socket) { _ = s.Join("all", "in"+s.Namespace().Name()) })
		parent.On("joined", func() {})
		var clients []*siotest.Client
		for _, name := range []string{"/room-1", "/room-2", "/room-2"} {
			o.Namespace = name
			clients = append(clients, siotest.Dial(t, a, o))
			clients[len(clients)-1].Call("joined")
		}
		bystander := a.dial(t)
		heard := func(want string) {
			t.Helper()
			synctest.Wait()
			assert.NoError(t, a.Emit("end"))
			assert.NoError(t, parent.Emit("end"))
			got := ""
			for i, c := range append(slices.Clip(clients), bystander) {
				for m := c.Next(); m.Event != "end"; m = c.Next() {
					got += fmt.Sprint(i)
				}
			}
			assert.Equal(t, "heard", got, want)
			synctest.Wait() // all polls wait: what is volatile arrives
		}
		assert.NoError(t, parent.Emit("e"))
		heard("012")
		assert.NoError(t, parent.To("in/room-2").Emit("e"))
		heard("12")
		assert.NoError(t, parent.To("all").Except("in/room-1").Volatile().Emit("e"))
		heard("12")
		assert.NoError(t, parent.Local().To(clients[0].ID(), clients[2].ID()).Emit("e"))
		heard("02")
		assert.True(t, "encoding error", parent.Emit("e", func() {}) != nil)

		assert.Equal(t, "children", names(parent.Children()), "/room-1 /room-2")
		assert.Equal(t, "sockets", len(parent.Sockets()), 3)
		s, ok := parent.Socket(clients[1].ID())
		assert.True(t, "socket", ok && s.ID() == clients[1].ID() && s.Namespace().Parent() == parent)
		_, ok = parent.Socket(bystander.ID())
		assert.True(t, "no other's socket", !ok && a.Parent() == nil && parent.Parent() == nil)
		assert.Equal(t, "rooms", strings.Join(parent.Rooms(), " "), "all in/room-1 in/room-2")

		assert.NoError(t, parent.To("in/room-2").SocketsJoin("new"))
		assert.NoError(t, parent.To("new").Emit("e"))
		heard("12")
		assert.NoError(t, parent.SocketsLeave("new", "in/room-1"))
		assert.Equal(t, "rooms", strings.Join(parent.Rooms(), " "), "all in/room-2")
		assert.NoError(t, parent.Except("in/room-2").DisconnectSockets(false))
		clients[0].ExpectDisconnect(siotest.ServerDisconnect)
		synctest.Wait()
		assert.Equal(t, "children", names(parent.Children()), "/room-2")
		assert.NoError(t, parent.DisconnectSockets(true))
		clients[1].ExpectDisconnect("")
		clients[2].ExpectDisconnect("")
		bystander.ExpectNone(1)
	})
}

func TestParentWiring(t *testing.T) {
	t.Parallel()
	a := newApp(t, socketio.Options{})
	parent, byFunc := a.OfRegexp(rooms), a.OfFunc(func(string, *socketio.Handshake) bool { return true })
	assert.Equal(t, "names", parent.Name()+" "+byFunc.Name(), `^/room-\d+$ func`)
	assert.Equal(t, "no children", len(a.Children()), 0)
	for want, f := range map[string]func(){
		"socketio: OfRegexp: nil function":                      func() { a.OfRegexp(nil) },
		"socketio: OfFunc: nil function":                        func() { a.OfFunc(nil) },
		"socketio: OnNewNamespace: nil function":                func() { a.OnNewNamespace(nil) },
		"socketio: Child: namespace / is no parent":             func() { a.Child("/room-1") },
		`socketio: Child: /room-x does not match ^/room-\d+$`:   func() { parent.Child("room-x") },
		"socketio: OnAny: nil function":                         func() { a.OnAny(nil) },
		"socketio: OnAnyOutgoing: nil function":                 func() { a.OnAnyOutgoing(nil) },
		"socketio: OnRoom: nil function":                        func() { a.OnRoom(nil) },
		`socketio: event "e" has a handler already` + otherwise: func() { parent.On("e", func() {}); parent.Once("e", func() {}) },
		`socketio: handler of "o" is no function`:               func() { parent.Once("o", 1) },
		`socketio: event "connect" is reserved; for joining and leaving there are OnConnect and OnDisconnect`: func() {
			parent.Once("connect", func() {})
		},
	} {
		assert.Equal(t, "panic", panicText(f), want)
	}
}

// TestEmptyChildren: a child is there while a socket is in it, its last hook
// included, and not longer unless that is asked for.
func TestEmptyChildren(t *testing.T) {
	leave := func(_ *app, c *siotest.Client) { c.Disconnect() }
	tests := []struct {
		name    string
		options socketio.Options
		prepare func(a *app, parent *socketio.Namespace)
		end     func(a *app, c *siotest.Client)
		want    string // children at the end
		made    int    // how often OnNewNamespace was told, when there was a second client
	}{
		{"the client leaves", socketio.Options{}, nil, leave, "", 2},
		{"the connection is lost", socketio.Options{}, nil, func(_ *app, c *siotest.Client) { c.Conn().Cut() }, "", 2},
		{"the server makes it leave", socketio.Options{}, nil, func(a *app, c *siotest.Client) {
			assert.NoError(t, a.Of("/room-1").DisconnectSockets(true))
		}, "", 2},
		{"kept by the option", socketio.Options{KeepEmptyNamespaces: true}, nil, leave, "/room-1", 1},
		{"kept by a handler", socketio.Options{}, func(_ *app, p *socketio.Namespace) { p.Child("/room-1").On("own", func() {}) }, leave, "/room-1", 1},
		{"kept by a hook, through Of", socketio.Options{}, func(a *app, _ *socketio.Namespace) { a.Of("room-1").OnConnect(func(*socketio.Socket) {}) }, leave, "/room-1", 1},
		{"kept by a listener", socketio.Options{}, func(a *app, _ *socketio.Namespace) {
			a.Of("room-1").OnAny(func(*socketio.Socket, *socketio.Incoming) {})
		}, leave, "/room-1", 1},
		{"asking for it does not keep it", socketio.Options{}, func(a *app, p *socketio.Namespace) {
			_ = a.Of("/room-1").Emit("e")
			_ = p.Child("/room-1").Sockets()
			_ = p.Child("/room-1").To("x").SocketsJoin("y")
		}, leave, "", 2},
		{"nor does OnNewNamespace", socketio.Options{}, func(a *app, p *socketio.Namespace) {
			a.OnNewNamespace(func(ns *socketio.Namespace) {
				ns.On("own", func() {})
				a.Of(ns.Name()).OnConnect(func(*socketio.Socket) {})
				_ = p.Emit("e")
			})
		}, leave, "", 2},
	}
	t.Parallel()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, tt.options)
				parent := a.OfRegexp(rooms)
				made := 0
				a.OnNewNamespace(func(ns *socketio.Namespace) {
					assert.True(t, "as a child", ns.Parent() == parent)
					made++
				})
				told := make(chan string, 4)
				parent.OnDisconnect(func(s *socketio.Socket, _ socketio.Reason) {
					told <- names(parent.Children())
					assert.NoError(t, s.Broadcast().Emit("left")) // nobody is there
				})
				if tt.prepare != nil {
					tt.prepare(a, parent)
				}
				for range 2 {
					o.Namespace = "/room-1"
					c := siotest.Dial(t, a, o)
					assert.Equal(t, "children", names(parent.Children()), "/room-1")
					tt.end(a, c)
					assert.Equal(t, "in its last hook", <-told, "/room-1")
					synctest.Wait()
					assert.Equal(t, "afterwards", names(parent.Children()), tt.want)
				}
				assert.Equal(t, "made", made, tt.made)
				a.log.none(t)
			})
		})
	}
}

// TestRefusedChildren: a client that middleware refuses, or that goes away
// meanwhile, leaves no child behind, and has not made an adapter.
func TestRefusedChildren(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		var adapters []string
		a := newApp(t, socketio.Options{Adapter: func(l adapter.Local) adapter.Adapter {
			adapters = append(adapters, l.Namespace())
			return &broken{}
		}})
		parent := a.OfRegexp(rooms)
		a.OnNewNamespace(func(ns *socketio.Namespace) { ns.On("own", func() {}) })
		parent.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
			assert.Equal(t, "while it runs", names(parent.Children()), s.Namespace().Name())
			if s.Namespace().Name() == "/room-1" {
				return errors.New("no")
			}
			<-ctx.Done()
			return nil
		})
		o.Namespace = "/room-1"
		siotest.Refused(t, a, o)
		synctest.Wait()
		assert.Equal(t, "children", names(parent.Children()), "")
		c := siotest.Open(t, a, o)
		assert.NoError(t, c.Send("40/room-2,"))
		synctest.Wait()
		assert.Equal(t, "children", names(parent.Children()), "/room-2")
		c.Cut()
		synctest.Wait()
		assert.Equal(t, "children", names(parent.Children()), "")
		assert.Equal(t, "adapters", strings.Join(adapters, " "), "/")
		a.log.one(t, "middleware failed")
	})
}

// TestLongNamesInLogs: what a client chooses is cut before it is logged, which
// every log of these tests checks.
func TestLongNamesInLogs(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		a.OfRegexp(regexp.MustCompile("^/x+$")).On("fail", func() error { return errors.New("no") })
		o.Namespace = "/" + strings.Repeat("x", 500)
		siotest.Dial(t, a, o).Call("fail")
		a.log.one(t, "handler failed")
		root := siotest.Options{Transport: o.Transport}
		a.On("echo", func(text string) error { return errors.New(text) })
		siotest.Dial(t, a, root).Call("echo", strings.Repeat("x", 500))
		a.log.one(t, "handler failed")
		a.On("panic", func(text string) { panic(text) })
		siotest.Dial(t, a, root).Call("panic", strings.Repeat("x", 500))
		a.log.one(t, "panic")
	})
}
