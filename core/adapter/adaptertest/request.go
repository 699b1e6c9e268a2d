package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
)

// patience is how long a request may take that must end by itself. An answer
// that never comes fails its test after that, so it is seconds: an answer of
// a process on the same machine takes milliseconds, also when that is busy.
const patience = 10 * time.Second

// silent makes a request that one who is silent does not answer, with longer
// and longer deadlines: the others need their time on a busy machine. It ends
// when the error says that as many as wanted have answered.
func (c *cluster) silent(expected, answered int, request func(ctx context.Context) error) {
	c.t.Helper()
	for d := 100 * time.Millisecond; ; d *= 3 {
		ctx, cancel := context.WithTimeout(c.t.Context(), d)
		err := request(ctx)
		cancel()
		var p *socketio.PartialError
		if errors.As(err, &p) && errors.Is(err, context.DeadlineExceeded) && p.Expected == expected && p.Answered == answered {
			return
		}
		if d > patience {
			c.t.Fatalf("after %v the error is %v; want that the deadline has passed and %d of %d have answered: every answer has to be"+
				" handed on when it comes, and the one that is missing must be counted", d, err, answered, expected)
		}
	}
}

// enough is the context of a request that must end by itself.
func enough(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errUnanswered)
	t.Cleanup(cancel)
	return ctx
}

// errUnanswered is why the context of a request ends that should have ended by itself.
var errUnanswered = fmt.Errorf("adaptertest: after %v an answer, or the end of the answers of a node, has not come: %w", patience, context.DeadlineExceeded)

// testFetch: who is where, and what is known of them.
func testFetch(t *testing.T, c *cluster) {
	for i, s := range c.sockets {
		s.SetIdentity(fmt.Sprint("user-", i))
		profileKey.Set(s, profile{Name: fmt.Sprint("n", i), Data: []byte{1, 2}})
		localKey.Set(s, i)
	}
	for origin, srv := range c.servers {
		for _, tt := range []struct {
			name string
			who  socketio.Broadcast
			want func(i int) bool
		}{
			{"room", srv.To("all"), func(int) bool { return true }},
			{"two rooms, once each", srv.To("all", "even"), func(int) bool { return true }},
			{"room except", srv.To("all").Except("odd"), func(i int) bool { return i%2 == 0 }},
			{"local", srv.Local(), func(i int) bool { return i/2 == origin }},
			{"nobody", srv.To("none"), func(int) bool { return false }},
		} {
			list, err := tt.who.FetchSockets(enough(t))
			c.must(err)
			c.equal(tt.name, c.fetched(list), c.at("is", tt.want))
		}
		list, err := srv.FetchSockets(t.Context())
		c.must(err)
		for _, r := range list {
			c.checkFetched(origin, r)
		}
	}
}

// profile travels with a socket.
type profile struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

var (
	profileKey = socketio.NewSharedKey[profile]("profile")
	textKey    = socketio.NewSharedKey[string]("profile") // of that name, and another type
	unsetKey   = socketio.NewSharedKey[profile]("unset")
	localKey   = socketio.NewKey[int]("local")
)

// fetched lists the sockets as at does.
func (c *cluster) fetched(list []socketio.RemoteSocket) string {
	places := make([]int, len(list))
	for i, r := range list {
		places[i] = c.place(r.ID())
	}
	slices.Sort(places)
	var all []string
	for _, i := range places {
		all = append(all, fmt.Sprint(i, ":is"))
	}
	return strings.Join(all, " ")
}

func (c *cluster) place(id string) int {
	return slices.IndexFunc(c.clients, func(client *siotest.Client) bool { return client.ID() == id })
}

// checkFetched compares a socket with what is known of it.
func (c *cluster) checkFetched(origin int, r socketio.RemoteSocket) {
	c.t.Helper()
	i := c.place(r.ID())
	s := c.sockets[i]
	rooms, want := r.Rooms(), s.Rooms()
	slices.Sort(rooms)
	slices.Sort(want)
	c.equal("rooms", fmt.Sprint(rooms), fmt.Sprint(want))
	c.equal("identity", r.Identity(), fmt.Sprint("user-", i))
	p, ok := profileKey.Fetch(r)
	c.equal("shared value", fmt.Sprint(p, ok), fmt.Sprint(profile{fmt.Sprint("n", i), []byte{1, 2}}, true))
	_, ok = textKey.Fetch(r)
	_, ok2 := unsetKey.Fetch(r)
	_, ok3 := localKey.Fetch(r)
	c.equal("of another type, not set, not shared", fmt.Sprint(ok, ok2, ok3), "false false false")
	local, ok := r.Local()
	c.equal("local", fmt.Sprint(ok, local == s), fmt.Sprint(i/2 == origin, i/2 == origin))
	h, want2 := r.Handshake(), s.Handshake()
	c.equal("handshake", fmt.Sprint(h.URL, h.Host, h.Address, h.Secure, h.Time.UnixMilli(), h.Header, string(h.Auth), h.Query()),
		fmt.Sprint(want2.URL, want2.Host, want2.Address, want2.Secure, want2.Time.UnixMilli(), want2.Header(), string(want2.Auth), want2.Query()))
}

// testRemote: what is done to a fetched socket.
func testRemote(t *testing.T, c *cluster) {
	last := len(c.clients) - 1
	c.answer()
	list, err := c.servers[0].To(c.clients[last].ID()).FetchSockets(enough(t))
	c.must(err)
	if len(list) != 1 {
		t.Fatalf("%d sockets have one id", len(list))
	}
	r := list[0]
	c.must(r.Emit("e"))
	c.must(r.Join("r"))
	c.must(r.Leave("odd"))
	c.must(c.servers[0].To("r").Emit("room"))
	c.must(c.servers[0].To("odd").Emit("left"))
	c.equal("events", c.got(0), c.at("left", func(i int) bool { return i%2 == 1 && i != last })+
		map[bool]string{true: " "}[last > 1]+fmt.Sprintf("%d:e %d:room", last, last))
	reply, err := r.EmitWithAck(enough(t), "place", 5)
	c.must(err)
	c.equal("reply", c.replied([]*socketio.Reply{reply}, 5), fmt.Sprintf("%d:5", last))
	c.clients[last].On("silence", func(*siotest.Message) {})
	soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err = r.EmitWithAck(soon, "silence"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error is %v, want the deadline's", err)
	}
	c.must(r.Disconnect(true))
	c.clients[last].ExpectDisconnect(siotest.ServerDisconnect)
	c.eventually("gone", func() bool { return !c.sockets[last].Connected() })
	if _, err = r.EmitWithAck(enough(t), "place"); !errors.Is(err, socketio.ErrClosed) {
		t.Fatalf("the socket is gone: %v", err)
	}
}

// eventually waits until f holds.
func (c *cluster) eventually(what string, f func() bool) {
	c.t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("never: %s", what)
		}
	}
}

// answer has each client acknowledge the event "place" with its place, and
// what it has got, as binary.
func (c *cluster) answer() {
	for i, client := range c.clients {
		client.On("place", func(m *siotest.Message) {
			var n int
			if m.Len() > 0 {
				m.Decode(&n)
			}
			m.Ack(i, []byte{byte(n)})
		})
	}
}

func decoded(c *cluster, r *socketio.Reply) (place, got int) {
	c.t.Helper()
	var data []byte
	c.must(r.Decode(&place, &data))
	return place, int(data[0])
}

// testCall: every client's acknowledgement, once, with all its arguments.
func testCall(t *testing.T, c *cluster) {
	c.answer()
	for origin, srv := range c.servers {
		for _, tt := range []struct {
			name string
			to   socketio.GroupCaller
			want func(i int) bool
		}{
			{"all", srv, func(int) bool { return true }},
			{"rooms, once each", srv.To("even", "all"), func(int) bool { return true }},
			{"room except", srv.To("all").Except("odd"), func(i int) bool { return i%2 == 0 }},
			{"local", srv.Local(), func(i int) bool { return i/2 == origin }},
			{"nobody", srv.To("none"), func(int) bool { return false }},
		} {
			replies, err := tt.to.EmitWithAck(enough(t), "place", 7, []byte{1})
			c.must(err)
			c.equal(tt.name, c.replied(replies, 7), c.at("7", tt.want))
		}
	}
	c.equal("events", c.got(0), "")
}

// replied lists who has replied that it has got n, as at does.
func (c *cluster) replied(replies []*socketio.Reply, n int) string {
	c.t.Helper()
	var places []int
	for _, r := range replies {
		place, got := decoded(c, r)
		if got != n {
			c.t.Fatalf("client %d replies that it has got %d, not %d", place, got, n)
		}
		places = append(places, place)
	}
	slices.Sort(places)
	var all []string
	for _, i := range places {
		all = append(all, fmt.Sprintf("%d:%d", i, n))
	}
	return strings.Join(all, " ")
}

// testCallLeaving: clients that leave are neither waited for nor expected.
func testCallLeaving(t *testing.T, c *cluster) {
	c.answer()
	last := len(c.clients) - 1
	c.clients[last].On("place", func(*siotest.Message) { go c.clients[last].Disconnect() })
	replies, err := c.servers[0].EmitWithAck(enough(t), "place", 1)
	c.must(err)
	c.equal("replies", c.replied(replies, 1), c.at("1", func(i int) bool { return i != last }))
}

// testCallDeadline: one client is silent; the others' replies come with the
// error. Afterwards nobody waits: the limit of one acknowledgement is free.
func testCallDeadline(t *testing.T, c *cluster) {
	c.answer()
	last := len(c.clients) - 1
	c.clients[last].On("silence", func(*siotest.Message) {})
	for i, client := range c.clients[:last] {
		client.On("silence", func(m *siotest.Message) { m.Ack(i, []byte{2}) })
	}
	c.silent(len(c.clients), last, func(ctx context.Context) error {
		replies, err := c.servers[0].EmitWithAck(ctx, "silence")
		if len(replies) == last {
			c.equal("replies", c.replied(replies, 2), c.at("2", func(i int) bool { return i != last }))
		}
		return err
	})
	c.eventually("nothing is awaited", func() bool {
		_, err := c.sockets[last].EmitWithAck(enough(t), "place", 3)
		return err == nil
	})
	cancelled, cancel := context.WithCancelCause(enough(t))
	cause := errors.New("changed my mind")
	c.clients[last].On("silence", func(*siotest.Message) { cancel(cause) })
	if _, err := c.servers[0].To(c.clients[last].ID()).EmitWithAck(cancelled, "silence"); !errors.Is(err, cause) {
		t.Fatalf("error is %v, want the context's cause", err)
	}
}

// testRequestOrder: requests and what is published arrive in one order.
func testRequestOrder(t *testing.T, c *cluster) {
	const rounds = 40
	for i, client := range c.clients {
		seen := 0 // handlers run on the client's reader
		client.On("e", func(*siotest.Message) { seen++ })
		client.On("seen", func(m *siotest.Message) { m.Ack(i, []byte{byte(seen)}) })
	}
	for _, srv := range c.servers {
		events := 0
		srv.OnServerSide("e", func() { events++ })
		srv.OnServerSide("seen", func() int { return events })
	}
	for round := range rounds {
		c.must(c.servers[0].Emit("e"))
		c.must(c.servers[0].ServerSideEmit("e"))
		replies, err := c.servers[0].EmitWithAck(enough(t), "seen")
		c.must(err)
		c.equal("replies", c.replied(replies, round+1), c.at(fmt.Sprint(round+1), func(int) bool { return true }))
		if round%8 == 0 {
			replies, err = c.servers[0].ServerSideEmitWithAck(enough(t), "seen")
			c.must(err)
			c.equal("servers", numbers(c, replies), fmt.Sprint(slices.Repeat([]int{round + 1}, len(c.servers)-1)))
		}
		c.must(c.servers[0].To("all").SocketsJoin(fmt.Sprint("round", round)))
		list, err := c.servers[0].To(fmt.Sprint("round", round)).FetchSockets(enough(t))
		c.must(err)
		c.equal("joined before", c.fetched(list), c.at("is", func(int) bool { return true }))
	}
}

// testRequestThenPublish: what is published behind a request arrives behind it.
func testRequestThenPublish(t *testing.T, c *cluster) {
	const rounds = 10
	for round := range rounds {
		asked := make(chan struct{}, 2)
		orders := make(chan string, len(c.clients))
		for i, client := range c.clients {
			order := ""
			client.On("request", func(m *siotest.Message) {
				order += "request "
				m.Ack(i, []byte{0})
				if i/2 == 0 {
					asked <- struct{}{}
				}
			})
			client.On("event", func(*siotest.Message) { orders <- order + "event" })
		}
		replied := make(chan error, 1)
		go func() {
			_, err := c.servers[0].EmitWithAck(enough(t), "request", round)
			replied <- err
		}()
		<-asked
		<-asked // all clients of the first server: by now the request is on its way to the others, too
		c.must(c.servers[0].Emit("event"))
		for range c.clients {
			c.equal("order", <-orders, "request event")
		}
		c.must(<-replied)
	}
}

// numbers decodes replies of one number and sorts them.
func numbers(c *cluster, replies []*socketio.Reply) string {
	all := make([]int, len(replies))
	for i, r := range replies {
		c.must(r.Decode(&all[i]))
	}
	slices.Sort(all)
	return fmt.Sprint(all)
}

// testServerSide: the other servers hear it, and answer once each.
func testServerSide(t *testing.T, c *cluster) {
	heard := make(chan string, len(c.servers))
	for i, srv := range c.servers {
		srv.OnServerSide("e", func(text string, n int) { heard <- fmt.Sprint(i, text, n) })
		srv.OnServerSide("place", func(text string) int { return i + len(text) })
		srv.OnServerSide("silence", func(ack socketio.Ack) {
			if i == 1 {
				_ = ack(i)
			}
		})
	}
	for origin, srv := range c.servers {
		var want, places []int
		for i := range c.servers {
			if i != origin {
				want, places = append(want, i), append(places, i+2)
			}
		}
		c.must(srv.ServerSideEmit("e", "x", 5))
		var got []string
		for range want {
			got = append(got, <-heard)
		}
		slices.Sort(got)
		c.equal("heard", strings.Join(got, " "), strings.Join(mapped(want, func(i int) string { return fmt.Sprint(i, "x", 5) }), " "))
		replies, err := srv.ServerSideEmitWithAck(enough(t), "place", "ab")
		c.must(err)
		c.equal("replies", numbers(c, replies), fmt.Sprint(places))
		replies, err = srv.ServerSideEmitWithAck(enough(t), "nobody listens")
		c.must(err)
		c.equal("no replies", numbers(c, replies), "[]")
	}
	if len(c.servers) > 2 {
		c.silent(2, 1, func(ctx context.Context) error {
			replies, err := c.servers[0].ServerSideEmitWithAck(ctx, "silence")
			if len(replies) > 0 {
				c.equal("replies", numbers(c, replies), "[1]")
			}
			return err
		})
	}
}

func mapped(list []int, f func(int) string) []string {
	all := make([]string, len(list))
	for i, v := range list {
		all[i] = f(v)
	}
	return all
}

// testDeath: a server that dies while it is asked is not waited for, and
// neither are its clients.
func testDeath(t *testing.T, c *cluster) {
	c.answer()
	last := len(c.servers) - 1
	asked := make(chan struct{}, 4)
	for _, client := range c.clients[2*last:] {
		client.On("place", func(*siotest.Message) { asked <- struct{}{} })
	}
	c.servers[last].OnServerSide("q", func(socketio.Ack) { asked <- struct{}{} })
	kill := func() {
		<-asked
		<-asked
		if last > 0 {
			<-asked // by its fellow
		}
		c.servers[last].Close()
	}
	go kill()
	answers := make(chan error, 1)
	if last > 0 {
		go func() {
			_, err := c.servers[0].ServerSideEmitWithAck(enough(t), "q")
			answers <- err
		}()
	} else {
		answers <- nil
	}
	replies, err := c.servers[0].EmitWithAck(enough(t), "place", 4)
	c.must(err)
	c.equal("replies", c.replied(replies, 4), c.at("4", func(i int) bool { return i/2 != last }))
	c.must(<-answers)
}

// testEndOfAsker: a request ends with the server that has made it.
func testEndOfAsker(t *testing.T, c *cluster) {
	if len(c.servers) == 1 {
		return // it has nobody to wait for
	}
	asked := make(chan struct{}, 2*len(c.servers))
	for _, srv := range c.servers[1:] {
		srv.OnServerSide("q", func(ctx context.Context, _ socketio.Ack) { asked <- struct{}{}; <-ctx.Done() })
	}
	errs := make(chan error, 1)
	go func() {
		_, err := c.servers[0].ServerSideEmitWithAck(enough(t), "q")
		errs <- err
	}()
	for range c.servers[1:] {
		<-asked
	}
	c.servers[0].Close()
	if err := <-errs; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error is %v, want one that says that the server has left", err)
	}
	if _, err := c.servers[0].FetchSockets(enough(t)); err == nil {
		t.Fatal("a server that has left asks the others without an error")
	}
	for _, srv := range c.servers[1:] {
		list, err := srv.FetchSockets(enough(t))
		c.must(err)
		c.equal("the others", c.fetched(list), c.at("is", func(i int) bool { return i > 1 }))
	}
}
