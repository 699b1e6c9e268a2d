package adaptertest

import (
	"fmt"
	"slices"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// Start starts n servers that form one cluster, each with these options and
// the adapter under test, and closes them with the test.
type Start func(t *testing.T, n int, opts socketio.Options) []*socketio.Server

// Run proves the adapter that start gives its servers. It has a subtest for
// each promise of [socketio.Adapter]; all of them run real clients.
func Run(t *testing.T, start Start) {
	for name, test := range map[string]func(*testing.T, Start){
		"Broadcast":         testBroadcast,
		"Order":             testOrder,
		"Binary":            testBinary,
		"Volatile":          testVolatile,
		"Namespaces":        testNamespaces,
		"SocketsJoin":       testSocketsJoin,
		"DisconnectSockets": testDisconnectSockets,
		"Leave":             testLeave,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start)
		})
	}
}

// world is a cluster with one client on each node. A client's name is its
// node's number; it is in the rooms "all" and its own name, and the even ones
// in "even".
type world struct {
	servers []*socketio.Server
	clients []*siotest.Client
}

func newWorld(t *testing.T, start Start, n int) *world {
	t.Helper()
	w := &world{servers: start(t, n, socketio.Options{})}
	for i, srv := range w.servers {
		srv.OnConnect(func(s *socketio.Socket) {
			rooms := []string{"all", fmt.Sprint(i)}
			if i%2 == 0 {
				rooms = append(rooms, "even")
			}
			if err := s.Join(rooms...); err != nil {
				t.Error(err)
			}
		})
		srv.On("ready", func() {}) // runs behind OnConnect
		w.clients = append(w.clients, siotest.Dial(t, srv, siotest.Options{}))
		w.clients[i].Call("ready")
	}
	return w
}

// expect sends with emit, then a mark to everybody from the same server, and
// checks who got the event: once, and before the mark.
func (w *world) expect(t *testing.T, from int, emit func(*socketio.Server) error, want ...int) {
	t.Helper()
	if err := emit(w.servers[from]); err != nil {
		t.Fatalf("from %d: %v", from, err)
	}
	if err := w.servers[from].Emit("mark"); err != nil {
		t.Fatalf("from %d: %v", from, err)
	}
	for i, c := range w.clients {
		if slices.Contains(want, i) {
			c.Expect("event")
		}
		c.Expect("mark")
	}
}

func testBroadcast(t *testing.T, start Start) {
	w := newWorld(t, start, 3)
	id := func(i int) string { return w.clients[i].ID() }
	for from := range w.servers {
		for _, tt := range []struct {
			name string
			to   func(*socketio.Server) socketio.Emitter
			want []int
		}{
			{"everybody", func(s *socketio.Server) socketio.Emitter { return s }, []int{0, 1, 2}},
			{"a room", func(s *socketio.Server) socketio.Emitter { return s.To("even") }, []int{0, 2}},
			{"rooms that share sockets", func(s *socketio.Server) socketio.Emitter { return s.To("even", "all", "2") }, []int{0, 1, 2}},
			{"a room that nobody is in", func(s *socketio.Server) socketio.Emitter { return s.To("nobody") }, nil},
			{"a socket by its id", func(s *socketio.Server) socketio.Emitter { return s.To(id(1)) }, []int{1}},
			{"all but a room", func(s *socketio.Server) socketio.Emitter { return s.Except("even") }, []int{1}},
			{"a room but a socket", func(s *socketio.Server) socketio.Emitter { return s.To("all").Except(id(2)) }, []int{0, 1}},
			{"this server", func(s *socketio.Server) socketio.Emitter { return s.Local() }, []int{from}},
		} {
			t.Logf("from %d to %s", from, tt.name)
			w.expect(t, from, func(srv *socketio.Server) error { return tt.to(srv).Emit("event") }, tt.want...)
		}
	}
}

// testOrder: what one server sends arrives in its order.
func testOrder(t *testing.T, start Start) {
	w := newWorld(t, start, 2)
	const events = 300
	for i := range events {
		to := w.servers[0].To([]string{"all", "1"}[i%2])
		if err := to.Emit("event", i); err != nil {
			t.Fatal(err)
		}
	}
	for want := range events {
		var got int
		if w.clients[1].Expect("event", &got); got != want {
			t.Fatalf("event %d came in the place of %d", got, want)
		}
	}
}

func testBinary(t *testing.T, start Start) {
	w := newWorld(t, start, 2)
	type file struct {
		Name string `json:"name"`
		Data []byte `json:"data"`
	}
	sent := file{"é", []byte{0, 0xff, '"', 0x1e}}
	if err := w.servers[0].Emit("event", sent, []byte{1}, "text"); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.clients {
		var got file
		var raw []byte
		var text string
		c.Expect("event", &got, &raw, &text)
		if got.Name != sent.Name || !slices.Equal(got.Data, sent.Data) || !slices.Equal(raw, []byte{1}) || text != "text" {
			t.Errorf("got %v, %v, %q", got, raw, text)
		}
	}
}

// testVolatile: a volatile event reaches clients that can take it at once, on
// other servers, too.
func testVolatile(t *testing.T, start Start) {
	w := newWorld(t, start, 2)
	w.expect(t, 0, func(srv *socketio.Server) error { return srv.Volatile().Emit("event") }, 0, 1)
}

// testNamespaces: they do not hear each other.
func testNamespaces(t *testing.T, start Start) {
	w := newWorld(t, start, 2)
	var others []*siotest.Client
	for i, srv := range w.servers {
		srv.Of("/other")
		others = append(others, w.clients[i].Of("/other", nil))
	}
	if err := w.servers[0].Of("/other").Emit("other"); err != nil {
		t.Fatal(err)
	}
	w.expect(t, 0, func(srv *socketio.Server) error { return srv.Emit("event") }, 0, 1)
	for _, c := range others {
		c.Expect("other")
	}
}

func testSocketsJoin(t *testing.T, start Start) {
	w := newWorld(t, start, 3)
	to := func(srv *socketio.Server) error { return srv.To("new").Emit("event") }
	if err := w.servers[1].To("even").SocketsJoin("new", "newer"); err != nil {
		t.Fatal(err)
	}
	w.expect(t, 1, to, 0, 2)
	if err := w.servers[1].To("0").SocketsLeave("new"); err != nil {
		t.Fatal(err)
	}
	w.expect(t, 1, to, 2)
	w.expect(t, 1, func(srv *socketio.Server) error { return srv.To("newer").Emit("event") }, 0, 2)
}

func testDisconnectSockets(t *testing.T, start Start) {
	w := newWorld(t, start, 2)
	if err := w.servers[0].To("1").DisconnectSockets(false); err != nil {
		t.Fatal(err)
	}
	w.clients[1].ExpectDisconnect(siotest.ServerDisconnect)
	back := w.clients[1].Reconnect()
	back.Call("ready")
	if err := w.servers[0].To("all").DisconnectSockets(true); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*siotest.Client{w.clients[0], back} {
		c.ExpectDisconnect(siotest.ServerDisconnect)
	}
}

// testLeave: a server that is closed is out, and the others go on.
func testLeave(t *testing.T, start Start) {
	w := newWorld(t, start, 3)
	w.servers[1].Close()
	w.clients[1].ExpectDisconnect("")
	w.clients = []*siotest.Client{w.clients[0], w.clients[2]}
	w.expect(t, 0, func(srv *socketio.Server) error { return srv.Emit("event") }, 0, 1)
	w.expect(t, 2, func(srv *socketio.Server) error { return srv.Emit("event") }, 0, 1)
}
