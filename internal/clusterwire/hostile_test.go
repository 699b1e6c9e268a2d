package clusterwire_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
	"github.com/gosio/gosio/internal/msgjson"
)

// message is one that no official package sends: JSON, or hex.
type message struct{ name, form, text string }

func (m *message) bytes() []byte {
	if b, err := hex.DecodeString(m.text); err == nil {
		return b
	}
	return []byte(m.text)
}

// hostile are refused.
var hostile = []message{
	{"nothing", "envelope", ""},
	{"no object", "envelope", "[]"},
	{"a number", "envelope", "01"},
	{"an array", "envelope", "93010203"},
	{"a type that is none", "envelope", `{"type":0,"uid":"u","nsp":"/"}`},
	{"a type that will be", "envelope", `{"type":14,"uid":"u","nsp":"/","data":{}}`},
	{"a type that is text", "envelope", `{"type":"3","uid":"u","nsp":"/","data":{}}`},
	{"no type", "envelope", `{"uid":"u","nsp":"/","data":{}}`},
	{"no data", "envelope", `{"type":3,"uid":"u","nsp":"/"}`},
	{"data that is null", "envelope", `{"type":4,"uid":"u","nsp":"/","data":null}`},
	{"a namespace that is a number", "envelope", `{"type":1,"uid":"u","nsp":7}`},
	{"no packet", "envelope", `{"type":3,"uid":"u","nsp":"/","data":{"opts":{"rooms":[]}}}`},
	{"a packet of another type", "envelope", `{"type":3,"uid":"u","nsp":"/","data":{"packet":{"type":4,"data":["e"]},"opts":{}}}`},
	{"an event that is no array", "envelope", `{"type":3,"uid":"u","nsp":"/","data":{"packet":{"type":2,"data":{"0":"e"}},"opts":{}}}`},
	{"a room that is null", "envelope", `{"type":3,"uid":"u","nsp":"/","data":{"packet":{"type":2,"data":["e"]},"opts":{"rooms":[null]}}}`},
	{"a room that is true", "envelope", `{"type":4,"uid":"u","nsp":"/","data":{"opts":{"rooms":[true]},"rooms":["a"]}}`},
	{"a room that is a list", "envelope", `{"type":4,"uid":"u","nsp":"/","data":{"opts":{"rooms":[]},"rooms":[["a"]]}}`},
	{"rooms that are text", "envelope", `{"type":4,"uid":"u","nsp":"/","data":{"opts":{"rooms":"everybody"},"rooms":[]}}`},
	{"exceptions that are an object", "envelope", `{"type":6,"uid":"u","nsp":"/","data":{"opts":{"except":{}}}}`},
	{"bytes among the rooms", "envelope", "84a47479706504a3756964a175a36e7370a12fa46461746182a46f70747381a5726f6f6d7391c40161a5726f6f6d7390"},
	{"a fetch that cannot be answered", "envelope", `{"type":7,"uid":"u","nsp":"/","data":{"opts":{"rooms":[]}}}`},
	{"an answer to nothing", "envelope", `{"type":12,"uid":"u","nsp":"/","data":{"packet":1}}`},
	{"a count that is negative", "envelope", `{"type":11,"uid":"u","nsp":"/","data":{"requestId":"r","clientCount":-1}}`},
	{"a count that is a fraction", "envelope", `{"type":11,"uid":"u","nsp":"/","data":{"requestId":"r","clientCount":1.5}}`},
	{"a length that is not there", "envelope", "dfffffffff"},
	{"a string that is not there", "envelope", "81dbffffffff"},
	{"unfinished JSON", "envelope", `{"type":1,"uid":"u","nsp":"/"`},
	{"two messages", "envelope", `{"type":1,"uid":"u","nsp":"/"}{}`},
	{"an object in the place of the list", "classic broadcast", "80"},
	{"JSON", "classic broadcast", `["u",{"type":2,"data":["e"],"nsp":"/"},{}]`},
	{"no options", "classic broadcast", "92a17582a47479706502a46461746191a165"},
	{"no type", "classic request", `{"uid":"u","requestId":"r"}`},
	{"a response's type", "classic request", `{"uid":"u","requestId":"r","type":8,"clientCount":1}`},
	{"nobody to move", "classic request", `{"type":2,"rooms":["a"]}`},
	{"nowhere to move to", "classic request", `{"type":2,"sid":"s","requestId":"r"}`},
	{"nobody to answer", "classic request", `{"uid":"u","type":1}`},
	{"a fetch of nothing", "classic request", `{"uid":"u","requestId":"r","type":5}`},
	{"no request", "classic response", `{"sockets":[]}`},
	{"a request's type", "classic response", `{"requestId":"r","type":7}`},
	{"sockets that are numbers", "classic response", `{"requestId":"r","sockets":[1,2]}`},
	{"rooms that are an object", "classic response", `{"requestId":"r","rooms":{}}`},
	{"a socket without an id", "classic response", `{"requestId":"r","sockets":[{"id":"a"},{"rooms":["r"],"data":{}}]}`},
	{"a socket whose id is empty", "classic response", `{"requestId":"r","sockets":[{"id":"","rooms":[]}]}`},
	{"a socket whose id is null", "envelope", `{"type":8,"uid":"u","nsp":"/","data":{"requestId":"r","sockets":[{"id":null}]}}`},
	{"an id that is empty", "classic response", `{"requestId":"r","sockets":["a",""]}`},
	{"an id that is null", "classic response", `{"requestId":"r","sockets":["a",null]}`},
}

func TestHostile(t *testing.T) {
	t.Parallel()
	for _, m := range hostile {
		if got, err := forms[m.form].decode(m.bytes(), nil); err == nil {
			t.Errorf("%s, %s: %+v", m.form, m.name, got)
		} else if len(err.Error()) > 120 {
			t.Errorf("%s: %v", m.name, err)
		}
	}
	for _, e := range []clusterwire.Entry{
		{Type: "3"}, {Type: "", Data: "{}"}, {Type: "3.5", Data: "{}"}, {Type: "-1", Data: "{}"}, {Type: "1e9", Data: "{}"},
		{Type: "4", Data: "!"}, {Type: "4", Data: "ew=="}, {Type: "4", Data: `["a"]`}, {Type: "4", Data: base64Of(`{"opts":{},"rooms":["a"]}`)},
	} {
		if got, err := e.Decode(nil); err == nil {
			t.Errorf("%+v: %+v", e, got)
		}
	}
	for _, text := range []string{`{}`, `{"sid":"s"}`, `{"pid":"p"}`, `{"sid":"","pid":"p"}`, `{"sid":"s","pid":null}`} {
		if got, err := clusterwire.DecodeSession(base64Of(string(pack(t, text))), nil); !errors.Is(err, clusterwire.ErrMessage) {
			t.Errorf("session %s: %+v, %v", text, got, err)
		}
	}
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// pack makes MessagePack of JSON with placeholders.
func pack(t *testing.T, text string, attachments ...[]byte) []byte {
	t.Helper()
	w := msgjson.NewWriter()
	assert.NoError(t, w.Value([]byte(text), attachments))
	return w.Dst
}

// TestNobody: a message that does not say for whom it is is refused. It would hit
// everybody.
func TestNobody(t *testing.T) {
	t.Parallel()
	const packet = `"packet":{"type":2,"data":["e"],"nsp":"/"}`
	data := map[clusterwire.Type]string{
		clusterwire.Broadcast: packet, clusterwire.Join: `"rooms":["r"]`, clusterwire.Leave: `"rooms":["r"]`,
		clusterwire.Disconnect: `"close":true`, clusterwire.Fetch: `"requestId":"r"`,
	}
	classic := map[clusterwire.Type]int{clusterwire.Broadcast: 7, clusterwire.Join: 2, clusterwire.Leave: 3, clusterwire.Disconnect: 4, clusterwire.Fetch: 5}
	for typ, members := range data {
		for _, opts := range []struct {
			text string
			want error
		}{{`,"opts":{"rooms":[]}`, nil}, {"", clusterwire.ErrMessage}, {`,"opts":null`, clusterwire.ErrMessage}, {`,"opts":{},"opts":null`, clusterwire.ErrMessage}} {
			tried := map[string]error{}
			envelope := fmt.Sprintf(`{"type":%d,"uid":"u","nsp":"/","data":{%s%s}}`, typ, members, opts.text)
			_, tried["envelope"] = clusterwire.DecodeEnvelope([]byte(envelope), nil)
			_, tried["envelope, packed"] = clusterwire.DecodeEnvelope(pack(t, envelope), nil)
			e := clusterwire.Entry{Type: fmt.Sprint(int(typ)), Data: "{" + members + opts.text + "}"}
			_, tried["entry"] = e.Decode(nil)
			request := fmt.Sprintf(`{"type":%d,"requestId":"r",%s%s}`, classic[typ], members, opts.text)
			_, tried["classic request"] = clusterwire.DecodeClassicRequest([]byte(request), nil)
			for form, err := range tried {
				if !errors.Is(err, opts.want) {
					t.Errorf("%s of type %d with %q: %v", form, typ, opts.text, err)
				}
			}
		}
	}
	if m, err := clusterwire.DecodeClassicBroadcast(pack(t, `["u",{`+packet[len(`"packet":{`):]+`,null]`), nil); !errors.Is(err, clusterwire.ErrMessage) {
		t.Errorf("a classic broadcast: %+v, %v", m, err)
	}
}

// TestStray: bytes of a message with an event are the event's.
func TestStray(t *testing.T) {
	t.Parallel()
	const placeholder = `{"_placeholder":true,"num":0}`
	event := func(arg, stray string) []byte {
		return pack(t, `{"type":3,"uid":"u","nsp":"/","x":`+stray+`,"data":{"packet":{"type":2,"data":["e",`+arg+`]},"opts":{}}}`, []byte("b"))
	}
	_, err := clusterwire.DecodeEnvelope(event(placeholder, "0"), nil)
	assert.NoError(t, err)
	_, err = clusterwire.DecodeEnvelope(event("0", placeholder), nil)
	assert.ErrorIs(t, err, clusterwire.ErrMessage)
}

// TestKind: what no official package sends, but means one thing only.
func TestKind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		message
		want clusterwire.Message
	}{
		{
			message{"null for what is absent", "envelope", `{"data":{"opts":{"rooms":null,"except":null,"flags":null},"requestId":null,"packet":{"nsp":null,"data":["e"],"type":2}},"nsp":"/","uid":null,"type":3}`},
			clusterwire.Message{Type: clusterwire.Broadcast, Namespace: "/", Packet: clusterwire.Packet{Data: []byte(`["e"]`)}},
		},
		{
			message{"spaces, escapes and members of its own", "envelope", "{ \"t\\u0079pe\" : 4 ,\n\"x\":[{}],\t\"uid\":\"\\u0075\",\"nsp\":\"\\/\",\"data\" : { \"opts\" : { \"rooms\" : [ \"\\ud83d\\udc4d\" , 1e2 , -0 ] } , \"rooms\" : [ ] } }"},
			clusterwire.Message{Type: clusterwire.Join, UID: "u", Namespace: "/", Target: clusterwire.Target{Rooms: []string{"👍", "100", "0"}}},
		},
		{
			message{"keys of another case are others", "envelope", `{"Type":3,"type":2,"UID":"x","uid":"u","nsp":"/"}`},
			clusterwire.Message{Type: clusterwire.Heartbeat, UID: "u", Namespace: "/"},
		},
		{
			message{"flags of another type say nothing", "envelope", `{"type":6,"uid":"u","nsp":"/","data":{"opts":{"flags":{"volatile":"yes","compress":0,"timeout":"5"}},"close":1}}`},
			clusterwire.Message{Type: clusterwire.Disconnect, UID: "u", Namespace: "/"},
		},
		{
			message{"a packet without a namespace", "classic broadcast", "93a17582a47479706502a46461746191a16580"},
			clusterwire.Message{Type: clusterwire.Broadcast, UID: "u", Namespace: "/", Packet: clusterwire.Packet{Data: []byte(`["e"]`)}},
		},
		{
			message{"a float for a type", "classic broadcast", "93a17582a474797065ca40000000a46461746191a16580"},
			clusterwire.Message{Type: clusterwire.Broadcast, UID: "u", Namespace: "/", Packet: clusterwire.Packet{Data: []byte(`["e"]`)}},
		},
		{
			message{"text that is no UTF-8", "envelope", "{\"type\":3,\"uid\":\"u\",\"nsp\":\"/\",\"data\":{\"packet\":{\"type\":2,\"data\":[\"e\",\"a\xffb\"]},\"opts\":{\"rooms\":[\"\xc3\"]}}}"},
			clusterwire.Message{
				Type: clusterwire.Broadcast, UID: "u", Namespace: "/", Target: clusterwire.Target{Rooms: []string{"\uFFFD"}},
				Packet: clusterwire.Packet{Data: []byte("[\"e\",\"a\uFFFDb\"]")},
			},
		},
		{
			message{"text that is no UTF-8, packed", "classic broadcast", "93a17582a47479706502a46461746192a165a361ff6281a5726f6f6d7391a1c3"},
			clusterwire.Message{
				Type: clusterwire.Broadcast, UID: "u", Namespace: "/", Target: clusterwire.Target{Rooms: []string{"\uFFFD"}},
				Packet: clusterwire.Packet{Data: []byte("[\"e\",\"a\uFFFDb\"]")},
			},
		},
		{
			message{"a timeout that is endless", "envelope", `{"type":6,"uid":"u","nsp":"/","data":{"opts":{"flags":{"timeout":1e300}}}}`},
			clusterwire.Message{Type: clusterwire.Disconnect, UID: "u", Namespace: "/", Target: clusterwire.Target{Timeout: 1 << 40 * time.Millisecond}},
		},
		{
			message{"a timeout that is over", "envelope", `{"type":6,"uid":"u","nsp":"/","data":{"opts":{"flags":{"timeout":-5}}}}`},
			clusterwire.Message{Type: clusterwire.Disconnect, UID: "u", Namespace: "/"},
		},
		{
			message{"times of 96 bits", "classic broadcast", "93a17582a47479706502a46461746194a165c70cff0ee6b280ffffffffffffffffc70cff0ee6b280fffffff1868b8400c70cff000000004000000000000000" + "80"},
			clusterwire.Message{
				Type: clusterwire.Broadcast, UID: "u", Namespace: "/",
				Packet: clusterwire.Packet{Data: []byte(`["e","1969-12-31T23:59:59.250Z","0000-01-01T00:00:00.250Z",null]`)},
			},
		},
		{
			message{"an older join", "classic request", `{"requestId":"r","type":2,"sid":"s","room":7}`},
			clusterwire.Message{Type: clusterwire.Join, RequestID: "r", SocketID: "s", Rooms: []string{"7"}},
		},
		{
			message{"an older disconnect", "classic request", `{"requestId":"r","type":4,"sid":"s","close":true}`},
			clusterwire.Message{Type: clusterwire.Disconnect, RequestID: "r", SocketID: "s", Close: true},
		},
		{
			message{"an older question", "classic request", `{"uid":"u","requestId":"r","type":0,"rooms":["a"]}`},
			clusterwire.Message{Type: clusterwire.ListSockets, UID: "u", RequestID: "r", Target: clusterwire.Target{Rooms: []string{"a"}}},
		},
		{
			message{"and its answer", "classic response", `{"requestId":"r","sockets":["a","b"]}`},
			clusterwire.Message{Type: clusterwire.ListResponse, RequestID: "r", Sockets: []clusterwire.Socket{{ID: "a"}, {ID: "b"}}},
		},
		{
			message{"done", "classic response", `{"requestId":"r"}`},
			clusterwire.Message{Type: clusterwire.Done, RequestID: "r"},
		},
		{
			message{"an answer without a value", "classic response", `{"type":6,"requestId":"r"}`},
			clusterwire.Message{Type: clusterwire.ServerSideResponse, RequestID: "r", Packet: clusterwire.Packet{Data: []byte("[null]")}},
		},
	} {
		got, err := forms[c.form].decode(c.bytes(), nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		same(t, got, &c.want)
	}
}

// TestLookalike: an object that looks like an attachment stays one.
func TestLookalike(t *testing.T) {
	t.Parallel()
	m := clusterwire.Message{Type: clusterwire.Broadcast, UID: "u", Namespace: "/", Packet: clusterwire.Packet{Data: []byte(`["e",{"_placeholder":true,"num":0}]`)}}
	b, err := m.Ephemeral()
	assert.NoError(t, err)
	got, err := clusterwire.DecodeEnvelope(b, nil)
	assert.NoError(t, err)
	same(t, got, &m)
	// beside bytes, those become text
	b, err = hex.DecodeString("93a17582a47479706502a46461746193a16582ac5f706c616365686f6c646572c3a36e756d00c4016180")
	assert.NoError(t, err)
	got, err = clusterwire.DecodeClassicBroadcast(b, nil)
	assert.NoError(t, err)
	assert.Equal(t, "data", string(got.Packet.Data), `["e",{"_placeholder":true,"num":0},"YQ=="]`)
}

// TestNoSuchForm: what a form has no place for is an error, not half a message.
func TestNoSuchForm(t *testing.T) {
	t.Parallel()
	data := clusterwire.Packet{Data: []byte(`["e"]`)}
	for _, m := range []clusterwire.Message{{Type: clusterwire.AllRooms}, {Type: 0}, {Type: clusterwire.Done}} {
		if _, err := m.Sharded(); err == nil {
			t.Errorf("type %d has an envelope", m.Type)
		}
		if _, err := m.Entry(); err == nil {
			t.Errorf("type %d has an entry", m.Type)
		}
	}
	for _, m := range []clusterwire.Message{{Type: clusterwire.Broadcast, Packet: data, RequestID: "r"}, {Type: clusterwire.Join}} {
		if _, err := m.ClassicBroadcast(); err == nil {
			t.Errorf("type %d is a broadcast", m.Type)
		}
	}
	for _, m := range []clusterwire.Message{{Type: clusterwire.Broadcast, Packet: data}, {Type: clusterwire.Heartbeat}} {
		if _, err := m.ClassicRequest(); err == nil {
			t.Errorf("type %d is a request", m.Type)
		}
		if _, err := m.ClassicResponse(); err == nil {
			t.Errorf("type %d is a response", m.Type)
		}
	}
	if _, err := (&clusterwire.Message{Type: clusterwire.Broadcast, Packet: clusterwire.Packet{Data: []byte("[")}}).ClassicBroadcast(); err == nil {
		t.Error("what is no JSON is written")
	}
}

// TestChannels holds the names to those of the official packages, for namespaces
// with several words of JavaScript in them.
func TestChannels(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "Channel", clusterwire.Channel("p", "/n"), "p#/n#")
	assert.Equal(t, "SubChannel", clusterwire.SubChannel("p", "/n", "r"), "p#/n#r#")
	assert.Equal(t, "RequestChannel", clusterwire.RequestChannel("p", "/n"), "p-request#/n#")
	assert.Equal(t, "ResponseChannel", clusterwire.ResponseChannel("p", "/n", ""), "p-response#/n#")
	assert.Equal(t, "ResponseChannel", clusterwire.ResponseChannel("p", "/n", "u"), "p-response#/n#u#")
	for name, want := range map[string]string{ // hash % 4, by node
		"/": "s-3", "/chat": "s-3", "/my-namespace": "s-3", "/日本": "s-2", "/👍": "s-3",
	} {
		assert.Equal(t, "Stream", clusterwire.Stream("s", 4, name), want)
		assert.Equal(t, "Stream", clusterwire.Stream("s", 1, name), "s")
	}
	assert.Equal(t, "LooksPrivate", clusterwire.LooksPrivate(strings.Repeat("a", 20)), true)
	assert.Equal(t, "LooksPrivate", clusterwire.LooksPrivate(strings.Repeat("👍", 10)), true)
	assert.Equal(t, "LooksPrivate", clusterwire.LooksPrivate(strings.Repeat("é", 10)), false)
}
