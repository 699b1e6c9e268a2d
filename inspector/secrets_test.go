package inspector_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/inspector"
	"github.com/gosio/gosio/internal/assert"
)

// TestRecordHidesSecrets: a recording hides what a tail does, binary secrets, too, and what is
// left can be replayed.
func TestRecordHidesSecrets(t *testing.T) {
	const (
		jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0MHAifQ.t0p-signature"
		jwe = "eyJhbGciOiJkaXIifQ..t0p-iv.t0p-cipher.t0p-tag"
	)
	secret, public := []byte("t0p-binary"), []byte("a picture")
	app := func(srv *socketio.Server) {
		srv.On("getToken", func() string { return "t0p-ack" })
		srv.On("hello", func(_, _, _ string) {})
		srv.On("keys", func(m map[string][]byte, b []byte) ([]byte, error) {
			if m == nil {
				return nil, nil
			}
			return b, nil
		})
	}
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
		app(srv)
		ann := siotest.Dial(t, srv, siotest.Options{})
		c := siotest.Dial(t, srv, page(nil))
		a := record(c, query{"namespace": "/", "socket": ann.ID(), "seconds": 60})
		ann.Call("getToken")
		ann.Call("hello", jwt, "Bearer t0p-abcdefgh/t0p", jwe)
		ann.Call("keys", map[string][]byte{"private_key": secret, "picture": public}, []byte("more"))
		s, _ := srv.Socket(ann.ID())
		assert.NoError(t, s.Emit("session", "t0p-session", []byte("t0p")))
		assert.NoError(t, s.Emit("escaped", json.RawMessage(`"Bearer t0p-abcdefgh\/t0p"`)))
		synctest.Wait()
		record(c, query{"stop": true})
		text, over := fetch(c, anID)
		assert.True(t, "it is over", over)
		file := a.Header + "\n" + text + "\n"
		rec, err := siotest.ReadRecording(strings.NewReader(file))
		assert.NoError(t, err)
		var got []string
		for _, p := range rec.Packets {
			if p.Kind != siotest.RecordedHere {
				got = append(got, fmt.Sprintf("%s %s%s%s", p.Kind, p.Event, p.Args, p.Attachments))
			}
			for _, a := range p.Attachments {
				assert.True(t, "a secret", !bytes.Contains(a, []byte("t0p")))
			}
		}
		assert.True(t, file, !strings.Contains(file, "t0p"))
		assert.Equal(t, "lines", strings.Join(got, "; "), `in getToken[][]; ack getToken["[redacted]"][]; `+
			`in hello["[redacted]" "[redacted]" "[redacted]"][]; ack hello[][]; `+
			`in keys[{"picture":{"_placeholder":true,"num":0},"private_key":"[redacted]"} {"_placeholder":true,"num":1}][a picture more]; `+
			`ack keys[{"_placeholder":true,"num":0}][more]; out session["[redacted]" "[redacted]"][]; out escaped["[redacted]"][]`)

		again := socketio.NewServer(&socketio.Options{Logger: quiet})
		t.Cleanup(again.Close)
		app(again)
		answers := siotest.Replay(t, again, rec, siotest.ReplayOptions{Change: func(p *siotest.RecordedPacket) {
			if p.Event == "keys" {
				p.Args[0] = json.RawMessage(strings.Replace(string(p.Args[0]), `"[redacted]"`, "null", 1))
			}
		}})
		assert.Equal(t, "replayed", strings.Join(siotest.Differences(rec.Answers(), answers), "; "), `missing: 0 session ["[redacted]","[redacted]"]; missing: 0 escaped ["[redacted]"]`)
	})
}

// TestRecordingsOfComings: who comes and goes, with long names of rooms, fills a recording as
// events do.
func TestRecordingsOfComings(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody})
		ann := siotest.Dial(t, srv, siotest.Options{})
		c := siotest.Dial(t, srv, page(nil))
		s, _ := srv.Socket(ann.ID())
		full := func(id string, times int, want func(lines, bytes int) bool) {
			t.Helper()
			a := record(c, query{"id": id, "namespace": "/", "room": "lobby", "seconds": 300})
			assert.Equal(t, "errors", fmt.Sprint(a.Errors), "[]")
			for range times {
				assert.NoError(t, s.Join("lobby"))
				s.Leave("lobby")
			}
			p := ask[[]recordedPart](c, "recorded", query{"id": id}).Is[0]
			text, over := fetch(c, id)
			assert.True(t, "it is full", over && strings.Contains(text, `"why":"full"`))
			lines := strings.Count(text, "\n") + 1
			assert.True(t, fmt.Sprint(lines, " lines, ", p.Bytes, " bytes"), want(lines, p.Bytes))
			time.Sleep(time.Minute)
			assert.Equal(t, "listeners", srv.Registered().Room, 0)
		}
		full("of many lines", 3000, func(lines, _ int) bool { return lines == 5001 })
		for i := range 500 {
			assert.NoError(t, s.Join(fmt.Sprintf("%03d%s", i, strings.Repeat("x", 1000))))
		}
		full("of long names", 20, func(lines, bytes int) bool { return lines < 40 && bytes > 3<<20 && bytes <= 4<<20 })
	})
}

// TestRecordElsewhere: a server that has no room for another recording does not keep another
// server from one.
func TestRecordElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := cluster(t, 2)
		one, two := siotest.Dial(t, servers[0], siotest.Options{}), siotest.Dial(t, servers[1], siotest.Options{})
		c := siotest.Dial(t, servers[0], page(nil))
		for i, want := range []string{"1 []", "1 []", "0 [2 recordings are made or kept already: try again in a minute]"} {
			a := record(c, query{"id": fmt.Sprint("number ", i), "namespace": "/", "socket": one.ID(), "seconds": 300})
			assert.Equal(t, fmt.Sprint(i), fmt.Sprint(a.Sockets, " ", a.Errors), want)
		}
		a := record(c, query{"id": "elsewhere", "namespace": "/", "socket": two.ID(), "seconds": 300})
		assert.Equal(t, "of the other server", fmt.Sprint(a.Sockets, " ", a.Errors), "1 []")
	})
}

// TestChecksumsAreSealed: with the checksum of an event a viewer could find out a code of six
// digits in it. Servers still know by it what is one event.
func TestChecksumsAreSealed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := cluster(t, 2)
		far := siotest.Dial(t, servers[1], siotest.Options{})
		c := siotest.Dial(t, servers[0], page(nil))
		follow(t, c, query{})
		time.Sleep(time.Second)
		assert.NoError(t, servers[0].Emit("login", query{"code": "482913"}))
		synctest.Wait()
		sum := crc32.ChecksumIEEE([]byte(`["login",{"code":"482913"}]`))
		type keyed struct {
			Node, Namespace, Event string
			ID                     uint64
			At                     int64
			Key                    uint32
			Servers                int
		}
		list := ask[struct{ Rows []keyed }](c, "traces", query{"event": "login"}).Is.Rows
		assert.Equal(t, "one event", fmt.Sprint(len(list), list[0].Servers), "1 2")
		one := list[0]
		traced := ask[struct {
			Parts   []struct{ Row *keyed }
			Verdict struct{ Text, Node string }
		}](c, "trace", query{"node": one.Node, "id": one.ID, "at": one.At, "namespace": one.Namespace, "event": one.Event, "key": one.Key, "socket": far.ID()}).Is
		assert.Equal(t, "verdict", fmt.Sprint(traced.Verdict), "{It was written to the connection after 0s. server 1}")
		tailed := ask[struct{ Rows []keyed }](c, "tail", query{}).Is.Rows
		assert.Equal(t, "tailed", len(tailed), 1)
		for _, row := range []keyed{one, *traced.Parts[0].Row, *traced.Parts[1].Row, tailed[0]} {
			assert.True(t, "its checksum", row.Key != sum && row.Key == one.Key)
		}
	})
}

// TestRoomsOfOldClients: a room that is called as an old client's session is, because somebody
// else has joined it, has no name.
func TestRoomsOfOldClients(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, _ := start(t, socketio.Options{AllowEIO3: true}, inspector.Options{Allow: everybody})
		ann := siotest.Dial(t, srv, siotest.Options{})
		c := siotest.Dial(t, srv, page(nil))
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "/socket.io/?EIO=3&transport=polling", nil)
		srv.ServeHTTP(&sink{header: make(http.Header)}, req)
		synctest.Wait()
		all := srv.Sockets()
		id := all[slices.IndexFunc(all, func(s *socketio.Socket) bool { return s.Protocol() == 3 })].ID()
		s, _ := srv.Socket(ann.ID())
		assert.NoError(t, s.Join(id))
		assert.NoError(t, srv.To("none").Except(id).Emit("news"))
		record(c, query{"namespace": "/", "socket": ann.ID(), "seconds": 9})
		row, why := about(t, c, "news", ann.ID())
		text, _ := fetch(c, anID)
		for name, all := range map[string]string{
			"rooms": c.Call("rooms", query{}).String(), "socket": c.Call("socket", query{"namespace": "/", "id": ann.ID()}).String(),
			"recording": text, "event": fmt.Sprint(row.Except), "verdict": fmt.Sprint(why.Is.Verdict),
		} {
			assert.True(t, name+": "+all, strings.Contains(all, "[redacted]") && !strings.Contains(all, id))
		}
	})
}

// TestRecordingsAreLogged: each that begins, whatever else is asked for.
func TestRecordingsAreLogged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var log bytes.Buffer
		srv, _ := start(t, socketio.Options{}, inspector.Options{Allow: everybody, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		ann := siotest.Dial(t, srv, siotest.Options{})
		c := siotest.Dial(t, srv, page(nil))
		for i := range 30 {
			record(c, query{"id": fmt.Sprint("number ", i), "namespace": "/", "socket": "nobody", "seconds": 9})
		}
		record(c, query{"namespace": "/", "socket": ann.ID(), "seconds": 9})
		synctest.Wait()
		assert.True(t, log.String(), strings.Contains(log.String(), `msg="inspector: recording" viewer=192.0.2.2 namespace=/ socket=`+ann.ID()))
		assert.Equal(t, "others", strings.Count(log.String(), `msg="inspector: not recording"`), 10)
	})
}
