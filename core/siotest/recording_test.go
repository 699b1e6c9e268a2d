package siotest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

const recordedChat = `{"format":"gosio recording","version":1,"namespace":"/","room":"lobby","seconds":30,"redacted":true}
{"at":1,"kind":"here","socket":"A","server":"one","identity":"ann","rooms":["lobby"]}
{"at":2,"kind":"here","socket":"B","server":"two"}
{"at":3,"kind":"in","socket":"A","n":1,"event":"login","args":[{"name":"ann","password":"[redacted]"}],"ack":true}
{"at":4,"kind":"ack","socket":"A","n":1,"event":"login","args":["hello ann"]}
{"at":5,"kind":"in","socket":"B","n":1,"event":"say","args":["hi",{"_placeholder":true,"num":0}],"attachments":["AQID"]}
{"at":6,"kind":"out","socket":"A","event":"said","args":["hi",{"_placeholder":true,"num":0}],"attachments":["AQID"]}
{"at":7,"kind":"something new","socket":"A"}
{"at":8,"kind":"gone","socket":"B"}

{"at":9,"kind":"end","server":"one","why":"time"}
`

// chat is a server that could have been recorded.
func chat(t testing.TB, change func(*socketio.Server)) *socketio.Server {
	srv := socketio.NewServer(nil)
	t.Cleanup(srv.Close)
	srv.OnConnect(func(s *socketio.Socket) { _ = s.Emit("welcome") })
	srv.On("login", func(m struct{ Name, Password string }) (string, error) {
		if m.Password != "s3cret" {
			return "", &socketio.Error{Code: "no", Message: "no"}
		}
		return "hello " + m.Name, nil
	})
	srv.On("say", func(s *socketio.Socket, text string, data []byte) error {
		return s.Broadcast().Emit("said", text, data)
	})
	if change != nil {
		change(srv)
	}
	return srv
}

func secret(p *siotest.RecordedPacket) {
	if p.Event == "login" {
		p.Args[0] = json.RawMessage(strings.ReplaceAll(string(p.Args[0]), "[redacted]", "s3cret"))
	}
}

// TestReadRecording: what is in a file.
func TestReadRecording(t *testing.T) {
	t.Parallel()
	rec, err := siotest.ReadRecording(strings.NewReader(recordedChat))
	assert.NoError(t, err)
	assert.Equal(t, "of", fmt.Sprint(rec.Namespace, rec.Room, rec.Socket, rec.Redacted), "/lobbytrue")
	assert.Equal(t, "clients", fmt.Sprint(rec.Clients), "[{A ann [lobby] one} {B  [] two}]")
	assert.Equal(t, "packets", len(rec.Packets), 7)
	p := rec.Packets[4]
	assert.Equal(t, "binary", fmt.Sprint(p.Kind, p.Client, p.Number, p.Event, p.WantsAck, p.Attachments, p.At.UnixMicro()), "in1 1sayfalse [[1 2 3]] 5")
	assert.Equal(t, "answers", fmt.Sprint(rec.Answers()), `[0 ack of login ["hello ann"] 0 said ["hi",{"_placeholder":true,"num":0}]]`)
	for text, want := range map[string]string{
		"":   "siotest: the first line is no header of a recording",
		"{}": "siotest: the first line is no header of a recording",
		`{"format":"gosio recording","version":2}`:                                       "siotest: the recording has version 2; this package reads version 1",
		"{\"format\":\"gosio recording\",\"version\":1}\n{\"at\":\"x\"}":                 "siotest: line 2 of the recording: json: cannot unmarshal string into Go struct field recordingLine.At of type int64",
		"{\"format\":\"gosio recording\",\"version\":1}" + strings.Repeat("\n", 200_001): "siotest: the recording has more than 200000 lines",
	} {
		_, err := siotest.ReadRecording(strings.NewReader(text))
		assert.True(t, fmt.Sprint(err), err != nil && err.Error() == want)
	}
}

// TestReplay: the same server answers the same, and another one does not.
func TestReplay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change  func(*socketio.Server)
		secrets func(*siotest.RecordedPacket)
		want    string
	}{
		"the same": {nil, secret, ""},
		"a secret is missing": {nil, nil, `want:    0 ack of login ["hello ann"]
got:     0 ack of login [{"error":{"code":"no","message":"no"}}]`},
		"an event more": {func(srv *socketio.Server) {
			srv.OnAny(func(s *socketio.Socket, in *socketio.Incoming) {
				if in.Event == "say" {
					_ = s.Emit("typing", 1)
				}
			})
		}, secret, `new:     1 typing [1]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rec, err := siotest.ReadRecording(strings.NewReader(recordedChat))
				assert.NoError(t, err)
				var asked []string
				got := siotest.Replay(t, chat(t, tt.change), rec, siotest.ReplayOptions{Change: tt.secrets, Client: func(c siotest.RecordedClient) siotest.Options {
					asked = append(asked, c.ID)
					return siotest.Options{}
				}})
				assert.Equal(t, "differences", strings.Join(siotest.Differences(rec.Answers(), got), "\n"), tt.want)
				assert.Equal(t, "clients", fmt.Sprint(asked), "[A B]")
				assert.True(t, "the recording is as it was", strings.Contains(string(rec.Packets[2].Args[0]), "[redacted]"))
			})
		})
	}
}

// TestReplayAsks: what the server asks of a client is acknowledged by the test, and who
// leaves the room and comes back has one number.
func TestReplayAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.On("greet", func(s *socketio.Socket) (string, error) {
			reply, err := s.EmitWithAck(s.Context(), "who")
			if err != nil {
				return "", err
			}
			var name string
			err = reply.Decode(&name)
			return "hello " + name, err
		})
		rec, err := siotest.ReadRecording(strings.NewReader(`{"format":"gosio recording","version":1,"socket":"A"}
{"kind":"in","socket":"A","n":1,"event":"greet","ack":true}
{"kind":"out","socket":"A","event":"who"}
{"kind":"ack","socket":"A","n":1,"event":"greet","args":["hello ann"]}
{"kind":"gone","socket":"A"}
{"kind":"here","socket":"A"}
{"kind":"in","socket":"A","n":2,"event":"nobody","ack":true}
{"kind":"out","socket":"A","event":"never"}
`))
		assert.NoError(t, err)
		got := siotest.Replay(t, srv, rec, siotest.ReplayOptions{Answer: func(client int, m *siotest.Message) []any {
			assert.Equal(t, "asked", m.Event, "who")
			return []any{"ann"}
		}})
		assert.Equal(t, "answers", fmt.Sprint(got), `[0 ack of greet ["hello ann"] 0 who []]`)
		assert.Equal(t, "differences", strings.Join(siotest.Differences(rec.Answers(), got), "\n"), "missing: 0 never []")
	})
}

// TestDifferences: what is missing, new and another one; "[redacted]" is anything.
func TestDifferences(t *testing.T) {
	t.Parallel()
	answer := func(client int, event, args string) siotest.Answer {
		return siotest.Answer{Client: client, Event: event, Args: args}
	}
	binary := func(list ...byte) siotest.Answer { // one attachment for each
		a := siotest.Answer{Event: "x", Args: `[{"token":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1}]`}
		for _, b := range list {
			a.Attachments = append(a.Attachments, []byte{b})
		}
		return a
	}
	withoutSecret := siotest.Answer{Event: "x", Args: `[{"token":"[redacted]"},{"_placeholder":true,"num":0}]`, Attachments: [][]byte{{2}}}
	a, b, c := answer(0, "a", `[1]`), answer(0, "b", `[{"x":[2]}]`), answer(1, "c", `[]`)
	for _, tt := range []struct {
		want, got []siotest.Answer
		lines     string
	}{
		{nil, nil, ""},
		{[]siotest.Answer{a, b, c}, []siotest.Answer{a, b, c}, ""},
		{[]siotest.Answer{a, b, c}, []siotest.Answer{a, c}, `missing: 0 b [{"x":[2]}]`},
		{[]siotest.Answer{a, c}, []siotest.Answer{a, b, c}, `new:     0 b [{"x":[2]}]`},
		{[]siotest.Answer{answer(0, "b", `[{"x":"[redacted]"}]`)}, []siotest.Answer{b}, ""},
		{[]siotest.Answer{answer(0, "b", `[{"y":"[redacted]"}]`)}, []siotest.Answer{b}, "want:    0 b [{\"y\":\"[redacted]\"}]\ngot:     0 b [{\"x\":[2]}]"},
		{[]siotest.Answer{{Event: "b", Ack: true, Args: b.Args}}, []siotest.Answer{b}, "want:    0 ack of b [{\"x\":[2]}]\ngot:     0 b [{\"x\":[2]}]"},
		{[]siotest.Answer{withoutSecret}, []siotest.Answer{binary(1, 2)}, ""},
		{[]siotest.Answer{answer(0, "e", `["authorization: [redacted]!"]`)}, []siotest.Answer{answer(0, "e", `["authorization: Bearer x!"]`)}, ""},
		{[]siotest.Answer{answer(0, "e", `["[redacted] and [redacted]"]`)}, []siotest.Answer{answer(0, "e", `["a or b"]`)}, "want:    0 e [\"[redacted] and [redacted]\"]\ngot:     0 e [\"a or b\"]"},
		{[]siotest.Answer{answer(0, "e", `["x [redacted]"]`)}, []siotest.Answer{answer(0, "e", `["y x z"]`)}, "want:    0 e [\"x [redacted]\"]\ngot:     0 e [\"y x z\"]"},
		{[]siotest.Answer{answer(0, "e", `["{\"a\":\"[redacted]\",\"b\":1}"]`)}, []siotest.Answer{answer(0, "e", `["{\"b\":1,\"a\":[2]}"]`)}, ""},
		{[]siotest.Answer{withoutSecret}, []siotest.Answer{binary(1, 3)}, "want:    " + withoutSecret.String() + "\ngot:     " + binary(1, 3).String()},
		{[]siotest.Answer{{Event: "x", Args: "[]", Attachments: [][]byte{{1}}}}, []siotest.Answer{{Event: "x", Args: "[]", Attachments: [][]byte{{2}}}}, "want:    0 x []\ngot:     0 x []"},
	} {
		assert.Equal(t, fmt.Sprint(tt.want, tt.got), strings.Join(siotest.Differences(tt.want, tt.got), "\n"), tt.lines)
	}
}

// A file that the page of the inspector has given is replayed against today's server.
func ExampleReplay() {
	siotest.Example(func(t testing.TB) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		srv.On("add", func(a, b int) int { return a + b })
		srv.On("say", func(s *socketio.Socket, text string) error { return s.Emit("said", strings.ToUpper(text)) })

		file, err := os.Open("testdata/recording.jsonl")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		rec, err := siotest.ReadRecording(file)
		if err != nil {
			t.Fatal(err)
		}
		got := siotest.Replay(t, srv, rec, siotest.ReplayOptions{})
		for _, answer := range got {
			fmt.Println(answer)
		}
		for _, line := range siotest.Differences(rec.Answers(), got) {
			fmt.Println(line)
		}
	})
	// Output:
	// 0 ack of add [5]
	// 0 said ["HELLO"]
	// want:    0 said ["hello"]
	// got:     0 said ["HELLO"]
}

// FuzzReadRecording: no file panics, and what is read has a client for each packet.
func FuzzReadRecording(f *testing.F) {
	f.Add([]byte(recordedChat))
	f.Add([]byte(`{"format":"gosio recording","version":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := siotest.ReadRecording(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, p := range rec.Packets {
			if p.Client < 0 || p.Client >= len(rec.Clients) {
				t.Fatalf("client %d of %d", p.Client, len(rec.Clients))
			}
		}
		if d := siotest.Differences(rec.Answers(), rec.Answers()); d != nil {
			t.Fatal(d)
		}
	})
}
