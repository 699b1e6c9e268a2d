package socketio_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestOfBesideParents: what is sent by Of opens no namespace without the guard of a
// parent that could make it, and reaches the parent's child.
func TestOfBesideParents(t *testing.T) {
	uses := map[string]func(a *app){
		"Emit":           func(a *app) { _ = a.Of("/room-1").Emit("e") },
		"To":             func(a *app) { _ = a.Of("room-1").To("r").Emit("e") },
		"EmitWithAck":    func(a *app) { _, _ = a.Of("/room-1").EmitWithAck(context.Background(), "e") },
		"SocketsJoin":    func(a *app) { _ = a.Of("/room-1").SocketsJoin("r") },
		"Sockets":        func(a *app) { a.Of("/room-1").Sockets() },
		"FetchSockets":   func(a *app) { _, _ = a.Of("/room-1").FetchSockets(context.Background()) },
		"ServerSideEmit": func(a *app) { _ = a.Of("/room-1").ServerSideEmit("e") },
		"nothing":        func(a *app) { a.Of("/room-1") },
		"a hook registers": func(a *app) {
			a.OnNewNamespace(func(ns *socketio.Namespace) { ns.OnConnect(func(*socketio.Socket) {}) })
			a.Of("/room-1")
		},
	}
	parents := map[string]func(a *app) *socketio.Namespace{
		"regexp": func(a *app) *socketio.Namespace { return a.OfRegexp(rooms) },
		"func": func(a *app) *socketio.Namespace {
			return a.OfFunc(func(_ string, h *socketio.Handshake) bool { return len(h.Auth) > 0 })
		},
	}
	for parent, makeParent := range parents {
		for use, do := range uses {
			for _, order := range []string{"before", "after", "both"} {
				for _, adapted := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/%s %s/adapter %t", parent, use, order, adapted), func(t *testing.T) {
						bubble(t, func(t *testing.T) {
							o := socketio.Options{Recovery: &socketio.Recovery{}}
							f := newFleet(t)
							if adapted {
								o.Adapter = f.adapter
							}
							a := newApp(t, o)
							var early *socketio.Namespace
							if order != "after" {
								early = a.Of("/room-1")
								do(a)
							}
							p := makeParent(a)
							p.UseFunc(func(_ context.Context, s *socketio.Socket) error {
								if string(s.Handshake().Auth) != `{"token":1}` {
									return &socketio.ConnectError{Message: "guarded"}
								}
								return nil
							})
							p.OnConnect(func(s *socketio.Socket) { _ = s.Join("r") })
							if order != "before" {
								do(a)
							}
							for _, auth := range []any{nil, map[string]int{"token": 2}} {
								e := siotest.Refused(t, a, siotest.Options{Namespace: "/room-1", Auth: auth})
								assert.True(t, "refused: "+e.Message, e.Message == "guarded" || auth == nil && e.Message == "Invalid namespace")
							}
							do(a)
							c := siotest.Dial(t, a, siotest.Options{Namespace: "/room-1", Auth: map[string]int{"token": 1}})
							late := a.Of("/room-1")
							assert.Equal(t, "sockets", len(late.Sockets()), 1)
							assert.True(t, "child", late.Sockets()[0].Namespace().Parent() == p)
							assert.NoError(t, late.To("r").Emit("hello"))
							c.Expect("hello")
							if early != nil {
								assert.NoError(t, early.To("r").Emit("hello"))
								c.Expect("hello")
							}
							c.Conn().Cut()
							synctest.Wait()
							a.log.take()
						})
					})
				}
			}
		}
	}
}

// TestOfRegisters: what is registered by Of makes the namespace, beside a function
// that wants another name, or none.
func TestOfRegisters(t *testing.T) {
	for name, register := range map[string]func(ns *socketio.Namespace){
		"On":        func(ns *socketio.Namespace) { ns.On("x", func() {}) },
		"OnConnect": func(ns *socketio.Namespace) { ns.OnConnect(func(*socketio.Socket) {}) },
		"UseFunc":   func(ns *socketio.Namespace) { ns.UseFunc(func(context.Context, *socketio.Socket) error { return nil }) },
		"UseEvent": func(ns *socketio.Namespace) {
			ns.UseEvent(func(next socketio.EventHandler) socketio.EventHandler { return next })
		},
		"OnServerSide": func(ns *socketio.Namespace) { ns.OnServerSide("x", func() {}) },
	} {
		for _, early := range []bool{false, true} {
			for _, adapted := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/before the parent %t/adapter %t", name, early, adapted), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						f := newFleet(t)
						o := socketio.Options{}
						if adapted {
							o.Adapter = f.adapter
						}
						a := newApp(t, o)
						var made []string
						a.OnNewNamespace(func(ns *socketio.Namespace) { made = append(made, ns.Name()) })
						var ns *socketio.Namespace
						if early {
							ns = a.Of("/admin")
						}
						a.OfFunc(func(string, *socketio.Handshake) bool { return true }).UseFunc(func(context.Context, *socketio.Socket) error {
							return &socketio.ConnectError{Message: "the parent's"}
						})
						if !early {
							ns = a.Of("/admin")
							assert.Equal(t, "not made", len(made), 0)
						}
						register(ns)
						assert.Equal(t, "made", fmt.Sprint(made), "[/admin]")
						c := siotest.Dial(t, a, siotest.Options{Namespace: "/admin"})
						assert.NoError(t, ns.Emit("e"))
						c.Expect("e")
						assert.True(t, "no child", a.Of("/admin").Sockets()[0].Namespace().Parent() == nil)
						assert.Equal(t, "others", siotest.Refused(t, a, siotest.Options{Namespace: "/other"}).Message, "the parent's")
						a.log.take()
					})
				})
			}
		}
	}
}
