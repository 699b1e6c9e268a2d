package msgpack_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/adapter/adaptertest"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/parsers/msgpack"
)

// client speaks MessagePack, and shows it to the test in the standard form. That
// official clients do is proven in conformance/msgpack.
type client struct {
	t    *testing.T
	conn *siotest.Conn
	sid  string // of its last CONNECT
}

func open(t *testing.T, srv *socketio.Server, o siotest.Options) *client {
	t.Helper()
	return &client{t: t, conn: siotest.Open(t, srv, o)}
}

// dial opens a connection and joins "/".
func dial(t *testing.T, srv *socketio.Server, o siotest.Options) *client {
	t.Helper()
	c := open(t, srv, o)
	c.join("0")
	return c
}

func (c *client) raw(message []byte) error {
	return c.conn.Send("b" + base64.StdEncoding.EncodeToString(message))
}

func (c *client) send(text string, attachments ...[]byte) {
	c.t.Helper()
	p := packet(c.t, text, attachments)
	assert.NoError(c.t, c.raw(encode(c.t, &p)))
}

// join sends a CONNECT and returns what it is answered.
func (c *client) join(text string) (answer string) {
	c.t.Helper()
	c.send(text)
	p := c.next()
	_, rest, _ := strings.Cut(string(p.Data), `"sid":"`)
	c.sid, _, _ = strings.Cut(rest, `"`)
	return standard(&p)
}

func (c *client) next() parser.Packet {
	c.t.Helper()
	data, binary := strings.CutPrefix(c.conn.Next(), "b")
	assert.True(c.t, "binary", binary)
	message, err := base64.StdEncoding.DecodeString(data)
	assert.NoError(c.t, err)
	p, err := decode(message, nil)
	assert.NoError(c.t, err)
	return p
}

func (c *client) expect(text string, attachments ...string) {
	c.t.Helper()
	p := c.next()
	assert.Equal(c.t, "packet", standard(&p), text)
	assert.Equal(c.t, "attachments", fmt.Sprintf("%q", p.Attachments), fmt.Sprintf("%q", attachments))
}

// onBoth runs a test in virtual time over each transport.
func onBoth(t *testing.T, test func(t *testing.T, o siotest.Options)) {
	t.Parallel()
	for _, transport := range []string{"websocket", "polling"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test(t, siotest.Options{Transport: transport}) })
		})
	}
}

func newServer(t *testing.T, o socketio.Options) *socketio.Server {
	o.Parser = msgpack.Parser{}
	srv := socketio.NewServer(&o)
	t.Cleanup(srv.Close)
	return srv
}

const ph = `{"_placeholder":true,"num":0}`

func TestServer(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		srv := newServer(t, socketio.Options{})
		type item struct {
			Name string `json:"name"`
			Raw  []byte `json:"raw"`
		}
		put := socketio.NewEvent[item, item]("put")
		put.Handle(srv, func(_ context.Context, _ *socketio.Socket, in item) (item, error) { return in, nil })
		srv.On("bytes", func(b []byte) int { return len(b) })
		srv.On("join", func(s *socketio.Socket, room string) error { return s.Join(room) })
		c, other := dial(t, srv, o), dial(t, srv, o)

		c.send(`51-1["put",{"name":"a","raw":`+ph+`}]`, []byte("xyz"))
		c.expect(`61-1[{"name":"a","raw":`+ph+`}]`, "xyz")
		c.send(`51-2["bytes",`+ph+`]`, []byte("four"))
		c.expect(`32[4]`)
		c.send(`23["join","room"]`)
		c.expect(`33[]`)

		assert.NoError(t, srv.To("room").Emit("news", 1, []byte("b")))
		c.expect(`51-["news",1,`+ph+`]`, "b")
		assert.NoError(t, srv.Emit("all", "x"))
		c.expect(`2["all","x"]`)
		other.expect(`2["all","x"]`)

		s, ok := srv.Socket(c.sid)
		assert.True(t, "the socket is there", ok)
		var answer string
		done := make(chan error, 1)
		go func() {
			var err error
			answer, err = socketio.Call[string](t.Context(), s, "ask", "why")
			done <- err
		}()
		c.expect(`20["ask","why"]`)
		c.send(`30["because"]`)
		assert.NoError(t, <-done)
		assert.Equal(t, "answer", answer, "because")
		s.Disconnect(false)
		c.expect(`1`)
	})
}

func TestNamespaces(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		srv := newServer(t, socketio.Options{})
		srv.Of("/in").UseFunc(func(_ context.Context, s *socketio.Socket) error {
			var auth struct{ Token string }
			if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Token != "abc" {
				return &socketio.ConnectError{Message: "no", Data: map[string]int{"code": 1}}
			}
			return nil
		})
		c := open(t, srv, o)
		assert.Equal(t, "refusal", c.join(`0/in,{"token":"x"}`), `4/in,{"message":"no","data":{"code":1}}`)
		assert.Equal(t, "unknown", c.join(`0/out`), `4/out,{"message":"Invalid namespace"}`)
		c.join(`0/in,{"token":"abc"}`)
		assert.NoError(t, srv.Of("/in").Emit("e"))
		c.expect(`2/in,["e"]`)
	})
}

// TestRecovery: what was missed is in MessagePack, with its offset.
func TestRecovery(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		srv := newServer(t, socketio.Options{Recovery: &socketio.Recovery{}})
		srv.OnConnect(func(s *socketio.Socket) { _ = s.Join("room") })
		c := open(t, srv, o)
		answer := c.join("0")
		_, rest, _ := strings.Cut(answer, `"pid":"`)
		pid, _, _ := strings.Cut(rest, `"`)
		assert.NoError(t, srv.Emit("n", 1))
		p := c.next()
		args := p.AppendArgs(nil)
		assert.Equal(t, "with an offset", len(args), 2)
		c.conn.Cut()
		synctest.Wait()
		assert.NoError(t, srv.To("room").Emit("n", 2, []byte("b")))

		back := open(t, srv, o)
		again := back.join(`0{"pid":"` + pid + `","offset":` + string(args[1]) + `}`)
		assert.Equal(t, "CONNECT", again, answer)
		p = back.next()
		args = p.AppendArgs(nil)
		assert.Equal(t, "missed", fmt.Sprintf("%s %s %q", args[0], args[1], p.Attachments), `2 `+ph+` ["b"]`)
	})
}

// TestCluster: servers with different parsers are one to their clients.
func TestCluster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := adaptertest.ClusterOf(t, socketio.Options{Parser: msgpack.Parser{}}, socketio.Options{})
		for _, srv := range servers {
			srv.On("say", func(s *socketio.Socket, v any, b []byte) error { return s.Broadcast().Emit("said", v, b) })
		}
		ours := dial(t, servers[0], siotest.Options{})
		theirs := siotest.Dial(t, servers[1], siotest.Options{})

		ours.send(`51-["say",{"_placeholder":false,"n":[1.5,null]},`+ph+`]`, []byte("to them"))
		var b []byte
		var v any
		theirs.Expect("said", &v, &b)
		assert.Equal(t, "said", fmt.Sprintf("%v %s", v, b), "map[_placeholder:false n:[1.5 <nil>]] to them")
		theirs.Emit("say", "é", []byte("to you"))
		ours.expect(`51-["said","é",`+ph+`]`, "to you")

		done := make(chan []string, 1)
		go func() {
			var texts []string
			replies, err := servers[1].EmitWithAck(t.Context(), "ask")
			for _, r := range replies {
				var text string
				_ = r.Decode(&text) // or there is one answer less
				texts = append(texts, text)
			}
			if err != nil {
				texts = append(texts, err.Error())
			}
			done <- texts
		}()
		theirs.Expect("ask").Ack("one")
		p := ours.next()
		ours.send(fmt.Sprintf(`3%d["two"]`, p.ID))
		assert.Equal(t, "answers", len(<-done), 2)
	})
}

// TestHostile: what is no packet closes the connection it came by, is logged
// once without a byte of it, and costs nobody else anything.
func TestHostile(t *testing.T) {
	for name, message := range map[string]string{
		"text":                      `42["sesame"]`,
		"nothing":                   "b",
		"a claim of four billion":   "b" + base64.StdEncoding.EncodeToString(unhex(t, event("ddffffffff", 1))),
		"another namespace":         "b" + base64.StdEncoding.EncodeToString(unhex(t, "83a47479706502a46461746191a165a36e7370a22f61")),
		"connected twice":           "b" + base64.StdEncoding.EncodeToString(unhex(t, "83a47479706500a36e7370a12fa46461746181a16101")),
		"what only servers send":    "b" + base64.StdEncoding.EncodeToString(unhex(t, "83a47479706504a464617461a0a36e7370a12f")),
		"too many attachments":      "b" + base64.StdEncoding.EncodeToString(unhex(t, event(strings.Repeat("c40101", 11), 11))),
		"too deep":                  "b" + base64.StdEncoding.EncodeToString(unhex(t, event(strings.Repeat("91", 100_000), 1))),
		"a reserved event":          "b" + base64.StdEncoding.EncodeToString(unhex(t, "83a47479706502a46461746191aa646973636f6e6e656374a36e7370a12f")),
		"a name of 257 bytes":       "b" + base64.StdEncoding.EncodeToString(unhex(t, "83a47479706502a46461746191da0101"+strings.Repeat("61", 257)+"a36e7370a12f")),
		"a key that is a namespace": "b" + base64.StdEncoding.EncodeToString(unhex(t, "81c40161c0")),
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o siotest.Options) {
				var log bytes.Buffer
				srv := newServer(t, socketio.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
				srv.On("e", func(...any) { t.Error("handled") })
				srv.On("ping", func() string { return "pong" })
				reasons := make(chan socketio.Reason, 2)
				srv.OnDisconnect(func(_ *socketio.Socket, r socketio.Reason) { reasons <- r })
				bystander, attacker := dial(t, srv, o), dial(t, srv, o)
				_ = attacker.conn.Send(message) // it may be closed before that is answered
				select {
				case r := <-reasons:
					assert.Equal(t, "reason", r, socketio.ReasonForcedClose)
				case <-time.After(time.Minute):
					t.Fatal("the client is still connected")
				}
				attacker.conn.ExpectClosed()
				bystander.send(`20["ping"]`)
				bystander.expect(`30["pong"]`)
				synctest.Wait()
				lines := log.String()
				assert.Equal(t, "log lines", strings.Count(lines, "\n"), 1)
				assert.True(t, lines, !strings.Contains(lines, "sesame") && len(lines) < 300)
			})
		})
	}
}

// TestStandardServer: the default server takes no MessagePack.
func TestStandardServer(t *testing.T) {
	onBoth(t, func(t *testing.T, o siotest.Options) {
		srv := socketio.NewServer(nil)
		t.Cleanup(srv.Close)
		c := open(t, srv, o)
		_ = c.raw(unhex(t, "82a47479706500a36e7370a12f")) // it may be closed before that is answered
		c.conn.ExpectClosed()
	})
}
