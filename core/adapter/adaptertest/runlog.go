package adaptertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// RunLog proves an adapter that is an [adapter.Sequencer] and an [adapter.SessionStore],
// beside [Run]: all servers have one order, and a client that loses its connection and
// comes back to any of them gets exactly what it has missed. What servers send at the same
// time may be in any order. The subtests run in parallel,
// in real time; start is called from several goroutines, and each cluster that it returns
// must be apart from the others. Sessions are to be kept for as long as Options.Recovery
// says.
func RunLog(t *testing.T, start Start) {
	for _, tt := range []struct {
		name string
		test func(t *testing.T, start Start)
	}{
		{"Order", testLogOrder},
		{"Places", testLogPlaces},
		{"Moves", testLogMoves},
		{"Once", testLogOnce},
		{"Expiry", testLogExpiry},
		{"Grants", testLogGrants},
		{"Ended", testLogEnded},
		{"Long", testLogLong},
		{"Namespaces", testLogNamespaces},
		{"Restart", testLogRestart},
		{"Own", testLogOwn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.test(t, start)
		})
	}
}

func withRecovery(t *testing.T, start Start, n int, r socketio.Recovery) *cluster {
	return &cluster{t: t, servers: start(t, n, socketio.Options{Recovery: &r})}
}

// settled waits until a client's server has noticed that it is gone, and has given its
// session away.
func (c *cluster) settled(client *siotest.Client, at int) { c.settledIn("/", client, at) }

func (c *cluster) settledIn(namespace string, client *siotest.Client, at int) {
	c.t.Helper()
	c.eventually("the session is with the adapter", func() bool {
		_, there := c.servers[at].Of(namespace).Socket(client.ID())
		n := 0
		for _, ns := range c.servers[at].Stats().Namespaces {
			n += ns.Sessions
		}
		return !there && n == 0
	})
}

// everywhere waits until all that was sent so far is done on all servers.
func (c *cluster) everywhere() {
	c.t.Helper()
	watchers := make([]*siotest.Client, len(c.servers))
	for i, srv := range c.servers {
		watchers[i] = siotest.Dial(c.t, srv, siotest.Options{})
		s, _ := srv.Socket(watchers[i].ID())
		c.must(s.Join("watchers"))
	}
	for _, srv := range c.servers {
		c.must(srv.To("watchers").Emit("so far"))
	}
	for _, w := range watchers {
		for range c.servers {
			w.Await("so far")
		}
		w.Disconnect()
	}
}

// upTo reads numbers until the last of them has come.
func upTo(client *siotest.Client, last int) (got []int) {
	for len(got) == 0 || got[len(got)-1] != last {
		var n int
		client.Next().Decode(&n)
		got = append(got, n)
	}
	return got
}

// testLogOrder: what servers emit at the same time comes to all clients in one order.
func testLogOrder(t *testing.T, start Start) {
	const each = 100
	c := withRecovery(t, start, 3, socketio.Recovery{})
	clients := make([]*siotest.Client, len(c.servers))
	for i, srv := range c.servers {
		clients[i] = siotest.Dial(t, srv, siotest.Options{})
	}
	var emitting sync.WaitGroup
	for i, srv := range c.servers {
		emitting.Go(func() {
			for n := range each {
				_ = srv.Emit("n", i*each+n)
			}
		})
	}
	emitting.Wait()
	var first string
	for i, client := range clients {
		var got []int
		for range each * len(c.servers) {
			var n int
			client.Expect("n", &n)
			got = append(got, n)
		}
		if i == 0 {
			first = fmt.Sprint(got)
		}
		c.equal(fmt.Sprint("order at server ", i), fmt.Sprint(got), first)
		for origin := range c.servers {
			own := slices.DeleteFunc(slices.Clone(got), func(n int) bool { return n/each != origin })
			if len(own) != each || !slices.IsSorted(own) {
				t.Fatalf("of server %d has come %v", origin, own)
			}
		}
	}
}

// testLogPlaces: nothing overtakes what waits for the log.
func testLogPlaces(t *testing.T, start Start) {
	c := withRecovery(t, start, 2, socketio.Recovery{})
	client := siotest.Dial(t, c.servers[0], siotest.Options{})
	s, _ := c.servers[0].Socket(client.ID())
	client.On("q", func(m *siotest.Message) { m.Ack() })
	for range 20 {
		c.must(s.Emit("a"))
		c.must(c.servers[0].SocketsJoin("room"))
		c.must(c.servers[0].To("room").Emit("b"))
		_, err := c.servers[0].To("room").EmitWithAck(enough(t), "q")
		c.must(err)
		c.must(c.servers[0].To("room").Emit("c"))
		c.must(c.servers[0].SocketsLeave("room"))
		c.must(c.servers[0].To("room").Emit("d"))
		for _, event := range []string{"a", "b", "c"} {
			client.Expect(event)
		}
	}
	c.must(s.Emit("bye"))
	s.Disconnect(false)
	client.Expect("bye")
	client.ExpectDisconnect(siotest.ServerDisconnect)
}

// testLogMoves: clients move between servers while those emit.
func testLogMoves(t *testing.T, start Start) {
	const rounds, most = 5, 20
	c := withRecovery(t, start, 3, socketio.Recovery{})
	r := rand.New(rand.NewPCG(15, uint64(len(t.Name()))))
	clients, at := make([]*siotest.Client, 6), make([]int, 6)
	want, got := make([][]int, 6), make([][]int, 6)
	for i := range clients {
		at[i] = i % 3
		clients[i] = siotest.Dial(t, c.servers[at[i]], siotest.Options{})
		c.must(c.servers[at[i]].To(clients[i].ID()).SocketsJoin([]string{"even", "odd"}[i%2]))
	}
	c.everywhere()
	n, origin := 0, []int{0}
	emit := func() {
		for range r.IntN(most) {
			n++
			from, room, not := r.IntN(3), r.IntN(3), r.IntN(len(clients))
			origin = append(origin, from)
			to := c.servers[from].Except(clients[not].ID())
			if room < 2 {
				to = to.To([]string{"even", "odd"}[room])
			}
			c.must(to.Emit("n", n))
			for i := range clients {
				if i != not && (room == 2 || room == i%2) {
					want[i] = append(want[i], n)
				}
			}
		}
	}
	for range rounds {
		emit()
		for i := range clients {
			if r.IntN(2) == 0 {
				clients[i].Stall(true) // what comes now is lost on its way
			}
		}
		emit()
		for _, client := range clients {
			client.Cut()
		}
		emit()
		for i, client := range clients {
			c.settled(client, at[i])
			got[i] = append(got[i], arrived(client)...)
			emit()
			at[i] = (at[i] + 1 + r.IntN(2)) % 3
			clients[i] = client.ResumeAt(c.servers[at[i]])
			if !clients[i].Recovered() || clients[i].ID() != client.ID() {
				t.Fatal("a client is not recovered by another server")
			}
			emit()
		}
	}
	c.everywhere()
	n, origin = n+1, append(origin, 0)
	c.must(c.servers[0].Emit("n", n))
	byOrigin := func(a, b int) int { return origin[a] - origin[b] }
	for i, client := range clients {
		got[i] = append(got[i], upTo(client, n)...)
		want[i] = append(want[i], n)
		slices.SortStableFunc(got[i], byOrigin)
		slices.SortStableFunc(want[i], byOrigin)
		c.equal(fmt.Sprint("events of client ", i, ", by their servers"), fmt.Sprint(got[i]), fmt.Sprint(want[i]))
	}
}

// arrived is what has come to a client and nobody has looked at.
func arrived(client *siotest.Client) (got []int) {
	for _, m := range client.Arrived() {
		var n int
		m.Decode(&n)
		got = append(got, n)
	}
	return got
}

// testLogOnce: of all servers that are asked at the same time one has the session.
func testLogOnce(t *testing.T, start Start) {
	c := withRecovery(t, start, 3, socketio.Recovery{})
	for range 10 {
		client := siotest.Dial(t, c.servers[0], siotest.Options{})
		client.Cut()
		c.settled(client, 0)
		back := make(chan bool, len(c.servers))
		for _, srv := range c.servers {
			go func() { back <- client.ResumeAt(srv).Recovered() }()
		}
		times := 0
		for range c.servers {
			if <-back {
				times++
			}
		}
		if times != 1 {
			t.Fatalf("a session is recovered %d times", times)
		}
	}
}

func testLogExpiry(t *testing.T, start Start) {
	c := withRecovery(t, start, 2, socketio.Recovery{MaxDisconnection: time.Second})
	client := siotest.Dial(t, c.servers[0], siotest.Options{})
	client.Cut()
	c.settled(client, 0)
	time.Sleep(1200 * time.Millisecond)
	if client.ResumeAt(c.servers[1]).Recovered() {
		t.Fatal("a session is recovered after its time")
	}
}

// testLogGrants: what middleware decides holds for one handshake, also when the next one
// is another server's.
func testLogGrants(t *testing.T, start Start) {
	c := withRecovery(t, start, 2, socketio.Recovery{})
	for _, srv := range c.servers {
		srv.UseFunc(func(_ context.Context, s *socketio.Socket) error {
			var auth struct{ User, Tenant string }
			_ = s.Handshake().DecodeAuth(&auth)
			s.SetIdentity(auth.User)
			return s.Join(auth.Tenant)
		})
	}
	auth := func(user, tenant string) any { return map[string]string{"user": user, "tenant": tenant} }
	client := siotest.Dial(t, c.servers[0], siotest.Options{Auth: auth("ada", "old")})
	s, _ := c.servers[0].Socket(client.ID())
	c.must(s.Join("own"))
	client.Cut()
	c.settled(client, 0)
	c.must(c.servers[0].To("old").Emit("old"))
	c.must(c.servers[0].To("new").Emit("new"))
	c.must(c.servers[1].To("own").Emit("own"))
	c.everywhere()
	back := client.ResumeAtWith(c.servers[1], auth("ada", "new"))
	if !back.Recovered() {
		t.Fatal("a client with another token of the same user is not recovered")
	}
	back.Expect("own")
	c.must(c.servers[0].To("old").Emit("old"))
	c.must(c.servers[0].To("new").Emit("last"))
	back.Expect("last")
	back.Cut()
	c.settled(back, 1)
	if back.ResumeAtWith(c.servers[0], auth("eve", "new")).Recovered() {
		t.Fatal("a session is recovered by somebody else")
	}
}

// testLogEnded: a client that was told to leave while it was away does not come back.
func testLogEnded(t *testing.T, start Start) {
	c := withRecovery(t, start, 2, socketio.Recovery{})
	client := siotest.Dial(t, c.servers[0], siotest.Options{})
	client.Cut()
	c.settled(client, 0)
	c.must(c.servers[1].To(client.ID()).DisconnectSockets(false))
	c.everywhere()
	if client.ResumeAt(c.servers[1]).Recovered() {
		t.Fatal("a client is recovered that was told to leave")
	}
	// EndSession does not wait for the engine, which may take long on a busy machine.
	for d := 100 * time.Millisecond; ; d *= 3 {
		ended := siotest.Dial(t, c.servers[0], siotest.Options{})
		s, _ := c.servers[0].Socket(ended.ID())
		ended.Cut()
		c.settled(ended, 0)
		s.EndSession()
		time.Sleep(d)
		if !ended.ResumeAt(c.servers[1]).Recovered() {
			return
		}
		if d > patience {
			t.Fatalf("a session is recovered %v after it was ended", d)
		}
	}
}

// testLogLong: a server asks the log for what its memory does not have.
func testLogLong(t *testing.T, start Start) {
	const all = 2500 // more than it asks for at a time
	c := withRecovery(t, start, 2, socketio.Recovery{MaxPackets: 4000})
	for _, srv := range c.servers {
		srv.OfFunc(func(string, *socketio.Handshake) bool { return true })
	}
	client := siotest.Dial(t, c.servers[0], siotest.Options{Namespace: "/child"})
	stays := siotest.Dial(t, c.servers[0], siotest.Options{Namespace: "/child"})
	child := c.servers[0].Of("/child")
	c.must(child.To(client.ID()).Emit("n", 0))
	client.Expect("n")
	client.Cut()
	c.settledIn("/child", client, 0)
	for n := range all {
		c.must(child.Emit("n", n+1))
		if n%100 == 0 { // in time: the log is not to be overrun
			stays.Await("n")
		}
	}
	back := client.ResumeAt(c.servers[1]) // which had no such namespace
	if !back.Recovered() {
		t.Fatal("a client is not recovered by a server that had not its namespace")
	}
	for n := range all {
		var got int
		if back.Expect("n", &got); got != n+1 {
			t.Fatalf("event %d has come, want %d", got, n+1)
		}
	}
}

// testLogNamespaces: each has its own events and sessions.
func testLogNamespaces(t *testing.T, start Start) {
	c := withRecovery(t, start, 2, socketio.Recovery{})
	for _, srv := range c.servers {
		srv.Of("/other")
	}
	client := siotest.Dial(t, c.servers[0], siotest.Options{Namespace: "/other"})
	c.must(c.servers[1].Of("/other").Emit("n", 1))
	client.Expect("n")
	for range 20 {
		c.must(c.servers[0].Emit("main"))
	}
	client.Cut()
	c.settledIn("/other", client, 0)
	for range 20 {
		c.must(c.servers[0].Emit("main"))
	}
	c.must(c.servers[0].Of("/other").Emit("n", 2))
	for range 20 {
		c.must(c.servers[1].Emit("main"))
	}
	back := client.ResumeAt(c.servers[1])
	if !back.Recovered() {
		t.Fatal("a client is not recovered by another server")
	}
	var n int
	if back.Expect("n", &n); n != 2 {
		t.Fatalf("event %d has come, want 2", n)
	}
	back.ExpectNone(50 * time.Millisecond)
}

// testLogRestart: a server that shuts down gives its clients to the others.
func testLogRestart(t *testing.T, start Start) {
	c := withRecovery(t, start, 2, socketio.Recovery{})
	client := siotest.Dial(t, c.servers[0], siotest.Options{})
	c.must(c.servers[1].Emit("n", 1))
	client.Expect("n")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c.must(c.servers[0].Shutdown(ctx))
	c.must(c.servers[1].Emit("n", 2))
	back := client.ResumeAt(c.servers[1])
	if !back.Recovered() {
		t.Fatal("a client is not recovered whose server has shut down")
	}
	var n int
	if back.Expect("n", &n); n != 2 {
		t.Fatalf("event %d has come, want 2", n)
	}
}

// testLogOwn: what is sent to one socket is for that socket alone, and not for others in a
// room of its name: an adapter carries Target.Own.
func testLogOwn(t *testing.T, start Start) {
	c := withRecovery(t, start, 2, socketio.Recovery{})
	client := siotest.Dial(t, c.servers[0], siotest.Options{})
	other := siotest.Dial(t, c.servers[1], siotest.Options{})
	away := siotest.Dial(t, c.servers[1], siotest.Options{})
	for _, eavesdropper := range []*siotest.Client{other, away} {
		c.must(c.servers[1].To(eavesdropper.ID()).SocketsJoin(client.ID()))
	}
	away.Cut()
	c.settled(away, 1)
	s, _ := c.servers[0].Socket(client.ID())
	c.must(s.Emit("n", 1))
	c.must(c.servers[0].Emit("n", 2))
	c.equal("its events", fmt.Sprint(upTo(client, 2)), "[1 2]")
	c.equal("of another one in a room of its name", fmt.Sprint(upTo(other, 2)), "[2]")
	for at, srv := range c.servers {
		away = away.ResumeAt(srv)
		if !away.Recovered() {
			t.Fatal("a client is not recovered")
		}
		c.equal("of one that was away", fmt.Sprint(upTo(away, 2)), "[2]")
		away.Cut()
		c.settled(away, at)
		c.must(s.Emit("n", 1))
		c.must(c.servers[0].Emit("n", 2))
	}
}
