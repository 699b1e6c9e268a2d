package socketio_test

import (
	"context"
	"strings"
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

// TestDoubleConnect: a second CONNECT breaks the protocol, also while the
// middleware of the first still runs.
func TestDoubleConnect(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		a := newApp(t, socketio.Options{})
		hold := make(chan struct{})
		joined := 0
		a.UseFunc(func(context.Context, *socketio.Socket) error { <-hold; return nil })
		a.OnConnect(func(*socketio.Socket) { joined++ })
		c := siotest.Open(t, a, o)
		_ = c.Send("40", "40") // polling answers 400
		synctest.Wait()
		assert.Equal(t, "connections", a.Connections(), 0)
		close(hold)
		synctest.Wait()
		assert.Equal(t, "joined", joined, 0)
		assert.Equal(t, "sockets", len(a.Sockets()), 0)
		a.log.one(t, "joined twice")
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
