package adaptertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// Start starts n servers that form one cluster, each with these options and
// the adapter under test, and closes them with the test.
type Start func(t *testing.T, n int, opts socketio.Options) []*socketio.Server

// Run proves the adapter that start gives its servers: they have to behave as
// one. It has subtests for each promise of [adapter.Adapter], on one, two and
// three servers; all of them run real clients, and none in virtual time. They run
// in parallel: start is called from several goroutines, and each cluster that it
// returns must be apart from the others.
func Run(t *testing.T, start Start) {
	// Of each client one acknowledgement may be awaited: what is not given up shows.
	tests := []struct {
		name string
		test func(t *testing.T, c *cluster)
	}{
		{"Broadcast", testBroadcast},
		{"Order", testOrder},
		{"Binary", testBinary},
		{"Volatile", testVolatile},
		{"Latest", testLatest},
		{"JoinAndLeave", testJoinAndLeave},
		{"JoinThenEmit", testJoinThenEmit},
		{"Disconnect", testDisconnect},
		{"Namespaces", testNamespaces},
		{"FetchSockets", testFetch},
		{"RemoteSocket", testRemote},
		{"EmitWithAck", testCall},
		{"EmitWithAckLeaving", testCallLeaving},
		{"EmitWithAckDeadline", testCallDeadline},
		{"ServerSideEmit", testServerSide},
		{"RequestOrder", testRequestOrder},
		{"RequestThenPublish", testRequestThenPublish},
		{"Death", testDeath},
		{"EndOfAsker", testEndOfAsker},
		{"Close", testClose},
	}
	for _, tt := range tests {
		for n := 1; n <= 3; n++ {
			t.Run(fmt.Sprintf("%s/%d", tt.name, n), func(t *testing.T) {
				t.Parallel()
				tt.test(t, newCluster(t, start(t, n, socketio.Options{Limits: socketio.Limits{PendingAcks: 1}})))
			})
		}
	}
}

// cluster is servers with two clients each: those at even places are in room
// "even", those at odd ones in "odd", and all in "all".
type cluster struct {
	t       *testing.T
	servers []*socketio.Server
	clients []*siotest.Client // clients[i] is at servers[i/2]
	sockets []*socketio.Socket
}

func newCluster(t *testing.T, servers []*socketio.Server) *cluster {
	c := &cluster{t: t, servers: servers}
	for i := range 2 * len(servers) {
		srv := servers[i/2]
		srv.Of("/other") // a client joins what its server knows
		client := siotest.Dial(t, srv, siotest.Options{Transport: []string{"websocket", "polling"}[i%2]})
		s, ok := srv.Socket(client.ID())
		if !ok {
			t.Fatal("adaptertest: the server does not know its client")
		}
		c.eventually("connected", s.Connected) // its client may know before
		c.must(s.Join("all", []string{"even", "odd"}[i%2]))
		c.clients, c.sockets = append(c.clients, client), append(c.sockets, s)
	}
	return c
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// got has origin say that it is done, and returns which clients have got the
// events before, each as "place:event". What one origin publishes is ordered,
// so nothing can come later.
func (c *cluster) got(origin int) string {
	c.t.Helper()
	c.must(c.servers[origin].Emit("done"))
	var all []string
	for i, client := range c.clients {
		for m := client.Next(); m.Event != "done"; m = client.Next() {
			all = append(all, fmt.Sprint(i, ":", m.Event))
		}
	}
	return strings.Join(all, " ")
}

// at lists the places for which f holds, as got does.
func (c *cluster) at(event string, f func(i int) bool) string {
	var all []string
	for i := range c.clients {
		if f(i) {
			all = append(all, fmt.Sprint(i, ":", event))
		}
	}
	return strings.Join(all, " ")
}

func (c *cluster) equal(what, got, want string) {
	c.t.Helper()
	if got != want {
		c.t.Fatalf("%s:\n got  %s\n want %s", what, got, want)
	}
}

func testBroadcast(t *testing.T, c *cluster) {
	any := func(int) bool { return true }
	for origin, srv := range c.servers {
		me := c.sockets[2*origin]
		other := c.clients[len(c.clients)-1]
		tests := []struct {
			name string
			to   socketio.Emitter
			want func(i int) bool
		}{
			{"all", srv, any},
			{"room", srv.To("even"), func(i int) bool { return i%2 == 0 }},
			{"rooms, once each", srv.To("even", "all", "odd"), any},
			{"no room of that name", srv.To("none"), func(int) bool { return false }},
			{"except a room", srv.Except("even"), func(i int) bool { return i%2 == 1 }},
			{"room except room", srv.To("all").Except("odd"), func(i int) bool { return i%2 == 0 }},
			{"a client by its id", srv.To(other.ID()), func(i int) bool { return c.clients[i] == other }},
			{"except a client", srv.Except(other.ID()), func(i int) bool { return c.clients[i] != other }},
			{"all but the sender", me.Broadcast(), func(i int) bool { return i != 2*origin }},
			{"the sender's room", me.To("even"), func(i int) bool { return i%2 == 0 && i != 2*origin }},
			{"local", srv.Local(), func(i int) bool { return i/2 == origin }},
			{"local room", srv.To("odd").Local(), func(i int) bool { return i == 2*origin+1 }},
		}
		for _, tt := range tests {
			c.must(tt.to.Emit("e"))
			c.equal(tt.name, c.got(origin), c.at("e", tt.want))
		}
	}
}

// testOrder: what one server publishes arrives in its order, everywhere.
func testOrder(t *testing.T, c *cluster) {
	const events = 200
	for origin, srv := range c.servers {
		go func() {
			for i := range events {
				_ = srv.To("all").Emit("e", origin, i) // what is missing shows below
			}
		}()
	}
	for _, client := range c.clients {
		next := make([]int, len(c.servers))
		for range events * len(c.servers) {
			var origin, i int
			client.Expect("e", &origin, &i)
			if i != next[origin] {
				t.Fatalf("event %d of server %d came when %d was due", i, origin, next[origin])
			}
			next[origin]++
		}
	}
	c.equal("more", c.got(0), "")
}

func testBinary(_ *testing.T, c *cluster) {
	buf := []byte{1, 2, 3}
	c.must(c.servers[0].Emit("e", "text", map[string]any{"deep": []any{buf, "x"}}, []byte{}, 7))
	copy(buf, "xyz") // it belongs to the caller again
	for _, client := range c.clients {
		var text string
		var deep struct {
			Deep []any
		}
		var empty []byte
		var n int
		client.Expect("e", &text, &deep, &empty, &n)
		c.equal("arguments", fmt.Sprint(text, deep, len(empty), n), "text{[[1 2 3] x]} 0 7")
	}
}

// testVolatile: the flag travels. A polling client that does not read asks for
// nothing, so all but the first few events must be lost on its way.
func testVolatile(t *testing.T, c *cluster) {
	last, other := c.clients[len(c.clients)-1], c.clients[len(c.clients)-2] // at the same server
	last.Conn().Stall(true)
	events := 0
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end) || events < 20; events++ {
		c.must(c.servers[0].To(last.ID()).Volatile().Emit("e", events))
		c.must(c.servers[0].To(other.ID()).Emit("tick")) // time for the one poll that waits to be answered
		other.Expect("tick")
	}
	c.must(c.servers[0].Emit("done"))
	for _, client := range c.clients[:len(c.clients)-1] {
		client.Expect("done")
	}
	last.Conn().Stall(false)
	n := 0
	for last.Next().Event == "e" {
		n++
	}
	if n == events {
		t.Fatal("no event was lost: the volatile flag does not travel")
	}
}

// testLatest: the key travels. Of the events for a polling client that does not read all
// but the first few and the last are replaced.
func testLatest(t *testing.T, c *cluster) {
	last, other := c.clients[len(c.clients)-1], c.clients[len(c.clients)-2] // at the same server
	last.Conn().Stall(true)
	const events = 20
	for i := range events {
		c.must(c.servers[0].To(last.ID()).Latest("\u00e9").Emit("e", i))
		c.must(c.servers[0].To(other.ID()).Emit("tick"))
		other.Expect("tick")
	}
	c.must(c.servers[0].Emit("done"))
	other.Expect("done")
	last.Conn().Stall(false)
	n, newest := 0, 0
	for m := last.Next(); m.Event == "e"; m = last.Next() {
		n++
		m.Decode(&newest)
	}
	c.equal("the last one", fmt.Sprint(newest), fmt.Sprint(events-1))
	if n == events {
		t.Fatal("no event was replaced: the key does not travel")
	}
}

func testJoinAndLeave(_ *testing.T, c *cluster) {
	for origin, srv := range c.servers {
		c.must(srv.To("even").SocketsJoin("a", "b"))
		c.must(srv.To("a").Emit("joined"))
		c.must(srv.In("a").Except("odd").SocketsLeave("a"))
		c.must(srv.To("a").Emit("left"))
		c.must(srv.To("b").Emit("still"))
		c.must(srv.SocketsLeave("b"))
		c.must(srv.To("a", "b").Emit("nobody"))
		c.must(srv.To("odd").Local().SocketsJoin("c"))
		c.must(srv.To("c").Emit("local"))
		c.must(srv.Local().SocketsLeave("c"))
		want := []string{}
		for i := range c.clients {
			switch {
			case i%2 == 0:
				want = append(want, fmt.Sprint(i, ":joined"), fmt.Sprint(i, ":still"))
			case i/2 == origin:
				want = append(want, fmt.Sprint(i, ":local"))
			}
		}
		c.equal("events", c.got(origin), strings.Join(want, " "))
	}
}

// testJoinThenEmit: who has joined a room, or a namespace, gets what any server sends
// from then on.
func testJoinThenEmit(t *testing.T, c *cluster) {
	for round := range 10 {
		for i, s := range c.sockets {
			room := fmt.Sprint("fresh", round, "-", i)
			origin := c.servers[(i+round)%len(c.servers)]
			c.must(s.Join(room))
			c.must(origin.To(room).Emit("e", room))
			var got string
			c.clients[i].Expect("e", &got)
			c.equal("room", got, room)
			if round%2 == 0 {
				s.Leave(room)
			}
		}
		fresh := siotest.Dial(t, c.servers[0], siotest.Options{})
		c.must(c.servers[len(c.servers)-1].To(fresh.ID()).Emit("e"))
		fresh.Expect("e")
		fresh.Disconnect()
	}
}

func testDisconnect(_ *testing.T, c *cluster) {
	c.must(c.servers[0].To("odd").DisconnectSockets(false))
	for i, client := range c.clients {
		if i%2 == 1 {
			client.ExpectDisconnect(siotest.ServerDisconnect)
		}
	}
	c.must(c.servers[len(c.servers)-1].Except(c.clients[0].ID()).DisconnectSockets(true))
	for i, client := range c.clients[1:] {
		if i%2 == 1 {
			client.ExpectDisconnect(siotest.ServerDisconnect)
			client.Conn().ExpectClosed()
		}
	}
	c.clients = c.clients[:1]
	c.equal("who is left", c.got(0), "")
}

func testNamespaces(_ *testing.T, c *cluster) {
	others := make([]*siotest.Client, len(c.clients))
	for i, client := range c.clients {
		others[i] = client.Of("/other", nil)
		s, _ := c.servers[i/2].Of("/other").Socket(others[i].ID())
		c.must(s.Join("all"))
	}
	c.must(c.servers[0].To("all").Emit("main"))
	c.must(c.servers[0].Of("/other").To("all").Emit("other"))
	c.must(c.servers[0].Of("/other").Emit("done"))
	c.equal("main", c.got(0), c.at("main", func(int) bool { return true }))
	for _, other := range others {
		other.Expect("other")
		other.Expect("done")
	}
}

// testClose: a server that has ended takes no part, and the others go on.
func testClose(t *testing.T, c *cluster) {
	if len(c.servers) == 1 {
		c.must(c.servers[0].Shutdown(t.Context()))
		return
	}
	last := c.servers[len(c.servers)-1]
	c.must(last.Shutdown(t.Context()))
	c.clients = slices.Delete(c.clients, len(c.clients)-2, len(c.clients))
	c.must(c.servers[0].To("all").Emit("e"))
	c.equal("the others", c.got(0), c.at("e", func(int) bool { return true }))
}
