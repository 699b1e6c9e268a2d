package inspector_test

import (
	"fmt"
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

type traceRow struct {
	Node, Namespace, Event, Socket, Error string
	ID                                    uint64
	At                                    int64
	Rooms, Except                         []string
	Volatile, WantsAck, Remote, Local     bool
	Key                                   uint32
	Counts                                map[string]int
	Servers, Written                      int
	Last                                  float64
}

type traces struct {
	Rows    []traceRow
	Skipped int
}

type traced struct {
	Parts []struct {
		Node       string
		Known      bool
		Row        *traceRow
		Recipients []recipient
		More       int
	}
	Verdict struct {
		Got        bool
		Text, Node string
	}
}

type recipient struct {
	ID, State, Text string
	Written, Acked  *float64
}

// about asks for the newest event of a name and, with id, why that socket has got it or not.
func about(t testing.TB, c *siotest.Client, event, id string) (traceRow, result[traced]) {
	t.Helper()
	synctest.Wait() // what was sent is written
	r := ask[traces](c, "traces", query{"event": event})
	assert.Equal(t, "error", r.Error, "")
	if len(r.Is.Rows) == 0 {
		t.Fatalf("nothing is kept of %q", event)
	}
	row := r.Is.Rows[0]
	return row, ask[traced](c, "trace", query{
		"node": row.Node, "id": row.ID, "at": row.At, "namespace": row.Namespace, "event": row.Event, "key": row.Key,
		"remote": row.Remote, "local": row.Local, "socket": id,
	})
}

// TestTrace: who an event was for, what became of it, and why somebody has not got it.
func TestTrace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{Limits: socketio.Limits{SendBuffer: 1 << 21}}, inspector.Options{Allow: everybody, ServerID: "one"})
		people(srv)
		c := siotest.Dial(t, srv, page(nil))
		ann, bob, cid, early := person(t, srv, "ann"), person(t, srv, "bob"), person(t, srv, "cid"), person(t, srv, "early")
		news := ann.Of("/news", nil)
		early.Disconnect()
		why := func(event string, c2 *siotest.Client) string {
			t.Helper()
			_, r := about(t, c, event, c2.ID())
			assert.Equal(t, "error", r.Error, "")
			return fmt.Sprint(r.Is.Verdict.Got, " ", r.Is.Verdict.Text)
		}
		time.Sleep(2 * time.Second)
		assert.NoError(t, srv.To("of ann", "of bob").Except("of bob").Emit("one"))
		row, r := about(t, c, "one", ann.ID())
		assert.Equal(t, "row", fmt.Sprint(row.Node, row.Namespace, row.Rooms, row.Except, row.Counts, row.Servers), "one/[of ann of bob] [of bob] map[queued:1] 1")
		assert.Equal(t, "recipients", fmt.Sprint(len(r.Is.Parts[0].Recipients), r.Is.Parts[0].Recipients[0].ID, r.Is.Parts[0].Recipients[0].State), "1"+ann.ID()+"written")
		assert.Equal(t, "why ann", why("one", ann), "true It was written to the connection after 0s.")
		assert.Equal(t, "why bob", why("one", bob), `false The socket is in "of bob", which was excluded.`)
		assert.Equal(t, "why cid", why("one", cid), `false The socket is not in one of the rooms "of ann", "of bob".`)
		assert.Equal(t, "why news", why("one", news), `false The socket is in the namespace /news; the event was for /.`)
		assert.Equal(t, "why early", why("one", early), `false The socket was not connected: it had left 2s before (client namespace disconnect).`)
		time.Sleep(time.Second)
		late := person(t, srv, "late")
		assert.Equal(t, "why late", why("one", late), `false The socket was not connected yet: its connection has opened 1.001s later.`)
		s, _ := srv.Socket(cid.ID())
		assert.NoError(t, s.Join("of ann"))
		assert.Equal(t, "why cid", why("one", cid), `false The socket was not in the room at that time: it has joined "of ann" since.`)
		nobody := siotest.Dial(t, srv, page(nil))
		assert.Equal(t, "a stranger", why("one", nobody), "false No server knows that socket: it has left longer ago than is kept, or there was none.")

		a, _ := srv.Socket(ann.ID())
		assert.NoError(t, a.Broadcast().Emit("others"))
		assert.Equal(t, "itself", why("others", ann), "false The socket itself was excluded.")
		assert.NoError(t, a.Emit("alone"))
		assert.Equal(t, "for another", why("alone", bob), "false The event was for the socket "+ann.ID()+".")
		assert.NoError(t, srv.To().Emit("none"))
		assert.Equal(t, "nobody", why("none", bob), "false To was called without a room: nobody gets such an event.")
		assert.True(t, "an error", srv.Emit("fails", func() {}) != nil)
		assert.True(t, "an error", strings.HasPrefix(why("fails", bob), "false Emit has failed: "))

		go func() { time.Sleep(time.Second); ann.Await("ask").Ack() }()
		_, err := a.EmitWithAck(t.Context(), "ask")
		assert.NoError(t, err)
		assert.Equal(t, "acknowledged", why("ask", ann), "true The client has acknowledged it after 1s; it was written after 0s.")

		bob.Stall(true)
		assert.NoError(t, srv.To("of bob").Emit("much", strings.Repeat("x", 1<<20)))
		synctest.Wait()
		assert.True(t, "it waits", strings.HasSuffix(why("much", bob), "bytes wait for the client at the moment."))
		assert.NoError(t, srv.Volatile().Emit("tick"))
		assert.Equal(t, "volatile", why("tick", bob), "false The event was volatile, and the client could not take it at once.")
		row, _ = about(t, c, "tick", "")
		assert.Equal(t, "counts", fmt.Sprint(row.Counts), "map[dropped:1 queued:3]")
		assert.NoError(t, srv.To("of bob").Emit("more", strings.Repeat("x", 3<<19)))
		synctest.Wait()
		assert.Equal(t, "overflow", why("more", bob), "false The client has left too much unread (Limits.SendBuffer), and was disconnected.")
		assert.Equal(t, "left", why("much", bob), "false It was queued, and the socket has left 0s later (transport error): it may not have arrived.")

		for name, q := range map[string]query{"one": {"room": "of bob", "event": "one"}, "alone": {"event": "alon", "socket": ann.ID()}} {
			rows := ask[traces](c, "traces", q).Is.Rows
			assert.True(t, name, len(rows) == 1 && rows[0].Event == name)
		}
		assert.Equal(t, "of another namespace", len(ask[traces](c, "traces", query{"namespace": "/news"}).Is.Rows), 0)
		_, r = about(t, c, "one", "")
		assert.Equal(t, "no socket is asked about", r.Is.Verdict.Text, "")
	})
}

// TestTraceCluster: what other servers deliver is found, and which one does not answer.
func TestTraceCluster(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 3, socketio.Options{Logger: quiet})
		var clients []*siotest.Client
		for i, srv := range servers {
			people(srv)
			inspector.New(srv, inspector.Options{Allow: everybody, ServerID: fmt.Sprint("server ", i), Logger: quiet})
			clients = append(clients, person(t, srv, fmt.Sprint("p", i)))
		}
		c := siotest.Dial(t, servers[0], page(nil))
		time.Sleep(time.Second)
		assert.NoError(t, servers[1].To("lobby").Except("of p2").Emit("hi", 1))
		assert.NoError(t, servers[1].To("lobby").Emit("hi", 2)) // another one
		assert.NoError(t, servers[1].Local().Emit("near"))
		synctest.Wait()
		rows := ask[traces](c, "traces", query{"event": "hi"}).Is.Rows
		assert.Equal(t, "one row of each", len(rows), 2)
		for _, row := range rows {
			want := 3 - len(row.Except)
			assert.Equal(t, "row", fmt.Sprint(row.Node, row.Counts["queued"], row.Servers, row.Remote), fmt.Sprint("server 1", want, 3, false))
		}
		row, r := about(t, c, "near", clients[2].ID())
		assert.Equal(t, "local", fmt.Sprint(row.Servers, r.Is.Verdict), "1 {false The socket is on another server than the one that the broadcast was for (Local). server 2}")
		for i, want := range []string{"true It was written to the connection after 0s.", "", `false The socket is in "of p2", which was excluded.`} {
			if want == "" {
				continue
			}
			rows := ask[traces](c, "traces", query{"event": "hi", "room": "of p2"}).Is.Rows
			q := query{
				"node": rows[0].Node, "id": rows[0].ID, "at": rows[0].At, "namespace": "/", "event": "hi", "key": rows[0].Key, "socket": clients[i].ID(),
			}
			v := ask[traced](c, "trace", q).Is
			assert.Equal(t, "why", fmt.Sprint(v.Verdict.Got, " ", v.Verdict.Text), want)
			assert.Equal(t, "whose answer", v.Verdict.Node, fmt.Sprint("server ", i))
			assert.Equal(t, "parts", len(v.Parts), 3)
		}
	})
}

// TestTraceTimes: when an event was written for each, and when acknowledged, on all servers.
func TestTraceTimes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 2, socketio.Options{Logger: quiet})
		var clients []*siotest.Client
		for i, srv := range servers {
			people(srv)
			inspector.New(srv, inspector.Options{Allow: everybody, ServerID: fmt.Sprint("server ", i), Logger: quiet})
			clients = append(clients, person(t, srv, fmt.Sprint("p", i)))
		}
		c := siotest.Dial(t, servers[0], page(nil))
		clients[1].Stall(true)
		assert.NoError(t, servers[1].To("of p1").Emit("much", strings.Repeat("x", 1<<20)))
		assert.NoError(t, servers[0].Emit("news"))
		why := func(event string) string {
			_, r := about(t, c, event, clients[1].ID())
			return fmt.Sprint(r.Is.Verdict.Got, " ", r.Is.Verdict.Text)
		}
		assert.True(t, "it waits", strings.HasSuffix(why("news"), "bytes wait for the client at the moment."))
		time.Sleep(1500 * time.Millisecond)
		clients[1].Stall(false)
		go func() { time.Sleep(time.Second); clients[0].Await("ask").Ack() }()
		_, err := servers[0].To("of p0").EmitWithAck(t.Context(), "ask")
		assert.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, "late", why("news"), "true It was written to the connection after 1.5s.")
		clients[1].Disconnect()
		synctest.Wait()
		assert.Equal(t, "left", why("news"), "false It was written after 1.5s, and the socket has left 2.5s later (client namespace disconnect): it may not have arrived.")

		row, r := about(t, c, "news", "")
		assert.Equal(t, "row", fmt.Sprint(row.Written, " ", row.Last), "2 1500")
		ms := func(v *float64) string {
			if v == nil {
				return "-"
			}
			return fmt.Sprint(*v)
		}
		var times []string
		for _, p := range r.Is.Parts {
			times = append(times, fmt.Sprint(p.Node, " ", p.Row.Written, " ", p.Row.Last, " ", ms(p.Recipients[0].Written), " ", ms(p.Recipients[0].Acked)))
		}
		assert.Equal(t, "of each", strings.Join(times, ", "), "server 0 1 0 0 -, server 1 1 1500 1500 -")
		_, r = about(t, c, "ask", "")
		assert.Equal(t, "acknowledged", ms(r.Is.Parts[0].Recipients[0].Written)+" "+ms(r.Is.Parts[0].Recipients[0].Acked), "0 1000")
	})
}

// TestRoomsAreBounded: clients may have chosen rooms. Of an event with more of them, or with
// longer names, than are kept nothing is said for certain.
func TestRoomsAreBounded(t *testing.T) {
	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprint("room ", i)
	}
	for name, e := range map[string]struct {
		rooms  []string
		except bool
	}{
		"a long name": {[]string{strings.Repeat("r", 1<<20)}, false}, "many": {many, false}, "many excluded": {many, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
				people(srv)
				ann := person(t, srv, "ann")
				c := siotest.Dial(t, srv, page(nil))
				to := srv.To(e.rooms...)
				if e.except {
					assert.NoError(t, srv.In(ann.ID()).SocketsJoin(e.rooms[len(e.rooms)-1]))
					to = srv.Except(e.rooms...)
				}
				assert.NoError(t, to.Emit("e"))
				row, v := about(t, c, "e", ann.ID())
				kept := append(row.Rooms, row.Except...)
				assert.Equal(t, "rooms", len(kept), min(len(e.rooms), 50))
				assert.True(t, "their names are short", len(kept[0]) <= 256)
				assert.True(t, v.Is.Verdict.Text, strings.Contains(v.Is.Verdict.Text, "than are kept"))
			})
		})
	}
}

// TestTracesAreBounded: in events, in recipients, in events a second.
func TestTracesAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
		people(srv)
		ann := person(t, srv, "ann")
		c := siotest.Dial(t, srv, page(nil))
		time.Sleep(time.Second)
		for range 205 {
			assert.NoError(t, srv.To("none").Emit("burst"))
		}
		r := ask[traces](c, "traces", query{}).Is
		assert.Equal(t, "of a burst", fmt.Sprint(len(r.Rows), r.Skipped), "100 5")
		for range 3 {
			time.Sleep(time.Second)
			for range 200 {
				assert.NoError(t, srv.To("none").Emit("later"))
			}
		}
		assert.Equal(t, "the oldest are forgotten", len(ask[traces](c, "traces", query{"event": "burst"}).Is.Rows), 0)
		time.Sleep(time.Second)
		assert.NoError(t, srv.Emit("end"))
		synctest.Wait()
		_, v := about(t, c, "end", ann.ID())
		assert.True(t, "it goes on", v.Is.Verdict.Got)
	})
}

// BenchmarkEmit is a broadcast to a room of nobody, without an inspector and with one.
func BenchmarkEmit(b *testing.B) {
	for name, mounted := range map[string]bool{"off": false, "on": true} {
		b.Run(name, func(b *testing.B) {
			srv := socketio.NewServer(&socketio.Options{Logger: quiet})
			defer srv.Close()
			if mounted {
				inspector.New(srv, inspector.Options{Allow: everybody, Logger: quiet})
			}
			b.ReportAllocs()
			for b.Loop() {
				_ = srv.To("none").Emit("news", "hello")
			}
		})
	}
}
