package inspector_test

import (
	"bytes"
	"fmt"
	"log/slog"
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

type recordAnswer struct {
	Header  string
	Sockets int
	Errors  []string
}

type recordedPart struct {
	Node  string
	Lines []struct {
		At   int64
		Text string
	}
	Next, Bytes, Missed int
	Over                bool
}

// fetch reads a recording to its end, as the page does.
func fetch(c *siotest.Client, id string) (text string, over bool) {
	from := make(map[string]int)
	var lines []string
	for {
		more := false
		parts := ask[[]recordedPart](c, "recorded", query{"id": id, "from": from}).Is
		over = len(parts) > 0
		for _, p := range parts {
			for _, line := range p.Lines {
				lines = append(lines, line.Text)
			}
			more = more || p.Next > from[p.Node]
			from[p.Node] = p.Next
			over = over && p.Over
		}
		if !more {
			return strings.Join(lines, "\n"), over
		}
	}
}

const anID = "0123456789abcdef"

func record(c *siotest.Client, q query) recordAnswer {
	if q["id"] == nil {
		q["id"] = anID
	}
	return ask[recordAnswer](c, "record", q).Is
}

// recordable has handlers of all kinds.
func recordable(srv *socketio.Server) {
	srv.On("login", func(m map[string]any) string { return fmt.Sprint("hello ", m["name"]) })
	srv.On("upload", func(s *socketio.Socket, name string, data []byte) (map[string]any, error) {
		return map[string]any{"name": name, "token": "t0p", "head": data[:1]}, s.Emit("stored", name, data)
	})
	srv.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
	srv.On("say", func(s *socketio.Socket, text string) error { return s.To("lobby").Emit("said", text) })
	srv.On("fail", func() error { return &socketio.Error{Code: "no", Message: "never"} })
}

// TestRecord: what one socket sends and gets, without secrets, and that a test replays it.
func TestRecord(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody, ServerID: "one", Logger: slog.New(slog.NewTextHandler(&log, nil))})
		recordable(srv)
		ann := siotest.Dial(t, srv, siotest.Options{Auth: query{"token": "t0p"}})
		bob := siotest.Dial(t, srv, siotest.Options{})
		c := siotest.Dial(t, srv, page(nil))
		ann.Call("login", query{"name": "before"})
		a := record(c, query{"namespace": "/", "socket": ann.ID(), "seconds": 60})
		assert.Equal(t, "begun", fmt.Sprint(a.Sockets, a.Errors), "1 []")
		assert.Equal(t, "header", a.Header, `{"format":"gosio recording","version":1,"namespace":"/","socket":"`+ann.ID()+`","seconds":60,"redacted":true}`)
		ann.Call("login", query{"name": "Ann", "password": "t0p"})
		ann.Call("upload", "a.bin", []byte{1, 2, 3})
		ann.Emit("upload", "b.bin", []byte{4})
		ann.Call("fail")
		bob.Call("login", query{"name": "not recorded"})
		ann.Emit("unknown", 12345678901234567890.0)
		synctest.Wait()
		_, over := fetch(c, anID)
		assert.Equal(t, "it goes on", over, false)
		time.Sleep(61 * time.Second)
		ann.Call("login", query{"name": "after"})
		text, over := fetch(c, anID)
		assert.Equal(t, "it is over", over, true)
		now := func(kind string) string { return `"kind":"` + kind + `"` }
		for want, n := range map[string]int{
			now("here"): 1, now("in"): 5, now("ack"): 3, now("out"): 2, now("end"): 1, `"why":"time"`: 1, "t0p": 0, "not recorded": 0, "after": 0, "before": 0,
			`"n":1,"event":"login","args":[{"name":"Ann","password":"[redacted]"}],"ack":true}`:                                            1,
			`"n":1,"event":"login","args":["hello Ann"]}`:                                                                                  1,
			`"event":"upload","args":["a.bin",{"_placeholder":true,"num":0}],"attachments":["AQID"],"ack":true}`:                           1,
			`"event":"upload","args":[{"head":{"_placeholder":true,"num":0},"name":"a.bin","token":"[redacted]"}],"attachments":["AQ=="]}`: 1,
			`"event":"stored","args":["a.bin",{"_placeholder":true,"num":0}],"attachments":["AQID"]}`:                                      1,
			`"event":"unknown","args":[12345678901234567000]}`:                                                                             1,
			`"event":"fail","args":[{"error":{"code":"no","message":"never"}}]}`:                                                           1,
		} {
			assert.Equal(t, want+" in\n"+text, strings.Count(text, want), n)
		}
		line := `msg="inspector: recording" viewer=192.0.2.2 namespace=/ socket=` + ann.ID() + ` room="" seconds=60`
		assert.True(t, log.String(), strings.Contains(log.String(), line))

		rec, err := siotest.ReadRecording(strings.NewReader(a.Header + "\n" + text + "\n"))
		assert.NoError(t, err)
		again := socketio.NewServer(&socketio.Options{Logger: quiet})
		t.Cleanup(again.Close)
		recordable(again)
		got := siotest.Replay(t, again, rec, siotest.ReplayOptions{})
		assert.Equal(t, "replayed", len(got), 5)
		assert.Equal(t, "differences", strings.Join(siotest.Differences(rec.Answers(), got), "\n"), "")
	})
}

// TestRecordReplies: what clients acknowledge to the server is in the file, without secrets,
// and clients of a test acknowledge the same.
func TestRecordReplies(t *testing.T) {
	bubble(t, func(t *testing.T) {
		asks := func(srv *socketio.Server) {
			srv.On("greet", func(s *socketio.Socket) (string, error) {
				var name string
				var data []byte
				reply, err := s.EmitWithAck(s.Context(), "who", query{"token": "t0p"})
				if err == nil {
					err = reply.Decode(&name, &data)
				}
				return "hello " + name + string(data), err
			})
			srv.On("log in", func(s *socketio.Socket) error {
				_, err := s.EmitWithAck(s.Context(), "password")
				return err
			})
		}
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody, ServerID: "one"})
		asks(srv)
		ann := siotest.Dial(t, srv, siotest.Options{})
		names := []string{"ann", "Ann", "ANN"}
		ann.On("who", func(m *siotest.Message) {
			m.Ack(names[0], []byte(names[0][:1]))
			names = names[1:]
		})
		ann.On("password", func(m *siotest.Message) { m.Ack("t0p") })
		c := siotest.Dial(t, srv, page(nil))
		a := record(c, query{"namespace": "/", "socket": ann.ID(), "seconds": 60})
		for range 3 {
			ann.Call("greet")
		}
		ann.Call("log in")
		time.Sleep(61 * time.Second)
		text, over := fetch(c, anID)
		assert.Equal(t, "it is over", over, true)
		for want, n := range map[string]int{
			`"kind":"reply"`: 4, "t0p": 0,
			`"kind":"out","socket":"` + ann.ID() + `","n":2,"event":"who","args":[{"token":"[redacted]"}],"ack":true}`: 1,
			`"n":2,"event":"who","args":["ann",{"_placeholder":true,"num":0}],"attachments":["YQ=="]}`:                 1,
			`"n":8,"event":"password","args":["[redacted]"]}`:                                                          1,
		} {
			assert.Equal(t, want+" in\n"+text, strings.Count(text, want), n)
		}
		rec, err := siotest.ReadRecording(strings.NewReader(a.Header + "\n" + text + "\n"))
		assert.NoError(t, err)
		again := socketio.NewServer(&socketio.Options{Logger: quiet})
		t.Cleanup(again.Close)
		asks(again)
		got := siotest.Replay(t, again, rec, siotest.ReplayOptions{})
		assert.Equal(t, "replayed", len(got), 8)
		assert.Equal(t, "differences", strings.Join(siotest.Differences(rec.Answers(), got), "\n"), "")
		assert.True(t, fmt.Sprint(got), strings.Contains(fmt.Sprint(got), `["hello ANNA"]`))
	})
}

// TestRecordSecrets: if the application wants them in the file.
func TestRecordSecrets(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody, RecordSecrets: true, ReadOnly: true})
		recordable(srv)
		ann := siotest.Dial(t, srv, siotest.Options{Auth: query{"token": "4uth"}, Query: map[string][]string{"token": {"4uth"}}})
		c := siotest.Dial(t, srv, page(nil))
		a := record(c, query{"namespace": "/", "socket": ann.ID(), "seconds": 5})
		assert.True(t, a.Header, strings.Contains(a.Header, `"redacted":false`))
		ann.Call("login", query{"name": "Ann", "password": "t0p"})
		text, _ := fetch(c, anID)
		assert.True(t, text, strings.Contains(text, "t0p") && !strings.Contains(text, "4uth") && !strings.Contains(text, ann.Conn().SID()))
		record(c, query{"stop": true})
		text, over := fetch(c, anID)
		assert.True(t, text, over && strings.Contains(text, `"why":"stopped"`))
	})
}

// TestRecordRoom: those that are in the room, those that join it, on all servers, until they
// leave.
func TestRecordRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := adaptertest.Cluster(t, 2, socketio.Options{Logger: quiet})
		var clients []*siotest.Client
		for i, srv := range servers {
			recordable(srv)
			inspector.New(srv, inspector.Options{Allow: everybody, ServerID: fmt.Sprint("server ", i), Logger: quiet})
			for range 2 {
				clients = append(clients, siotest.Dial(t, srv, siotest.Options{}))
			}
		}
		clients[0].Call("join", "lobby")
		clients[2].Call("join", "lobby")
		c := siotest.Dial(t, servers[0], page(nil))
		assert.Equal(t, "sockets", record(c, query{"namespace": "/", "room": "lobby", "seconds": 60}).Sockets, 2)
		clients[1].Call("join", "lobby")
		synctest.Wait()
		clients[1].Call("say", "hello")
		synctest.Wait()
		clients[3].Call("say", "not in the room")
		synctest.Wait()
		clients[2].Disconnect()
		s, _ := servers[0].Socket(clients[1].ID())
		s.Leave("lobby")
		synctest.Wait()
		clients[1].Call("say", "has left")
		time.Sleep(61 * time.Second)
		text, over := fetch(c, anID)
		kinds := make(map[string]int)
		for line := range strings.Lines(text) {
			for _, kind := range []string{"here", "gone", "in", "ack", "out", "end"} {
				if strings.Contains(line, `"kind":"`+kind+`"`) {
					kinds[kind]++
				}
			}
		}
		assert.Equal(t, text, fmt.Sprint(kinds, over), "map[ack:1 end:2 gone:2 here:3 in:1 out:6] true")
		assert.True(t, text, !strings.Contains(text, `"args":["has left"],"ack"`) && strings.Contains(text, `"server":"server 1"`))
	})
}

// TestRecordChild: a recording does not keep a child that its clients have left.
func TestRecordChild(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
		parent := srv.OfFunc(func(string, *socketio.Handshake) bool { return true })
		parent.On("say", func() {})
		ann := siotest.Dial(t, srv, siotest.Options{})
		child := ann.Of("/child", nil)
		s, _ := parent.Child("/child").Socket(child.ID())
		assert.NoError(t, s.Join("lobby"))
		c := siotest.Dial(t, srv, page(nil))
		assert.Equal(t, "sockets", record(c, query{"namespace": "/child", "room": "lobby", "seconds": 9}).Sockets, 1)
		child.Call("say")
		child.Disconnect()
		synctest.Wait()
		assert.Equal(t, "it has gone", len(parent.Children()), 0)
		text, _ := fetch(c, anID)
		assert.True(t, text, strings.Contains(text, `"event":"say"`) && strings.Contains(text, `"kind":"gone"`))
		time.Sleep(2 * time.Minute)
		assert.Equal(t, "listeners", parent.Registered().Room, 0)
	})
}

// TestRecordingsAreSlow: who fetches files over and over gets a mebibyte a second.
func TestRecordingsAreSlow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody, ReadOnly: true})
		ann := siotest.Dial(t, srv, siotest.Options{})
		c := siotest.Dial(t, srv, page(nil))
		record(c, query{"namespace": "/", "socket": ann.ID(), "seconds": 300})
		s, _ := srv.Socket(ann.ID())
		for range 100 {
			assert.NoError(t, s.Emit("out", strings.Repeat("x", 10<<10)))
			ann.Expect("out")
		}
		began := time.Now()
		for range 4 {
			text, _ := fetch(c, anID)
			assert.True(t, "all of it", len(text) > 1_000_000)
		}
		took := time.Since(began)
		assert.True(t, took.String(), took > 2*time.Second && took < 10*time.Second)
	})
}

// TestRecordingsAreBounded: in number, time, sockets, lines and bytes, whatever a viewer
// asks for, and there is no trace of them afterwards.
func TestRecordingsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{Limits: socketio.Limits{MaxHTTPBufferSize: 8 << 20}}, inspector.Options{Allow: everybody})
		srv.On("say", func(string) {})
		var clients []*siotest.Client
		for range 110 {
			clients = append(clients, siotest.Dial(t, srv, siotest.Options{}))
		}
		assert.NoError(t, srv.SocketsJoin("all"))
		c := siotest.Dial(t, srv, page(nil))
		for name, q := range map[string]query{
			"a recording needs an id of 8 to 64 bytes": {"id": "short", "namespace": "/", "room": "all", "seconds": 1},
			"of what? One of socket and room":          {"namespace": "/", "seconds": 1},
			"a recording takes 1 to 300 seconds":       {"namespace": "/", "room": "all", "seconds": 301},
		} {
			assert.Equal(t, name, strings.Join(record(c, q).Errors, ";"), name)
		}
		for _, q := range []query{
			{"namespace": "/none", "room": "all", "seconds": 1}, {"namespace": "/inspector", "room": "all", "seconds": 1},
			{"namespace": "/", "socket": "nobody", "seconds": 1},
		} {
			assert.Equal(t, fmt.Sprint(q), fmt.Sprint(record(c, q)), fmt.Sprint(recordAnswer{record(c, q).Header, 0, []string{}}))
		}
		nobody := srv.Of("/nobody")
		assert.Equal(t, "nobody is there", record(c, query{"namespace": "/nobody", "room": "all", "seconds": 300}).Sockets, 0)
		assert.Equal(t, "nothing is registered", nobody.Registered().Room, 0)
		begin := func(id, room string) string {
			return strings.Join(record(c, query{"id": id, "namespace": "/", "room": room, "seconds": 300}).Errors, ";")
		}
		assert.Equal(t, "many", begin("number 0", "all"), "")
		p := ask[[]recordedPart](c, "recorded", query{"id": "number 0"}).Is[0]
		assert.Equal(t, "sockets", fmt.Sprint(len(p.Lines), p.Missed), "100 10")
		record(c, query{"id": "number 0", "stop": true})
		_, _ = fetch(c, "number 0")
		time.Sleep(11 * time.Second)
		for _, some := range clients[:2] {
			s, _ := srv.Socket(some.ID())
			assert.NoError(t, s.Join("some"))
		}
		assert.Equal(t, "one", begin("number one", "some"), "")
		assert.Equal(t, "the same again", begin("number one", "some"), "there is a recording of that id")
		assert.Equal(t, "two", begin("number two", "some"), "")
		assert.Equal(t, "three", begin("number three", "some"), "2 recordings are made or kept already: try again in a minute")

		s, _ := srv.Socket(clients[0].ID())
		clients[0].Emit("say", strings.Repeat("x", 5<<20)) // more than a recording may have
		synctest.Wait()
		clients[1].Call("say", "after the end")
		text, over := fetch(c, "number one")
		assert.True(t, "full: "+text[max(0, len(text)-300):], over && strings.Contains(text, `"why":"full"`) && !strings.Contains(text, "after the end"))
		_, _ = fetch(c, "number two")
		time.Sleep(11 * time.Second)
		assert.Equal(t, "both have gone", begin("number four", "some"), "")
		for i := range 5_001 {
			assert.NoError(t, s.Emit("out", i))
			if i%1000 == 0 {
				synctest.Wait()
			}
		}
		text, over = fetch(c, "number four")
		assert.True(t, "full of lines", over && strings.Contains(text, `"why":"full"`))
		assert.Equal(t, "lines", strings.Count(text, "\n"), 5_000)
		time.Sleep(10 * time.Minute)
		assert.Equal(t, "none is kept", len(ask[[]recordedPart](c, "recorded", query{"id": "number four"}).Is), 0)
		assert.Equal(t, "listeners", srv.Registered().Room, 0)
	})
}
