package emitter_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/emitter"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// What a server sends to can be an emitter, too.
var (
	_ socketio.Emitter = (*emitter.Emitter)(nil)
	_ socketio.Emitter = emitter.Broadcast{}
)

// sent is a command that a client library would have got.
type sent struct {
	command, address string
	payload          []byte
	maxLen           int64
	fields           []string
}

// notes takes down what is sent. It implements the interfaces of all forms.
type notes struct {
	mu   sync.Mutex
	list []sent
	err  error // of the next command
}

func (n *notes) add(s sent) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, s)
	return n.err
}

func (n *notes) Publish(_ context.Context, channel string, payload []byte) error {
	return n.add(sent{command: "PUBLISH", address: channel, payload: payload})
}

func (n *notes) SPublish(_ context.Context, channel string, payload []byte) error {
	return n.add(sent{command: "SPUBLISH", address: channel, payload: payload})
}

func (n *notes) XAdd(_ context.Context, stream string, maxLen int64, fields []string) error {
	return n.add(sent{command: "XADD", address: stream, maxLen: maxLen, fields: fields})
}

// last takes the one command that has been sent.
func (n *notes) last(t *testing.T) sent {
	t.Helper()
	if len(n.list) != 1 {
		t.Fatalf("%d commands were sent", len(n.list))
	}
	s := n.list[0]
	n.list = nil
	return s
}

// message decodes what has been sent.
func (s *sent) message(t *testing.T) *clusterwire.Message {
	t.Helper()
	var m *clusterwire.Message
	var err error
	switch {
	case s.command == "XADD":
		e := clusterwire.Entry{}
		for i, field := range []*string{&e.UID, &e.Namespace, &e.Type, &e.Data} {
			*field = s.fields[2*i+1]
		}
		m, err = e.Decode(nil)
	case s.command == "SPUBLISH":
		m, err = clusterwire.DecodeEnvelope(s.payload, nil)
	case strings.Contains(s.address, "-request#"):
		m, err = clusterwire.DecodeClassicRequest(s.payload, nil)
	default:
		m, err = clusterwire.DecodeClassicBroadcast(s.payload, nil)
	}
	assert.NoError(t, err)
	return m
}

// forms are the constructors with everything at its default.
var forms = []struct {
	name, command string
	make          func(n *notes) *emitter.Emitter
}{
	{"classic", "PUBLISH", func(n *notes) *emitter.Emitter { return emitter.NewClassic(n, nil) }},
	{"sharded", "SPUBLISH", func(n *notes) *emitter.Emitter { return emitter.NewSharded(n, nil) }},
	{"streams", "XADD", func(n *notes) *emitter.Emitter { return emitter.NewStreams(n, nil) }},
}

type message = clusterwire.Message

func data(text string, attachments ...string) clusterwire.Packet {
	p := clusterwire.Packet{Data: []byte(text)}
	for _, a := range attachments {
		p.Attachments = append(p.Attachments, []byte(a))
	}
	return p
}

// operations are all that an emitter can do, what it is, and the channel of the
// classic form.
var operations = []struct {
	name    string
	do      func(e *emitter.Emitter) error
	want    message
	channel string
}{
	{"emit", func(e *emitter.Emitter) error {
		return e.Emit("e", 1, "žluťoučký", nil, map[string]any{"a": []int{1}})
	},
		message{Packet: data(`["e",1,"žluťoučký",null,{"a":[1]}]`)}, "#/#"},
	{"bytes", func(e *emitter.Emitter) error { return e.Emit("e", []byte("x"), map[string][]byte{"b": []byte("yz")}) },
		message{Packet: data(`["e",{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}]`, "x", "yz")}, "#/#"},
	{"room", func(e *emitter.Emitter) error { return e.To("r#").Emit("e") },
		message{Target: clusterwire.Target{Rooms: []string{"r#"}}, Packet: data(`["e"]`)}, "#/#r##"},
	{"rooms", func(e *emitter.Emitter) error { return e.In("a", "b").To("c").Except("d").Emit("e") },
		message{Target: clusterwire.Target{Rooms: []string{"a", "b", "c"}, Except: []string{"d"}}, Packet: data(`["e"]`)}, "#/#"},
	{"except", func(e *emitter.Emitter) error { return e.Except("d").In("a").Emit("e") },
		message{Target: clusterwire.Target{Rooms: []string{"a"}, Except: []string{"d"}}, Packet: data(`["e"]`)}, "#/#a#"},
	{"newest", func(e *emitter.Emitter) error { return e.Latest("k\u00e9y").Emit("e") },
		message{Target: clusterwire.Target{Newest: 1, Key: "k\u00e9y"}, Packet: data(`["e"]`)}, "#/#"},
	{"newest of a room", func(e *emitter.Emitter) error { return e.To("a").Newest("", 3).Emit("e") },
		message{Target: clusterwire.Target{Rooms: []string{"a"}, Newest: 3}, Packet: data(`["e"]`)}, "#/#a#"},
	{"flags", func(e *emitter.Emitter) error { return e.Volatile().Compress(false).Emit("e") },
		message{Target: clusterwire.Target{Volatile: true, NoCompress: true}, Packet: data(`["e"]`)}, "#/#"},
	{"flags that change nothing", func(e *emitter.Emitter) error { return e.Compress(false).Compress(true).Emit("e") },
		message{Packet: data(`["e"]`)}, "#/#"},
	{"namespace", func(e *emitter.Emitter) error { return e.Of("日本").To("r").Emit("e") },
		message{Namespace: "/日本", Target: clusterwire.Target{Rooms: []string{"r"}}, Packet: data(`["e"]`)}, "#/日本#r#"},
	{"join", func(e *emitter.Emitter) error { return e.To("a").Except("b").SocketsJoin("c", "d") },
		message{Type: clusterwire.Join, Target: clusterwire.Target{Rooms: []string{"a"}, Except: []string{"b"}}, Rooms: []string{"c", "d"}}, "-request#/#"},
	{"all join", func(e *emitter.Emitter) error { return e.SocketsJoin("c") },
		message{Type: clusterwire.Join, Rooms: []string{"c"}}, "-request#/#"},
	{"leave", func(e *emitter.Emitter) error { return e.SocketsLeave("c") },
		message{Type: clusterwire.Leave, Rooms: []string{"c"}}, "-request#/#"},
	{"disconnect", func(e *emitter.Emitter) error { return e.DisconnectSockets(false) },
		message{Type: clusterwire.Disconnect}, "-request#/#"},
	{"close", func(e *emitter.Emitter) error { return e.Of("/n").In("x").DisconnectSockets(true) },
		message{Type: clusterwire.Disconnect, Namespace: "/n", Target: clusterwire.Target{Rooms: []string{"x"}}, Close: true}, "-request#/n#"},
	{"server-side", func(e *emitter.Emitter) error { return e.ServerSideEmit("e", 1) },
		message{Type: clusterwire.ServerSide, Packet: data(`["e",1]`)}, "-request#/#"},
	{"server-side bytes", func(e *emitter.Emitter) error { return e.ServerSideEmit("e", []byte("x")) },
		message{Type: clusterwire.ServerSide, Packet: data(`["e",{"_placeholder":true,"num":0}]`, "x")}, "-request#/#"},
}

func TestOperations(t *testing.T) {
	t.Parallel()
	for _, f := range forms {
		for _, op := range operations {
			t.Run(f.name+"/"+op.name, func(t *testing.T) {
				t.Parallel()
				var n notes
				assert.NoError(t, op.do(f.make(&n)))
				s := n.last(t)
				assert.Equal(t, "command", s.command, f.command)
				want := op.want
				want.UID = "emitter"
				if want.Type == 0 {
					want.Type = clusterwire.Broadcast
				}
				if want.Namespace == "" {
					want.Namespace = "/"
				}
				address := "socket.io" // the one stream
				switch f.name {
				case "classic":
					address += op.channel
				case "sharded":
					address += "#" + want.Namespace + "#"
				default:
					assert.Equal(t, "length", s.maxLen, 10_000)
				}
				assert.Equal(t, "address", s.address, address)
				if strings.HasPrefix(op.channel, "-request") && f.name == "classic" {
					want.Namespace = "" // the channel tells
				}
				if got := s.message(t); !reflect.DeepEqual(got, &want) {
					t.Errorf("got %+v, want %+v", got, want)
				}
			})
		}
	}
}

// TestNobody: a list of rooms that is empty is nobody, not everybody.
func TestNobody(t *testing.T) {
	t.Parallel()
	var n notes
	e := emitter.NewClassic(&n, nil)
	none := e.To([]string{}...)
	for _, err := range []error{none.Emit("e"), none.SocketsJoin("a"), none.SocketsLeave("a"), none.DisconnectSockets(true), e.SocketsJoin(), none.Except("x").Emit("e")} {
		assert.NoError(t, err)
	}
	assert.Equal(t, "commands", len(n.list), 0)
	if err := none.Emit("e", func() {}); err == nil {
		t.Error("what cannot be encoded is no error if it is for nobody")
	}
}

// TestValues: modifiers change nothing.
func TestValues(t *testing.T) {
	t.Parallel()
	var n notes
	e := emitter.NewClassic(&n, nil)
	base := e.To("a").Except("x")
	_, _, _, _ = base.To("b"), base.Except("y"), base.Volatile(), base.Compress(false)
	one, two := base.To("c"), base.To("d")
	_ = one
	e.Of("/other")
	assert.NoError(t, two.Emit("e"))
	s := n.last(t)
	m := s.message(t)
	assert.Equal(t, "target", fmt.Sprintf("%+v %s", m.Target, m.Namespace), "{Rooms:[a d] Except:[x] Volatile:false NoCompress:false Timeout:0s Newest:0 Key:} /")
}

func TestTypedEvents(t *testing.T) {
	t.Parallel()
	type headline struct{ Text string }
	var n notes
	news := socketio.NewEvent[headline, socketio.None]("headline")
	assert.NoError(t, news.Emit(emitter.NewSharded(&n, nil).To("news"), headline{"It works"}))
	s := n.last(t)
	assert.Equal(t, "data", string(s.message(t).Packet.Data), `["headline",{"Text":"It works"}]`)
}

func TestOptions(t *testing.T) {
	t.Parallel()
	private := strings.Repeat("x", 20)
	var n notes
	for _, c := range []struct {
		name    string
		emitter *emitter.Emitter
		room    string
		want    sent
	}{
		{"classic prefix", emitter.NewClassic(&n, &emitter.ClassicOptions{Prefix: "p"}), "r", sent{address: "p#/n#r#"}},
		{"sharded prefix", emitter.NewSharded(&n, &emitter.ShardedOptions{Prefix: "p"}), "r", sent{address: "p#/n#"}},
		{"sharded by room", emitter.NewSharded(&n, &emitter.ShardedOptions{ByRoom: true}), "r", sent{address: "socket.io#/n#r#"}},
		{"a socket has no channel", emitter.NewSharded(&n, &emitter.ShardedOptions{ByRoom: true}), private, sent{address: "socket.io#/n#"}},
		{"stream", emitter.NewStreams(&n, &emitter.StreamsOptions{Stream: "s", MaxLen: 7}), "r", sent{address: "s", maxLen: 7}},
		{"streams", emitter.NewStreams(&n, &emitter.StreamsOptions{Count: 4, MaxLen: -1}), "r", sent{address: "socket.io-3", maxLen: 0}},
	} {
		assert.NoError(t, c.emitter.Of("/n").To(c.room).Emit("e"))
		got := n.last(t)
		assert.Equal(t, c.name, fmt.Sprint(got.address, " ", got.maxLen), fmt.Sprint(c.want.address, " ", c.want.maxLen))
	}
	byRoom := emitter.NewSharded(&n, &emitter.ShardedOptions{ByRoom: true})
	assert.NoError(t, byRoom.To("r").SocketsJoin("s"))
	assert.Equal(t, "a join", n.last(t).address, "socket.io#/#")
	assert.NoError(t, byRoom.To("r", "s").Emit("e"))
	assert.Equal(t, "two rooms", n.last(t).address, "socket.io#/#")
	assert.NoError(t, byRoom.Of("").Emit("e"))
	assert.Equal(t, "a namespace without a name", n.last(t).address, "socket.io#/#")
}

func TestErrors(t *testing.T) {
	t.Parallel()
	var n notes
	e := emitter.NewClassic(&n, &emitter.ClassicOptions{MaxSize: 100})
	for _, c := range []struct {
		name string
		err  error
		is   error
		text string
	}{
		{"reserved", e.Emit("disconnect"), parser.ErrReservedEvent, `emitter: cannot emit "disconnect"`},
		{"reserved, server-side", e.ServerSideEmit("connect"), parser.ErrReservedEvent, `emitter: cannot emit "connect"`},
		{"too many bytes", e.Emit("e", make([][]byte, 0), [][]byte{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}), parser.ErrTooManyAttachments, ""},
		{"namespace", e.Of("/a,b").Emit("e"), emitter.ErrNamespace, `emitter: cannot emit "e": no server has a namespace with a comma in its name: mend what Of is called with`},
		{"too many rooms", e.To(make([]string, 100_001)...).Emit("e"), emitter.ErrTooManyRooms, ""},
		{"too many exceptions", e.Except(make([]string, 100_001)...).Emit("e"), emitter.ErrTooManyRooms, ""},
		{"too many rooms to join", e.SocketsJoin(make([]string, 100_001)...), emitter.ErrTooManyRooms, "emitter: cannot have sockets join rooms"},
		{"too large", e.Emit("e", strings.Repeat("x", 100)), emitter.ErrTooLarge, "MaxSize"},
		{"a long name", e.Emit(strings.Repeat("n", 500)), emitter.ErrTooLarge, `"` + strings.Repeat("n", 100) + `…"`},
		{"a long name of others", e.Emit("n" + strings.Repeat("日", 500)), emitter.ErrTooLarge, `"n` + strings.Repeat("日", 33) + `…"`},
		{"and others", e.Emit("nn" + strings.Repeat("日", 500)), emitter.ErrTooLarge, `"nn` + strings.Repeat("日", 32) + `…"`},
		{"no character at all", e.Emit(strings.Repeat("\x80", 500)), emitter.ErrTooLarge, `"…"`},
	} {
		if strings.Count(c.err.Error(), "emitter: ") != 1 {
			t.Errorf("%s: %v", c.name, c.err)
		}
		if !errors.Is(c.err, c.is) || !strings.Contains(c.err.Error(), c.text) || len(c.err.Error()) > 300 {
			t.Errorf("%s: %v", c.name, c.err)
		}
	}
	assert.Equal(t, "commands", len(n.list), 0)
	most := make([]string, 100_000)
	large := emitter.NewClassic(&n, nil)
	for _, err := range []error{large.To(most...).Emit("e"), large.Except(most...).Emit("e"), large.SocketsJoin(most...)} {
		assert.NoError(t, err)
	}
	assert.Equal(t, "commands", len(n.list), 3)
	var merr *parser.MarshalError
	assert.True(t, "marshal error", errors.As(e.Emit("e", func() {}), &merr))

	n.err = errors.New("LOADING Redis is loading the dataset in memory")
	err := e.To("r").Emit("e")
	assert.True(t, err.Error(), errors.Is(err, n.err) && err.Error() == `emitter: cannot emit "e": redis: LOADING Redis is loading the dataset in memory`)
	err = e.DisconnectSockets(true)
	assert.True(t, err.Error(), strings.HasPrefix(err.Error(), "emitter: cannot disconnect sockets: redis: "))
}

// TestSize is at, and above, the limit.
func TestSize(t *testing.T) {
	t.Parallel()
	for _, f := range []func(n *notes, most int) *emitter.Emitter{
		func(n *notes, most int) *emitter.Emitter {
			return emitter.NewClassic(n, &emitter.ClassicOptions{MaxSize: most})
		},
		func(n *notes, most int) *emitter.Emitter {
			return emitter.NewSharded(n, &emitter.ShardedOptions{MaxSize: most})
		},
		func(n *notes, most int) *emitter.Emitter {
			return emitter.NewStreams(n, &emitter.StreamsOptions{MaxSize: most})
		},
	} {
		var n notes
		text := strings.Repeat("x", 1000)
		assert.NoError(t, f(&n, -1).Emit("e", text))
		s := n.last(t)
		size := len(s.payload)
		if s.fields != nil {
			size = len(s.fields[7])
		}
		assert.NoError(t, f(&n, size).Emit("e", text))
		assert.ErrorIs(t, f(&n, size-1).Emit("e", text), emitter.ErrTooLarge)
	}
}

func TestSizeByDefault(t *testing.T) {
	t.Parallel()
	var n notes
	e := emitter.NewSharded(&n, nil)
	assert.NoError(t, e.Emit("e"))
	s := n.last(t)
	room := emitter.DefaultMaxSize - len(s.payload) - len(`,""`)
	assert.NoError(t, e.Emit("e", strings.Repeat("x", room)))
	assert.ErrorIs(t, e.Emit("e", strings.Repeat("x", room+1)), emitter.ErrTooLarge)
	assert.NoError(t, emitter.NewSharded(&n, &emitter.ShardedOptions{MaxSize: -1}).Emit("e", strings.Repeat("x", room+1)))
}

// TestConcurrent: one emitter for all goroutines.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	var n notes
	e := emitter.NewClassic(&n, nil)
	base := e.To("a")
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := base.To(fmt.Sprint(i)).Emit("e", i); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, s := range n.list {
		m := s.message(t)
		want := fmt.Sprintf(`["e",%s]`, m.Target.Rooms[1])
		assert.Equal(t, "data", string(m.Packet.Data), want)
		seen[want] = true
	}
	assert.Equal(t, "messages", len(seen), 50)
}

// sendFunc is a client library that is a function.
type sendFunc func(channel string) error

func (f sendFunc) SPublish(_ context.Context, channel string, _ []byte) error { return f(channel) }

func TestWiring(t *testing.T) {
	t.Parallel()
	for name, wire := range map[string]func(){
		"NewClassic":      func() { emitter.NewClassic(nil, nil) },
		"NewSharded":      func() { emitter.NewSharded((*notes)(nil), nil) },
		"NewStreams":      func() { emitter.NewStreams(nil, nil) },
		"NewSharded, too": func() { emitter.NewSharded(sendFunc(nil), nil) },
		"Count":           func() { emitter.NewStreams(&notes{}, &emitter.StreamsOptions{Count: -1}) },
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.HasPrefix(p, "emitter: ") || !strings.Contains(p, strings.TrimSuffix(name, ", too")) {
					t.Errorf("%s: %v", name, p)
				}
			}()
			wire()
		}()
	}
}
