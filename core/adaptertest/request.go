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

// patience is how long a request may take that must end by itself. A test that
// waits for its end would have to wait so long.
const patience = time.Minute

// soon is a deadline for requests that end by it only.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func enough(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// testFetch: who is where, and what is known of them.
func testFetch(t *testing.T, c *cluster) {
	for i, s := range c.sockets {
		s.SetIdentity(fmt.Sprint("user-", i))
		shared.Set(s, profile{Name: fmt.Sprint("n", i), Data: []byte{1, 2}})
		kept.Set(s, i)
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
	shared = socketio.NewSharedKey[profile]("profile")
	other  = socketio.NewSharedKey[string]("profile") // another key of that name
	unset  = socketio.NewSharedKey[profile]("unset")
	kept   = socketio.NewKey[int]("kept")
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
	p, ok := shared.Fetch(r)
	c.equal("shared value", fmt.Sprint(p, ok), fmt.Sprint(profile{fmt.Sprint("n", i), []byte{1, 2}}, true))
	_, ok = other.Fetch(r)
	_, ok2 := unset.Fetch(r)
	_, ok3 := kept.Fetch(r)
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
	c.equal("reply", decoded(c, reply), fmt.Sprint(last, " 5"))
	c.clients[last].On("silence", func(*siotest.Message) {})
	if _, err = r.EmitWithAck(soon(t), "silence"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if p := (*socketio.PartialError)(nil); errors.As(err, &p) && p.Answered+p.Expected == 1 {
		t.Fatal("one client has no part that answers")
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

func decoded(c *cluster, r *socketio.Reply) string {
	var place int
	var data []byte
	c.must(r.Decode(&place, &data))
	return fmt.Sprint(place, " ", data[0])
}
