package inspector_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/inspector"
	"github.com/gosio/gosio/internal/assert"
)

type tailRow struct {
	Node, Namespace, Event, Socket, Identity, Args, Error string
	At                                                    int64
	Out, Remote, Volatile, WantsAck, Unhandled, Nobody    bool
	Rooms, Except                                         []string
	Count, Size                                           int
}

type tailPage struct {
	Rows            []tailRow
	Skipped, Unseen int
	After           map[string]any
	Error           string
}

// follower follows a tail as the page does.
type follower struct {
	c     *siotest.Client
	query query
}

// follow begins a tail.
func follow(t testing.TB, c *siotest.Client, q query) *follower {
	t.Helper()
	f := &follower{c, q}
	f.next(t)
	return f
}

// next asks for what has come since.
func (f *follower) next(t testing.TB) tailPage {
	t.Helper()
	synctest.Wait()
	r := ask[tailPage](f.c, "tail", f.query)
	assert.Equal(t, "error", r.Error+r.Is.Error, "")
	f.query["after"] = r.Is.After
	return r.Is
}

// text is what has come since, in short.
func (f *follower) text(t testing.TB) string {
	t.Helper()
	var all []string
	for _, r := range f.next(t).Rows {
		way := "<"
		if r.Out {
			way = ">"
		}
		all = append(all, fmt.Sprintf("%s%s(%s)", way, r.Event, r.Args))
	}
	return strings.Join(all, " ")
}

// byName lets viewers in under the name that they give.
var byName = socketio.MiddlewareFunc(func(_ context.Context, s *socketio.Socket) error {
	var who struct{ Name string }
	err := s.Handshake().DecodeAuth(&who)
	s.SetIdentity(who.Name)
	return err
})

func viewer(t testing.TB, srv *socketio.Server, name any) *siotest.Client {
	t.Helper()
	return siotest.Dial(t, srv, page(query{"name": fmt.Sprint(name)}))
}

// TestTail: what clients and servers send, by each filter, in their order, once.
func TestTail(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{Recovery: &socketio.Recovery{}}, inspector.Options{Guard: byName, ServerID: "one"})
		people(srv)
		srv.On("say", func(s *socketio.Socket, text string) error { return s.To("lobby").Emit("said", text) })
		ann, bob := person(t, srv, "Ann"), person(t, srv, "bob")
		news := bob.Of("/news", nil)
		c := viewer(t, srv, "of texts")
		b, _ := srv.Socket(bob.ID())
		ann.Emit("say", "before anybody looks")
		synctest.Wait()
		filters := map[string]query{
			"all": {}, "in": {"direction": "in"}, "out": {"direction": "out"}, "news": {"namespace": "/news"}, "event": {"event": "aid"},
			"ann": {"identity": "aNN"}, "bob": {"socket": bob.ID()}, "lobby": {"room": "lobby", "direction": "out"},
		}
		want := map[string]string{
			"all": `<say("hi") >said("hi") >for bob({"n":1}) <news() >large("` + strings.Repeat("x", 100) + `") >gone() >all()`,
			"in":  `<say("hi") <news()`, "news": "<news()", "event": `>said("hi")`, "ann": `<say("hi") >large("` + strings.Repeat("x", 100) + `") >all()`,
			"bob":   `>said("hi") >for bob({"n":1}) >large("` + strings.Repeat("x", 100) + `") >all()`,
			"lobby": `>said("hi") >for bob({"n":1}) >large("` + strings.Repeat("x", 100) + `")`,
			"out":   `>said("hi") >for bob({"n":1}) >large("` + strings.Repeat("x", 100) + `") >gone() >all()`,
		}
		followers := make(map[string]*follower)
		for name, q := range filters {
			followers[name] = follow(t, viewer(t, srv, name), q)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		ann.Emit("say", "hi")
		synctest.Wait()
		assert.NoError(t, b.Emit("for bob", query{"n": 1}))
		news.Emit("news")
		synctest.Wait()
		assert.NoError(t, srv.To("lobby").Emit("large", strings.Repeat("x", 100)))
		assert.NoError(t, srv.To().Emit("gone"))
		assert.NoError(t, srv.Emit("all"))
		for name, f := range followers {
			assert.Equal(t, name, f.text(t), want[name])
			assert.Equal(t, name+", again", f.text(t), "")
		}
		for name, tt := range map[string]struct {
			q    query
			want string
		}{
			"text": {query{"text": `"N"`}, `>for bob({"n":1})`}, "text and direction": {query{"text": "h", "direction": "in"}, `<say("hi")`},
		} { // beside others with the same filter
			assert.Equal(t, name, (&follower{c, tt.q}).text(t), tt.want)
		}
		time.Sleep(12 * time.Second)
		size := follow(t, c, query{"size": 100})
		assert.NoError(t, srv.Emit("small"))
		assert.NoError(t, srv.Emit("large", strings.Repeat("x", 100)))
		assert.True(t, "size", strings.HasPrefix(size.text(t), ">large("))
	})
}

// TestTailRow: who has sent an event, and to whom.
func TestTailRow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody, ServerID: "one"})
		people(srv)
		ann, bob := person(t, srv, "ann"), person(t, srv, "bob")
		b, _ := srv.Socket(bob.ID())
		f := follow(t, siotest.Dial(t, srv, page(nil)), query{})
		time.Sleep(time.Second)
		at := time.Now().UnixMilli()
		ann.Emit("what", []byte("bytes"), "é<&>")
		synctest.Wait()
		assert.NoError(t, srv.To("lobby").Except("of ann").Volatile().Emit("tick", 1))
		assert.NoError(t, b.Emit("one"))
		assert.True(t, "it fails", srv.Emit("func", func() {}) != nil)
		rows := f.next(t).Rows
		assert.Equal(t, "rows", len(rows), 4)
		for i, want := range []tailRow{
			{Event: "what", Socket: ann.ID(), Identity: "ann", Args: `[binary], "é<&>"`, Unhandled: true, Size: 51},
			{Event: "tick", Out: true, Rooms: []string{"lobby"}, Except: []string{"of ann"}, Volatile: true, Count: 1, Args: "1", Size: 10},
			{Event: "one", Out: true, Socket: bob.ID(), Identity: "bob", Count: 1, Size: 7},
			{Event: "func", Out: true, Error: rows[3].Error},
		} {
			want.Node, want.Namespace, want.At = "one", "/", at
			assert.Equal(t, want.Event, fmt.Sprint(rows[i]), fmt.Sprint(want))
		}
		assert.True(t, "an error", strings.Contains(rows[3].Error, "func"))
	})
}

// TestTailSecrets: what is secret by its name, and what looks like a secret, is never in a
// tail, and cannot be found out with a text to look for.
func TestTailSecrets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{AllowEIO3: true}, inspector.Options{Allow: everybody})
		people(srv)
		ann := siotest.Dial(t, srv, siotest.Options{Auth: query{"token": "t0p-auth"}, Header: http.Header{"Cookie": {"session=t0p-cookie"}}})
		c := siotest.Dial(t, srv, page(nil))
		f := follow(t, c, query{})
		jwt := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0MHAifQ.t0p-signature"
		ann.Emit("login", query{"user": "ann", "password": "t0p-1"}, []any{query{"deep": query{"apiKey": "t0p-2"}}})
		ann.Emit("access_token", "t0p-3")
		ann.Emit("hello", jwt, "Bearer t0p-abcdefgh", "authorization: bearer t0p-12345678")
		synctest.Wait()
		assert.NoError(t, srv.Emit("welcome", query{"sessionId": "t0p-4", "name": "Ann"}))
		assert.NoError(t, srv.Emit("long", strings.Repeat("t0p", 3000)))
		assert.NoError(t, srv.Emit("grows", strings.Repeat(`{"pin":0},`, 3)+"x", query{"list": slicesOf(query{"pin": 1}, 700)}))
		text := f.text(t)
		assert.Equal(t, "as it is shown", text, `<login({"password":"[redacted]","user":"ann"}, [{"deep":{"apiKey":"[redacted]"}}]) `+
			`<access_token([redacted]) <hello("[redacted]", "[redacted]", "authorization: [redacted]") `+
			`>welcome({"name":"Ann","sessionId":"[redacted]"}) >long([too long]) >grows([too long])`)
		assert.Equal(t, "nothing is found by a secret", (&follower{c, query{"text": "t0p"}}).text(t), "")

		// an old client, whose id is that of its session
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "/socket.io/?EIO=3&transport=polling", nil)
		srv.ServeHTTP(&sink{header: make(http.Header)}, req)
		synctest.Wait()
		for _, s := range srv.Sockets() {
			if s.Protocol() != 3 {
				continue
			}
			assert.NoError(t, s.Broadcast().Emit("others"))
			assert.NoError(t, s.Emit("mine"))
			all := fmt.Sprint(f.next(t).Rows, c.Call("traces", query{}).String())
			assert.True(t, "it was emitted", strings.Contains(all, "others"))
			id := s.ID()
			s.Disconnect(true)
			synctest.Wait()
			assert.NoError(t, srv.To("lobby").Except(id).Emit("after"))
			all += fmt.Sprint(f.next(t).Rows) + c.Call("traces", query{}).String()
			assert.True(t, "its id is a secret", !strings.Contains(all, id))
			assert.True(t, "it is left out", strings.Contains(all, "[redacted]"))
			return
		}
		t.Fatal("there is no old client")
	})
}

func slicesOf(v any, n int) (list []any) {
	for range n {
		list = append(list, v)
	}
	return list
}

// TestTailEnds: nothing is kept before somebody looks, nor soon after.
func TestTailEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
		c := siotest.Dial(t, srv, page(nil))
		f := follow(t, c, query{})
		assert.NoError(t, srv.Emit("one"))
		time.Sleep(9 * time.Second)
		assert.Equal(t, "nine seconds later", f.text(t), ">one()")
		time.Sleep(11 * time.Second)
		assert.NoError(t, srv.Emit("two"))
		assert.Equal(t, "it has ended", f.text(t), "")
		assert.NoError(t, srv.Emit("three"))
		assert.Equal(t, "and begins anew", f.text(t), ">three()")
		assert.Equal(t, "somebody else sees what there is", (&follower{c, query{}}).text(t), ">three()")
	})
}

// TestTailIsBounded: in events of a turn, in bytes, in tails, in what is asked for.
func TestTailIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Guard: byName})
		c := viewer(t, srv, "one")
		f := follow(t, c, query{})
		time.Sleep(time.Second)
		f.next(t)
		for i := range 700 {
			assert.NoError(t, srv.To("none").Emit("burst", i))
		}
		p := f.next(t)
		assert.Equal(t, "of a burst", fmt.Sprint(len(p.Rows), p.Skipped, " ", p.Rows[99].Args), "100 600 499")
		time.Sleep(time.Second)
		assert.Equal(t, "nothing is new", f.text(t), "")
		large := strings.Repeat("x", 8000)
		for range 300 {
			assert.NoError(t, srv.To("none").Emit("large", large))
		}
		p = f.next(t)
		assert.Equal(t, "of large ones", fmt.Sprint(len(p.Rows)+p.Skipped, " ", len(p.Rows)), "300 16")

		for i := range 7 {
			follow(t, viewer(t, srv, i), query{"event": fmt.Sprint(i)})
		}
		assert.True(t, "too many", strings.HasPrefix(ask[tailPage](c, "tail", query{"event": "x"}).Is.Error, "busy: others look"))
		f.next(t)
		time.Sleep(9 * time.Second)
		f.next(t)
		time.Sleep(2 * time.Second)
		follow(t, c, query{"event": "x"})
		f.next(t)
		for _, q := range []query{{"direction": "up"}, {"event": strings.Repeat("x", 257)}, {"text": strings.Repeat("x", 257)}} {
			assert.True(t, "no filter", ask[tailPage](c, "tail", q).Is.Error != "")
		}
	})
}

// TestTailsOfOneViewer: one viewer has four tails, under whatever name the page asks; who
// looks at another one gives up the one that was looked at the longest ago, and nobody takes
// the place of one that somebody looks at.
func TestTailsOfOneViewer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Guard: byName})
		ann, bob, cid := viewer(t, srv, "ann"), viewer(t, srv, "bob"), viewer(t, srv, "cid")
		failure := func(c *siotest.Client, q query) string {
			synctest.Wait()
			return ask[tailPage](c, "tail", q).Is.Error
		}
		own, others := "busy: you look at 4 tails with other filters already", "busy: others look at as many tails with other filters as there may be"
		var anns, bobs []*follower
		for i := range 4 {
			anns = append(anns, follow(t, ann, query{"event": fmt.Sprint("a", i)}))
			bobs = append(bobs, follow(t, bob, query{"event": fmt.Sprint("b", i)}))
		}
		assert.Equal(t, "a fifth", failure(ann, query{"event": "a4"}), own)
		assert.Equal(t, "a fifth, under another name", failure(ann, query{"event": "a4", "viewer": "dan"}), own)
		assert.Equal(t, "one of another viewer", failure(ann, query{"event": "b0"}), own)
		assert.Equal(t, "a ninth", failure(cid, query{"event": "c"}), others)
		assert.Equal(t, "one that is there", failure(cid, query{"event": "a0"}), "")

		time.Sleep(1500 * time.Millisecond)
		for _, f := range append(anns[1:], bobs...) {
			f.next(t)
		}
		time.Sleep(time.Second)
		assert.Equal(t, "in the place of ann's first", failure(ann, query{"event": "b0"}), "")
		assert.NoError(t, srv.To("none").Emit("a0"))
		assert.NoError(t, srv.To("none").Emit("b0"))
		assert.Equal(t, "which cid looks at, too", (&follower{cid, query{"event": "a0"}}).text(t), ">a0()")
		assert.Equal(t, "and bob", bobs[0].text(t), ">b0()")
		for range 3 {
			time.Sleep(time.Second)
			for _, f := range append(anns[1:], bobs...) {
				f.next(t)
			}
		}
		assert.Equal(t, "in the place of one that nobody looks at", failure(cid, query{"event": "c"}), "")
		assert.NoError(t, srv.To("none").Emit("a1"))
		assert.Equal(t, "the others go on", anns[1].text(t), ">a1()")
	})
}

// TestTailCluster: all servers are looked at; what several of them deliver is shown once.
func TestTailCluster(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 3, socketio.Options{Logger: quiet})
		var clients []*siotest.Client
		for i, srv := range servers {
			people(srv)
			if i < 2 {
				inspector.New(srv, inspector.Options{Allow: everybody, ServerID: fmt.Sprint("server ", i), Logger: quiet})
			}
			clients = append(clients, person(t, srv, fmt.Sprint("p", i)))
		}
		c := siotest.Dial(t, servers[0], page(nil))
		f, far := follow(t, c, query{}), follow(t, c, query{"socket": clients[1].ID()})
		time.Sleep(time.Second)
		clients[1].Emit("say", "hi")
		synctest.Wait()
		time.Sleep(time.Millisecond)
		assert.NoError(t, servers[1].To("lobby").Emit("all"))
		time.Sleep(time.Millisecond)
		assert.NoError(t, servers[2].To("lobby").Emit("elsewhere"))
		rows := f.next(t).Rows
		var got []string
		for _, r := range rows {
			got = append(got, fmt.Sprint(r.Event, " ", r.Node, " ", r.Count, r.Remote))
		}
		assert.Equal(t, "rows", strings.Join(got, ", "), "say server 1 0 false, all server 1 2 false, elsewhere server 0 2 true")
		assert.Equal(t, "of one socket", far.text(t), `<say("hi") >all() >elsewhere()`)
	})
}

// TestTailIsBoundedInTime: events are looked at for a twentieth of a processor's time, by
// however many viewers; further ones are counted. Here no time passes meanwhile: there is
// what a look costs besides.
func TestTailIsBoundedInTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
		c := siotest.Dial(t, srv, page(nil))
		f := follow(t, c, query{"identity": "nobody"})
		const emitted, traced = 150_000, 200 // traced are the first ones of a second, anyway
		const looks = int(50 * time.Millisecond / (250 * time.Nanosecond))
		const seen = traced + (looks-traced)/2 // before an event is sent, unless that is traced, and after
		for range emitted {
			if err := srv.To("none").Emit("e"); err != nil {
				t.Fatal(err)
			}
		}
		assert.Equal(t, "not looked at", f.next(t).Unseen, emitted-seen)
		time.Sleep(time.Second)
		f.next(t)
		assert.NoError(t, srv.To("none").Emit("e"))
		assert.Equal(t, "in the next turn", f.next(t).Unseen, 0)
	})
}

// TestHostileViewers: whoever reads, and whatever they ask for, slows no client down.
func TestHostileViewers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var slow atomic.Bool
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody, Redact: func(string) bool {
			if slow.Load() {
				time.Sleep(time.Second)
			}
			return false
		}})
		people(srv)
		srv.On("echo", func(s *socketio.Socket, text string) (string, error) { return text, s.To("lobby").Emit("said", text) })
		ann, bob := person(t, srv, "ann"), person(t, srv, "bob")
		viewers := make([]*siotest.Client, 20)
		for i := range viewers {
			viewers[i] = siotest.Dial(t, srv, page(nil))
			ask[tailPage](viewers[i], "tail", query{"event": "", "size": i % 8})
		}
		assert.NoError(t, srv.To("none").Emit("before", strings.Repeat("x", 10)))
		slow.Store(true)
		var answers []<-chan *siotest.Message
		for i := range 20 * len(viewers) {
			v := viewers[i%len(viewers)]
			answers = append(answers, v.EmitWithAck("tail", query{"size": i % 8}), v.EmitWithAck("tail", query{"text": strings.Repeat("x", 9000)}))
		}
		began := time.Now()
		for i := range 100 {
			var text string
			ann.Call("echo", fmt.Sprint(i)).Decode(&text)
			bob.Expect("said", &text)
			assert.Equal(t, "echo", text, fmt.Sprint(i))
		}
		assert.Equal(t, "clients have waited", time.Since(began), time.Duration(0))
		slow.Store(false)
		said := make(map[string]int)
		for _, a := range answers {
			var r result[tailPage]
			(<-a).Decode(&r)
			said[r.Error]++
		}
		assert.True(t, fmt.Sprint(said), said["the question is too long"] == 400 && said["busy: too many questions at once"] > 0)
		for _, q := range []any{"x", []any{}, query{"after": 1}, nil} {
			r := ask[tailPage](viewers[0], "tail", q)
			assert.True(t, fmt.Sprint(q), q == nil || r.Error == "that is no question")
		}
	})
}

// BenchmarkTail is a broadcast to a room of nobody with an inspector, while nobody looks,
// while somebody looks at other events, and while the time for looking is used up.
func BenchmarkTail(b *testing.B) {
	for name, tails := range map[string]int{"off": 0, "one": 1, "eight": 8} {
		b.Run(name, func(b *testing.B) {
			srv, _ := start(b, socketio.Options{}, inspector.Options{Guard: byName})
			for i := range tails {
				ask[tailPage](viewer(b, srv, i), "tail", query{"identity": fmt.Sprint("nobody ", i)})
			}
			b.ReportAllocs()
			for b.Loop() {
				_ = srv.To("none").Emit("news", "hello")
			}
		})
	}
}
