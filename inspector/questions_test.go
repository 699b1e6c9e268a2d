package inspector_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/inspector"
	"github.com/gosio/gosio/internal/assert"
)

type row struct {
	ID, Namespace, Node, Transport, Address, Identity string
	At                                                int64
	Rooms                                             int
}

type rows struct {
	Total int
	Rows  []row
	More  bool
}

func (r rows) ids() string {
	var ids []string
	for _, row := range r.Rows {
		ids = append(ids, row.ID)
	}
	return strings.Join(ids, " ")
}

type query = map[string]any

// people lets clients say who they are.
func people(srv *socketio.Server) {
	srv.Of("/news")
	srv.UseFunc(func(_ context.Context, s *socketio.Socket) error {
		s.SetIdentity(s.Handshake().Query().Get("who"))
		return s.Join("lobby", "of "+s.Identity())
	})
}

func person(t testing.TB, srv *socketio.Server, who string) *siotest.Client {
	t.Helper()
	time.Sleep(time.Millisecond) // the order is that of connecting
	return siotest.Dial(t, srv, siotest.Options{Query: map[string][]string{"who": {who}}})
}

// TestSockets: search and pages.
func TestSockets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody, ServerID: "one"})
		people(srv)
		parent := srv.OfRegexp(regexp.MustCompile(`^/room-\d+$`))
		ann, bob := person(t, srv, "Ann"), person(t, srv, "bob")
		child := bob.Of("/room-1", nil)
		news := ann.Of("/news", nil)
		c := siotest.Dial(t, srv, page(nil))
		find := func(q query) rows {
			r := ask[rows](c, "sockets", q)
			assert.Equal(t, "error", r.Error, "")
			return r.Is
		}
		all := find(query{})
		assert.Equal(t, "all but the page", all.Total, 4)
		assert.True(t, "the newest first", all.Rows[0].At == all.Rows[1].At && all.Rows[1].At > all.Rows[2].At)
		r := find(query{"id": ann.ID()[3:12]})
		assert.Equal(t, "by a part of the id", r.ids(), ann.ID())
		assert.Equal(t, "a row", fmt.Sprint(r.Rows[0].Namespace, r.Rows[0].Node, r.Rows[0].Transport, r.Rows[0].Identity, r.Rows[0].Rooms), "/onewebsocketAnn2")
		for name, tt := range map[string]struct {
			q    query
			want string
		}{
			"identity":     {query{"identity": "aNN"}, ann.ID()},
			"room":         {query{"room": "of bob"}, bob.ID()},
			"part of room": {query{"room": "of"}, ""},
			"namespace":    {query{"namespace": "/news"}, news.ID()},
			"children":     {query{"namespace": parent.Name()}, child.ID()},
			"none":         {query{"namespace": "/nothing"}, ""},
			"address":      {query{"address": "203.0.113."}, ""},
			"two":          {query{"room": "lobby", "identity": "b"}, bob.ID()},
		} {
			assert.Equal(t, name, find(tt.q).ids(), tt.want)
		}
		_, made := srv.Lookup("/nothing")
		assert.True(t, "nothing is made", !made)

		for range 7 {
			person(t, srv, "many")
		}
		var pages []string
		q := query{"namespace": "/", "limit": 4}
		for {
			r := find(q)
			assert.Equal(t, "total", r.Total, 9)
			for _, row := range r.Rows {
				pages = append(pages, row.ID)
			}
			if !r.More {
				assert.Equal(t, "on the last page", len(r.Rows), 1)
				break
			}
			assert.Equal(t, "on a page", len(r.Rows), 4)
			q["after"] = query{"at": r.Rows[3].At, "id": r.Rows[3].ID}
		}
		assert.Equal(t, "all pages", strings.Join(pages, " "), find(query{"namespace": "/"}).ids())
		for _, limit := range []int{0, -1, 201, 1 << 40} {
			assert.True(t, "a limit of no use", len(find(query{"limit": limit}).Rows) == 11)
		}
	})
}

// TestAnswersAreBounded: however many there are, and whatever is asked for.
func TestAnswersAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
		for range 205 {
			siotest.Dial(t, srv, siotest.Options{})
		}
		c := siotest.Dial(t, srv, page(nil))
		r := ask[rows](c, "sockets", query{"limit": 200}).Is
		assert.Equal(t, "rows", fmt.Sprint(len(r.Rows), r.Total, r.More), "200 205 true")
		assert.Equal(t, "asked for more", len(ask[rows](c, "sockets", query{"limit": 100_000}).Is.Rows), 100)
		for i, s := range srv.Sockets() {
			assert.NoError(t, s.Join(fmt.Sprint("room ", i)))
		}
		assert.NoError(t, srv.SocketsJoin("all"))
		rooms := ask[rooms](c, "rooms", query{"limit": 100_000}).Is
		assert.Equal(t, "rooms", fmt.Sprint(len(rooms.Rows), rooms.Total, rooms.Rows[0]), "100 206 {/ all 205}")
	})
}

type details struct {
	row
	RoomNames, Siblings []string
	Values              map[string]any
	Handshake           struct {
		URL            string
		Headers, Query map[string]string
	}
}

var profile = socketio.NewSharedKey[map[string]any]("profile")

// TestSocket: what may be seen of one, and nothing that is secret.
func TestSocket(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{AllowEIO3: true}, inspector.Options{Allow: everybody, Show: []string{"X-Build"}})
		people(srv)
		srv.OnConnect(func(s *socketio.Socket) { profile.Set(s, map[string]any{"name": "Ann", "accessToken": "t0p"}) })
		ann := siotest.Dial(t, srv, siotest.Options{
			Auth: query{"token": "t0p"}, Query: map[string][]string{"who": {"ann"}, "token": {"t0p"}},
			Header: http.Header{"Cookie": {"session=t0p"}, "Authorization": {"Bearer t0p"}, "X-Build": {"7"}},
		})
		ann.Of("/news", nil)
		c := siotest.Dial(t, srv, page(nil))
		m := c.Call("socket", query{"namespace": "/", "id": ann.ID()})
		var r result[details]
		m.Decode(&r)
		assert.Equal(t, "rooms", strings.Join(r.Is.RoomNames, " "), "lobby of ann")
		assert.Equal(t, "values", fmt.Sprint(r.Is.Values), "map[profile:map[accessToken:[redacted] name:Ann]]")
		assert.Equal(t, "siblings", strings.Join(r.Is.Siblings, " "), "/news")
		assert.Equal(t, "headers", r.Is.Handshake.Headers["x-build"]+r.Is.Handshake.Headers["cookie"], "7[redacted]")
		assert.True(t, "nothing secret", !strings.Contains(fmt.Sprint(r), "t0p") && !strings.Contains(fmt.Sprint(r), ann.Conn().SID()))
		for _, q := range []query{{"namespace": "/", "id": "x"}, {"namespace": "/none", "id": ann.ID()}, {}} {
			assert.True(t, fmt.Sprint(q), ask[*details](c, "socket", q).Is == nil)
		}

		req, _ := http.NewRequestWithContext(t.Context(), "GET", "/socket.io/?EIO=3&transport=polling", nil)
		srv.ServeHTTP(&sink{header: make(http.Header)}, req)
		synctest.Wait()
		assert.Equal(t, "an old client is there", srv.Connections(), 3)
		assert.Equal(t, "its id is a secret", ask[rows](c, "sockets", query{"namespace": "/"}).Is.ids(), ann.ID())
	})
}

type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }

type rooms struct {
	Total int
	Rows  []struct {
		Namespace, Name string
		Sockets         int
	}
}

// TestRooms: the largest first.
func TestRooms(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
		people(srv)
		person(t, srv, "ann").Of("/news", nil)
		person(t, srv, "ann")
		person(t, srv, "bob")
		for _, s := range srv.Of("/news").Sockets() {
			assert.NoError(t, s.Join("lobby"))
		}
		c := siotest.Dial(t, srv, page(nil))
		r := ask[rooms](c, "rooms", query{}).Is
		assert.Equal(t, "all", fmt.Sprint(r), "{4 [{/ lobby 3} {/ of ann 2} {/ of bob 1} {/news lobby 1}]}")
		assert.Equal(t, "of one namespace", fmt.Sprint(ask[rooms](c, "rooms", query{"namespace": "/news"}).Is), "{1 [{/news lobby 1}]}")
		assert.Equal(t, "by a part", fmt.Sprint(ask[rooms](c, "rooms", query{"name": "bob"}).Is), "{1 [{/ of bob 1}]}")
		assert.Equal(t, "some", fmt.Sprint(ask[rooms](c, "rooms", query{"limit": 1}).Is), "{4 [{/ lobby 3}]}")
	})
}

// TestActions: on one, a room, all; each with who did it.
func TestActions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		srv, h := start(t, socketio.Options{}, inspector.Options{Users: users(t), Logger: slog.New(slog.NewTextHandler(&log, nil))})
		one, two := siotest.Dial(t, srv, siotest.Options{}), siotest.Dial(t, srv, siotest.Options{})
		c := siotest.Dial(t, srv, page(ticket(t, h)))
		act := func(q query) string {
			q["namespace"] = "/"
			failed := ask[any](c, "act", q).Error
			synctest.Wait()
			var all []string
			for _, s := range srv.Sockets() {
				all = append(all, strings.Join(s.Rooms(), " "))
			}
			slices.Sort(all)
			return failed + strings.Join(all, "|")
		}
		assert.Equal(t, "one joins", act(query{"do": "join", "socket": one.ID(), "room": "a"}), "|a")
		assert.Equal(t, "a room joins", act(query{"do": "join", "in": "a", "room": "b"}), "|a b")
		assert.Equal(t, "all join", act(query{"do": "join", "all": true, "room": "c"}), "a b c|c")
		assert.Equal(t, "one leaves", act(query{"do": "leave", "socket": one.ID(), "room": "b"}), "a c|c")
		act(query{"do": "emit", "in": "a", "event": "hello", "args": []any{1, query{"x": "y"}}})
		var n int
		var v map[string]string
		one.Expect("hello", &n, &v)
		assert.Equal(t, "emitted", fmt.Sprint(n, v), "1 map[x:y]")
		two.ExpectIdle()
		for name, q := range map[string]query{
			"to whom? One of socket, in and all": {"do": "disconnect"},
			`"fly" is no action`:                 {"do": "fly", "all": true},
			"which room?":                        {"do": "join", "all": true},
		} {
			assert.Equal(t, name, act(q), name+"a c|c")
		}
		assert.Equal(t, "two targets", act(query{"do": "disconnect", "socket": one.ID(), "all": true}), "to whom? One of socket, in and alla c|c")
		assert.True(t, "a reserved name", strings.Contains(act(query{"do": "emit", "all": true, "event": "disconnect"}), "disconnect"))
		for _, ns := range []string{"/none", "/inspector"} {
			assert.Equal(t, ns, ask[any](c, "act", query{"do": "disconnect", "namespace": ns, "all": true}).Error, "there is no such namespace")
		}
		assert.Equal(t, "one goes", act(query{"do": "disconnect", "socket": one.ID()}), "c")
		one.ExpectDisconnect(siotest.ServerDisconnect)
		assert.Equal(t, "all go", act(query{"do": "disconnect", "all": true, "close": true}), "")
		two.ExpectDisconnect(siotest.ServerDisconnect)
		assert.True(t, log.String(), strings.Contains(log.String(), `msg="inspector: action" viewer=ops action=emit namespace=/ socket="" in=a room="" event=hello`))
	})
}

// TestReadOnly: who may only look does nothing.
func TestReadOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, h := start(t, socketio.Options{}, inspector.Options{Allow: everybody, ReadOnly: true})
		assert.True(t, "the page knows", strings.Contains(get(h, "/", nil).Body.String(), " data-read-only>"))
		one := siotest.Dial(t, srv, siotest.Options{})
		c := siotest.Dial(t, srv, page(nil))
		c.Emit("act", query{"do": "disconnect", "namespace": "/", "all": true})
		assert.Equal(t, "it is still there", ask[rows](c, "sockets", query{}).Is.ids(), one.ID())
	})
}

type overview struct {
	Columns []string
	Every   float64
	Nodes   []struct {
		ID         string
		Namespaces []struct {
			Name           string
			Sockets, Rooms int
		}
		Samples [][]float64
	}
}

func (o overview) last(column string) float64 {
	samples := o.Nodes[0].Samples
	return samples[len(samples)-1][slices.Index(o.Columns, column)]
}

// TestOverview: numbers every five seconds, for an hour.
func TestOverview(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody, ServerID: "one"})
		people(srv)
		srv.On("echo", func(s string) string { return s })
		srv.On("fail", func() error { return errors.New("no") })
		c := siotest.Dial(t, srv, page(nil))
		o := ask[overview](c, "overview", query{"since": 0}).Is
		assert.Equal(t, "at the start", len(o.Nodes[0].Samples), 1)
		time.Sleep(time.Second)
		ann := siotest.Dial(t, srv, siotest.Options{Transport: "polling"})
		for range 10 {
			ann.Call("echo", "0123456789")
			ann.Call("fail")
		}
		time.Sleep(5 * time.Second)
		before := o.last("at")
		o = ask[overview](c, "overview", query{"since": before}).Is
		assert.Equal(t, "new ones", len(o.Nodes[0].Samples), 1)
		for column, want := range map[string]float64{"connections": 2, "polling": 1, "opened/s": 2. / 5, "ended/s": 0, "errors/s": 2, "dropped/s": 0, "queue": 0} {
			assert.Equal(t, column, o.last(column), want)
		}
		assert.True(t, "messages", o.last("in/s") >= 4 && o.last("out/s") >= 4 && o.last("bytesIn/s") > 60 && o.last("bytesOut/s") > 80)
		assert.True(t, "memory", o.last("heap") > 1000 && o.last("goroutines") > 1)
		assert.Equal(t, "namespaces", fmt.Sprint(o.Nodes[0].Namespaces), "[{/ 1 2} {/inspector 1 0} {/news 0 0}]")
		ann.Disconnect()
		time.Sleep(2 * time.Hour)
		o = ask[overview](c, "overview", query{"since": 0}).Is
		assert.Equal(t, "an hour, each third", len(o.Nodes[0].Samples), 240)
		first, last := o.Nodes[0].Samples[0][0], o.last("at")
		assert.Equal(t, "in order", last-first, 239*15_000.)
		assert.Equal(t, "one has gone", o.last("connections"), 1)
	})
}

// TestCluster: all servers answer, wherever the page is connected.
func TestCluster(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 3, socketio.Options{Logger: quiet})
		var clients []*siotest.Client
		for i, srv := range servers {
			people(srv)
			inspector.New(srv, inspector.Options{Allow: everybody, ServerID: fmt.Sprint("server ", i), Logger: quiet})
			clients = append(clients, person(t, srv, fmt.Sprint("p", i)))
		}
		c := siotest.Dial(t, servers[0], page(nil))
		r := ask[rows](c, "sockets", query{"namespace": "/", "limit": 2})
		assert.Equal(t, "the newest", r.Is.ids(), clients[2].ID()+" "+clients[1].ID())
		assert.Equal(t, "of all", fmt.Sprint(r.Is.Total, r.Is.More, r.Missing, r.Is.Rows[0].Node), "3 true 0server 2")
		r = ask[rows](c, "sockets", query{"namespace": "/", "limit": 2, "after": query{"at": r.Is.Rows[1].At, "id": r.Is.Rows[1].ID}})
		assert.Equal(t, "the next page", r.Is.ids(), clients[0].ID())
		assert.Equal(t, "rooms are added up", fmt.Sprint(ask[rooms](c, "rooms", query{"name": "lobby"}).Is.Rows), "[{/ lobby 3}]")
		far := clients[2]
		d := ask[details](c, "socket", query{"namespace": "/", "id": far.ID()}).Is
		assert.Equal(t, "details", d.Node+d.Identity, "server 2p2")
		o := ask[overview](c, "overview", query{"since": 0}).Is
		assert.Equal(t, "nodes", fmt.Sprint(len(o.Nodes), o.Nodes[0].ID, o.Nodes[2].ID), "3server 0server 2")
		assert.Equal(t, "acts", ask[any](c, "act", query{"do": "disconnect", "namespace": "/", "socket": far.ID()}).Error, "")
		far.ExpectDisconnect(siotest.ServerDisconnect)
	})
}

// TestPanic: a function of the application that panics fails one answer, also where another
// server has asked, and ends nothing.
func TestPanic(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		servers := adaptertest.Cluster(t, 2, socketio.Options{Logger: quiet})
		for _, srv := range servers {
			inspector.New(srv, inspector.Options{Allow: everybody, Logger: slog.New(slog.NewTextHandler(&log, nil)), Redact: func(name string) bool {
				if name == "boom" {
					panic("redact")
				}
				return false
			}})
		}
		ann := siotest.Dial(t, servers[1], siotest.Options{})
		s, _ := servers[1].Socket(ann.ID())
		profile.Set(s, map[string]any{"boom": 1})
		socket := query{"namespace": "/", "id": ann.ID()}
		near, far := siotest.Dial(t, servers[1], page(nil)), siotest.Dial(t, servers[0], page(nil))
		assert.Equal(t, "its own server", ask[any](near, "socket", socket).Error, "a server cannot answer: its log says why")
		assert.Equal(t, "from another server", ask[any](far, "socket", socket).Missing, 1)
		profile.Set(s, map[string]any{"fine": 1})
		assert.Equal(t, "afterwards", ask[any](far, "socket", socket).Missing, 0)
		assert.Equal(t, "lines", strings.Count(log.String(), `msg="inspector: panic" panic=redact stack=`), 2)
	})
}

// TestBudget: answers take a tenth of the time at most, and few questions wait.
func TestBudget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		gate := make(chan struct{})
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody, Redact: func(name string) bool {
			switch name {
			case "slow":
				time.Sleep(time.Second)
			case "gate":
				<-gate
			}
			return false
		}})
		ann := siotest.Dial(t, srv, siotest.Options{})
		s, _ := srv.Socket(ann.ID())
		profile.Set(s, map[string]any{"slow": 1})
		socket := query{"namespace": "/", "id": ann.ID()}
		viewers := make([]*siotest.Client, 12)
		for i := range viewers {
			viewers[i] = siotest.Dial(t, srv, page(nil))
		}
		began := time.Now()
		for range 3 {
			ask[any](viewers[0], "socket", socket)
		}
		assert.Equal(t, "three answers of a second each", time.Since(began), 21*time.Second)
		time.Sleep(9 * time.Second)

		profile.Set(s, map[string]any{"gate": 1})
		answers := []<-chan *siotest.Message{viewers[0].EmitWithAck("socket", socket)}
		synctest.Wait()
		for _, v := range viewers[1:] {
			answers = append(answers, v.EmitWithAck("rooms", query{}))
		}
		synctest.Wait()
		close(gate)
		busy := 0
		for _, a := range answers {
			var r result[any]
			(<-a).Decode(&r)
			if strings.HasPrefix(r.Error, "busy") {
				busy++
			}
		}
		assert.Equal(t, "refused", busy, 3)
	})
}

// TestBytesPerSecond: answers have a mebibyte a second at most, those of one second at once.
func TestBytesPerSecond(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
		ann := siotest.Dial(t, srv, siotest.Options{})
		s, _ := srv.Socket(ann.ID())
		for i := range 500 {
			assert.NoError(t, s.Join(fmt.Sprintf("%0250d", i)))
		}
		c := siotest.Dial(t, srv, page(nil))
		began := time.Now()
		for range 40 { // of 127 KB
			assert.Equal(t, "error", ask[any](c, "socket", query{"namespace": "/", "id": ann.ID()}).Error, "")
		}
		took := time.Since(began)
		assert.True(t, took.String(), took > 3*time.Second && took < 5*time.Second)
	})
}
