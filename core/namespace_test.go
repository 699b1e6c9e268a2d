package socketio_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// TestNamespaces: namespaces share a connection and nothing else.
func TestNamespaces(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		chat, news := a.Of("/chat"), a.Of("news") // a leading slash is added
		assert.Equal(t, "name", news.Name(), "/news")
		assert.True(t, "made once", a.Of("/news") == news)
		for _, ns := range []*socketio.Namespace{a.Namespace, chat, news} {
			ns.On("where", func(s *socketio.Socket) string { return s.Namespace().Name() })
			ns.OnConnect(func(s *socketio.Socket) { _ = s.Join("room") })
		}
		c := siotest.Dial(t, a, o)
		c2 := c.Of("/chat", nil)
		c3 := c.Of("/news", nil)
		for _, tt := range []struct {
			c    *siotest.Client
			want string
		}{{c, `["/"]`}, {c2, `["/chat"]`}, {c3, `["/news"]`}} {
			assert.Equal(t, "where", tt.c.Call("where").String(), tt.want)
		}
		assert.Equal(t, "connections", a.Connections(), 1)
		assert.True(t, "own ids", c.ID() != c2.ID() && c2.ID() != c3.ID())
		assert.NoError(t, chat.To("room").Emit("only", "chat"))
		c2.Expect("only")
		assert.NoError(t, a.Emit("main"))
		c.Expect("main")
		c2.Disconnect()
		assert.Equal(t, "where", c3.Call("where").String(), `["/news"]`)
		for _, c := range []*siotest.Client{c, c3} {
			c.ExpectNone(time.Second)
		}
		assert.Equal(t, "sockets", len(chat.Sockets()), 0)
		assert.Equal(t, "rooms", len(chat.Rooms()), 0)
	})
}

func TestWireOrder(t *testing.T) {
	const sid = `40{"sid":"`
	tests := []struct {
		name string
		send []string
		want []string // a want that ends with sid's text is a prefix
	}{
		{"CONNECT and events in one payload", []string{"40", `42["n",1]`, `420["n",2]`, `42["n",3]`},
			[]string{sid, `42["n",1]`, `42["n",2]`, `430[]`, `42["n",3]`}},
		{"an unknown namespace", []string{"40/none,", `42/none,["n"]`, "41/none,", "40", `42["n",1]`},
			[]string{`44/none,{"message":"Invalid namespace"}`, sid, `42["n",1]`}},
		{"an unknown namespace without its comma", []string{"40/none"}, []string{`44/none,{"message":"Invalid namespace"}`}},
		{"a query makes it another name", []string{"40/other?x=1,"}, []string{`44/other?x=1,{"message":"Invalid namespace"}`}},
		{"the main namespace by name", []string{"40/,", `42/,["n",1]`}, []string{sid, `42["n",1]`}},
		{"a late acknowledgement", []string{"40", "430[]", "43", "4399[1]", `42["n",1]`}, []string{sid, `42["n",1]`}},
		{"an unknown event is not acknowledged", []string{"40", `420["unknown"]`, `421["n",1]`}, []string{sid, `42["n",1]`, `431[]`}},
		{"a number for a name", []string{"40", `420[7,"x"]`}, []string{sid, `430["seven","x"]`}},
		{"an empty name", []string{"40", `420[""]`}, []string{sid, `430["nameless"]`}},
		{"a placeholder in a text event is data", []string{"40", `42["n",{"_placeholder":true,"num":0}]`}, []string{sid, `42["n",{"_placeholder":true,"num":0}]`}},
		{"one attachment twice", []string{"40", `451-["n",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`, "bAQID"},
			[]string{sid, `452-["n",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "bAQID", "bAQID"}},
		{"a second namespace", []string{`40/other,{"a":1}`, `42/other,1["n",1]`}, []string{`40/other,{"sid":"`, `43/other,1[]`}},
	}
	t.Parallel()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{})
				a.On("n", func(s *socketio.Socket, args ...any) error { return s.Emit("n", args...) })
				a.On("7", func(v any) (string, any) { return "seven", v })
				a.On("", func() string { return "nameless" })
				a.Of("/other").On("n", func() {})
				c := siotest.Open(t, a, o)
				assert.NoError(t, c.Send(tt.send...))
				for i := 0; i < len(tt.want); i++ {
					got := c.Next()
					if strings.HasSuffix(tt.want[i], `"sid":"`) {
						assert.True(t, got+" begins with "+tt.want[i], strings.HasPrefix(got, tt.want[i]))
						continue
					}
					assert.Equal(t, "message", got, tt.want[i])
				}
				a.log.none(t)
			})
		})
	}
}

// TestRejoin: a client may leave and join in one go. The reference closes such
// connections.
func TestRejoin(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		a.On("n", func(s *socketio.Socket, n int) error { return s.Emit("n", n, s.ID()) })
		c := siotest.Open(t, a, o)
		assert.NoError(t, c.Send("40"))
		first := c.Next()
		assert.NoError(t, c.Send("41", "40", `42["n",2]`))
		second := c.Next()
		assert.True(t, "another socket", first != second)
		assert.Equal(t, "handled by the new one", strings.HasPrefix(c.Next(), `42["n",2,"`+second[len(`40{"sid":"`):len(second)-1]), true)
		assert.Equal(t, "sockets", len(a.Sockets()), 1)
		a.log.none(t)
	})
}

// TestLateEvents: what a client sends before it has heard that the server made
// it leave is ignored, and costs it nothing.
func TestLateEvents(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		handled := make(chan string, 8)
		a.On("late", func() { handled <- "late" })
		a.Of("/other").On("ping", func() string { return "pong" })
		a.OnDisconnect(func(*socketio.Socket, socketio.Reason) { handled <- "disconnected" })
		c := siotest.Dial(t, a, o)
		other := c.Of("/other", nil)
		s := a.socket(t, c)
		s.Disconnect(false)
		s.Disconnect(false) // once
		assert.Equal(t, "hook", <-handled, "disconnected")
		assert.NoError(t, c.Conn().Send(`42["late"]`, `421["late"]`, "43", "41", `451-["late",{"_placeholder":true,"num":0}]`, "bAQ=="))
		assert.Equal(t, "other namespace", other.Call("ping").String(), `["pong"]`)
		c.ExpectDisconnect(siotest.ServerDisconnect)
		assert.Equal(t, "handled", len(handled), 0)
		assert.ErrorIs(t, s.Emit("x"), socketio.ErrClosed)
		c2 := other.Of("/", nil) // and it may come back
		assert.True(t, "a new socket", c2.ID() != s.ID())
		a.log.none(t)
	})
}

// TestDoubleConnect: a client that leaves before the answer to its CONNECT says
// nothing, as the server does not know it yet, and may join again.
func TestDoubleConnect(t *testing.T) {
	for _, tt := range []struct {
		name, first, second string
		asked               int
	}{
		{"the same", `40`, `40`, 1},
		{"the same auth", `40{"n":1}`, `40{"n":1}`, 1},
		{"another auth", `40{"n":1}`, `40{"n":2}`, 2},
		{"auth then none", `40{"n":1}`, `40`, 2},
	} {
		for _, hook := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/hook %t", tt.name, hook), func(t *testing.T) {
				onBoth(t, func(t *testing.T, o siotest.Options) {
					a := newApp(t, socketio.Options{})
					hold := make(chan struct{})
					var asked, joined atomic.Int32
					a.UseFunc(func(context.Context, *socketio.Socket) error {
						asked.Add(1)
						if !hook {
							<-hold
						}
						return nil
					})
					a.OnConnect(func(*socketio.Socket) {
						joined.Add(1)
						if hook {
							<-hold
						}
					})
					c := siotest.Open(t, a, o)
					_ = c.Send(tt.first)
					synctest.Wait()
					_ = c.Send(tt.second)
					synctest.Wait()
					close(hold)
					answer := c.Next()
					synctest.Wait()
					all := a.Sockets()
					assert.Equal(t, "sockets", len(all), 1)
					assert.Equal(t, "answer", answer, `40{"sid":"`+all[0].ID()+`"}`)
					auth := strings.TrimPrefix(tt.second, "40")
					assert.Equal(t, "auth", string(all[0].Handshake().Auth), auth)
					assert.Equal(t, "asked", int(asked.Load()), tt.asked)
					assert.NoError(t, a.Emit("last")) // no other answer before it
					assert.Equal(t, "next", c.Next(), `42["last"]`)
					a.log.none(t)
				})
			})
		}
	}
}

// TestConnectAgain: a client that says the same twice, as those do that connect
// from two threads, is told the same twice; with another auth payload it breaks
// the protocol, see TestHostile.
func TestConnectAgain(t *testing.T) {
	for _, recovery := range []*socketio.Recovery{nil, {}} {
		for _, packet := range []string{`40`, `40{"n":1}`, `40/chat,{"n":1}`} {
			t.Run(fmt.Sprintf("%s/recovery %t", strings.ReplaceAll(packet, "/", ""), recovery != nil), func(t *testing.T) {
				onBoth(t, func(t *testing.T, o siotest.Options) {
					a := newApp(t, socketio.Options{Recovery: recovery})
					var joined atomic.Int32
					for _, name := range []string{"/", "/chat"} {
						a.Of(name).OnConnect(func(*socketio.Socket) { joined.Add(1) })
						a.Of(name).On("ping", func() string { return "pong" })
					}
					c := siotest.Open(t, a, o)
					_ = c.Send(packet)
					answer := c.Next()
					for range 3 {
						_ = c.Send(packet)
						assert.Equal(t, "answer", c.Next(), answer)
					}
					event, ack := "421", "431"
					if strings.Contains(packet, "/") {
						event, ack = "42/chat,1", "43/chat,1"
					}
					_ = c.Send(event + `["ping"]`)
					assert.Equal(t, "ack", c.Next(), ack+`["pong"]`)
					assert.Equal(t, "sockets", len(a.Sockets())+len(a.Of("/chat").Sockets()), 1)
					assert.Equal(t, "joined", joined.Load(), 1)
					a.log.none(t)
				})
			})
		}
	}
}

// TestConnectAtTheAnswer: a client that has its answer breaks the protocol with another
// CONNECT packet, also while the server still sends what waits behind the answer.
func TestConnectAtTheAnswer(t *testing.T) {
	t.Parallel()
	a := newApp(t, socketio.Options{})
	reasons := make(chan socketio.Reason, 1)
	a.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reasons <- r })
	a.OnConnect(func(s *socketio.Socket) {
		for range 60 {
			_ = s.Emit("behind", "the answer")
		}
	})
	for range 30 {
		c := siotest.Open(t, a, siotest.Options{})
		_ = c.Send("40")
		assert.True(t, "an answer", strings.HasPrefix(c.Next(), "40{"))
		_ = c.Send(`40{"n":1}`)
		assert.Equal(t, "reason", <-reasons, socketio.ReasonForcedClose)
		c.Cut()
	}
}

// TestLatePackets: what may have been under way when a namespace was left, by
// either side, or refused, is ignored: the client's other namespaces live on.
func TestLatePackets(t *testing.T) {
	late := []string{`42/n,["e"]`, `42/n,7["e"]`, `43/n,0[]`, `41/n,`, `451-/n,["e",{"_placeholder":true,"num":0}]`, "bAQ==", `461-/n,0[{"_placeholder":true,"num":0}]`, "bAQ=="}
	for _, tt := range []struct {
		name string
		part func(a *app, c *siotest.Conn)
	}{
		{"the client has left", func(_ *app, c *siotest.Conn) { _ = c.Send("40/n,"); c.Next(); _ = c.Send("41/n,") }},
		{"it has left before the answer", func(_ *app, c *siotest.Conn) { _ = c.Send("40/n,", "41/n,") }},
		{"the server has ended it", func(a *app, c *siotest.Conn) {
			_ = c.Send("40/n,")
			c.Next()
			_ = a.Of("/n").DisconnectSockets(false)
			c.Next()
		}},
		{"middleware has refused", func(a *app, c *siotest.Conn) {
			a.Of("/n").UseFunc(func(context.Context, *socketio.Socket) error { return &socketio.ConnectError{Message: "no"} })
			_ = c.Send("40/n,")
			c.Next()
		}},
		{"it does not exist", func(_ *app, c *siotest.Conn) {
			_ = c.Send("40/nowhere,")
			c.Next()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{})
				a.Of("/n").On("e", func(...any) { t.Error("handled") })
				a.On("ping", func() string { return "pong" })
				c := siotest.Open(t, a, o)
				_ = c.Send("40")
				c.Next()
				tt.part(a, c)
				for _, p := range late {
					if tt.name == "it does not exist" {
						p = strings.Replace(p, "/n,", "/nowhere,", 1)
					}
					assert.NoError(t, c.Send(p))
				}
				assert.NoError(t, c.Send(`429["ping"]`))
				assert.Equal(t, "main", c.Next(), `439["pong"]`)
				if tt.name != "it does not exist" && tt.name != "middleware has refused" {
					assert.NoError(t, c.Send("40/n,"))
					assert.True(t, "joined again", strings.HasPrefix(c.Next(), "40/n,{"))
				}
				a.log.none(t)
			})
		})
	}
}

// TestManyNames: namespaces that do not exist, or that this side has ended, do not
// close a connection, however many; beyond some in a second it is read later.
func TestManyNames(t *testing.T) {
	for _, tt := range []struct {
		name  string
		limit int
		n     int
		took  time.Duration
	}{
		{"below", 10, 9, 0},
		{"at", 10, 10, 0}, // what comes next waits
		{"above", 10, 11, time.Second},
		{"far above", 10, 95, 9 * time.Second},
		{"default at", 0, 1000, 0},
		{"default above", 0, 1001, time.Second},
		{"none", -1, 5000, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				a := newApp(t, socketio.Options{Limits: socketio.Limits{Refusals: tt.limit}})
				a.On("ping", func() string { return "pong" })
				o.Timeout = time.Minute
				c := siotest.Open(t, a, o)
				start := time.Now()
				for i := range tt.n {
					assert.NoError(t, c.Send(fmt.Sprintf("40/%d,", i)))
					assert.Equal(t, "refused", c.Next(), fmt.Sprintf(`44/%d,{"message":"Invalid namespace"}`, i))
				}
				assert.Equal(t, "took", time.Since(start), tt.took)
				assert.NoError(t, c.Send("40"))
				assert.True(t, "joined", strings.HasPrefix(c.Next(), "40{"))
				a.log.none(t)
			})
		})
	}
}

// TestManyEnded: a server may make a client leave any number of namespaces.
func TestManyEnded(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		c := siotest.Open(t, a, o)
		for i := range 200 {
			name := fmt.Sprintf("/%d", i)
			ns := a.Of(name)
			ns.OnConnect(func(s *socketio.Socket) { s.Disconnect(false) })
			assert.NoError(t, c.Send("40"+name+","))
			assert.True(t, "joined", strings.HasPrefix(c.Next(), "40"+name))
			assert.Equal(t, "ended", c.Next(), "41"+name+",")
			assert.NoError(t, c.Send("42"+name+`,["late"]`))
		}
		assert.NoError(t, c.Send("40"))
		assert.True(t, "joined", strings.HasPrefix(c.Next(), "40{"))
		a.log.none(t)
	})
}

func TestNamespaceNames(t *testing.T) {
	t.Parallel()
	a := newApp(t, socketio.Options{Limits: socketio.Limits{NamespaceName: 10}})
	for _, name := range []string{"/a,b", "/" + strings.Repeat("x", 10)} {
		assert.Equal(t, "panic", panicText(func() { a.Of(name) }),
			"socketio: namespace name "+name+" cannot be used: it is too long or has a comma")
	}
	a.Of("/" + strings.Repeat("x", 9))
}

// panicText returns the text of f's panic.
func panicText(f func()) (text string) {
	defer func() { text, _ = recover().(string) }()
	f()
	return ""
}
