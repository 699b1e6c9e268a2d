package clusterwire_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
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
		{Type: "4", Data: "!"}, {Type: "4", Data: "ew=="}, {Type: "4", Data: `["a"]`},
	} {
		if got, err := e.Decode(nil); err == nil {
			t.Errorf("%+v: %+v", e, got)
		}
	}
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
			message{"a float for a type", "classic broadcast", "93a17582a474797065ca40000000a46461746191a165c0"},
			clusterwire.Message{Type: clusterwire.Broadcast, UID: "u", Namespace: "/", Packet: clusterwire.Packet{Data: []byte(`["e"]`)}},
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

func TestLimits(t *testing.T) {
	t.Parallel()
	// envelope is a join with n rooms, depth levels deep.
	envelope := func(rooms, depth int) string {
		list := strings.TrimSuffix(strings.Repeat(`"r",`, rooms), ",")
		deep := strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1)
		return fmt.Sprintf(`{"type":4,"uid":"u","nsp":"/","data":{"opts":{"rooms":[]},"rooms":[%s]},"x":%s}`, list, deep)
	}
	fetched := func(n int) string {
		return `{"requestId":"r","sockets":[` + strings.TrimSuffix(strings.Repeat(`{"id":"a"},`, n), ",") + `]}`
	}
	bytes := func(n int) []byte { // a broadcast with attachments
		b, err := hex.DecodeString("93a17582a47479706502a464617461dc" + fmt.Sprintf("%04x", n+1) + "a165" + strings.Repeat("c400", n) + "80")
		assert.NoError(t, err)
		return b
	}
	small := envelope(3, 3)
	for _, c := range []struct {
		name   string
		src    []byte
		limits *clusterwire.Limits
		want   error
	}{
		{"size", []byte(small), &clusterwire.Limits{Size: len(small)}, nil},
		{"size, over", []byte(small), &clusterwire.Limits{Size: len(small) - 1}, clusterwire.ErrTooLarge},
		{"names", []byte(small), &clusterwire.Limits{Names: 3}, nil},
		{"names, over", []byte(small), &clusterwire.Limits{Names: 2}, clusterwire.ErrTooMany},
		{"names by default", []byte(envelope(100_000, 3)), nil, nil},
		{"names by default, over", []byte(envelope(100_001, 3)), nil, clusterwire.ErrTooMany},
		{"depth", []byte(envelope(0, 10)), &clusterwire.Limits{Depth: 10}, nil},
		{"depth, over", []byte(envelope(0, 11)), &clusterwire.Limits{Depth: 10}, parser.ErrTooDeep},
		{"depth by default", []byte(envelope(0, 1024)), nil, nil},
		{"depth by default, over", []byte(envelope(0, 1025)), nil, parser.ErrTooDeep},
		{"attachments by default", bytes(999), nil, nil},
		{"attachments by default, over", bytes(1000), nil, parser.ErrTooManyAttachments},
		{"sockets", []byte(fetched(2)), &clusterwire.Limits{Sockets: 2}, nil},
		{"sockets, over", []byte(fetched(3)), &clusterwire.Limits{Sockets: 2}, clusterwire.ErrTooMany},
	} {
		decode := clusterwire.DecodeEnvelope
		switch {
		case c.src[0] == 0x93:
			decode = clusterwire.DecodeClassicBroadcast
		case strings.Contains(string(c.src), "sockets"):
			decode = clusterwire.DecodeClassicResponse
		}
		if _, err := decode(c.src, c.limits); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, not %v", c.name, err, c.want)
		}
	}
	e := clusterwire.Entry{Type: "4", Data: small}
	_, err := e.Decode(&clusterwire.Limits{Size: len(small) - 1})
	assert.ErrorIs(t, err, clusterwire.ErrTooLarge)
	_, err = clusterwire.DecodeSession(small, &clusterwire.Limits{Size: len(small) - 1})
	assert.ErrorIs(t, err, clusterwire.ErrTooLarge)
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
