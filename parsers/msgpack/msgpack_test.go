package msgpack_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
	"github.com/gosio/gosio/parsers/msgpack"
)

func TestMain(m *testing.M) { leak.Main(m) }

func encode(t testing.TB, p *parser.Packet) []byte {
	t.Helper()
	var out []byte
	err := msgpack.Parser{}.Encode(p, func(message []byte, binary bool) {
		assert.True(t, "the only message is binary", binary && out == nil)
		out = bytes.Clone(message)
	})
	assert.NoError(t, err)
	return out
}

func decode(message []byte, limits *parser.Limits) (parser.Packet, error) {
	p, done, err := msgpack.Parser{}.NewDecoder(limits).Decode(message, true)
	if err == nil && !done {
		err = errors.New("not done")
	}
	if err == nil {
		err = p.Check(limits)
	}
	return p, err
}

// standard is a packet in the standard form, without its attachments.
func standard(p *parser.Packet) string { return string(p.Append(nil)) }

// packet is what the standard form and attachments mean.
func packet(t testing.TB, text string, attachments [][]byte) parser.Packet {
	t.Helper()
	d := parser.Decoder{Limits: &parser.Limits{Depth: -1}}
	p, done, err := d.Text([]byte(text))
	for _, a := range attachments {
		assert.NoError(t, err)
		p, done, err = d.Binary(a)
	}
	assert.NoError(t, err)
	assert.True(t, text+" is complete", done)
	return p
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	assert.NoError(t, err)
	return b
}

// vector is a line of testdata/official.txt.
type vector struct {
	name, text  string
	message     []byte
	attachments [][]byte
}

func vectors(t testing.TB) []vector {
	t.Helper()
	b, err := os.ReadFile("testdata/official.txt")
	assert.NoError(t, err)
	var all []vector
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), " | ")
		v := vector{name: f[0] + ", " + f[1], message: unhex(t, f[2]), text: f[3]}
		if strings.Contains(v.text, "-[") || strings.Contains(v.text, "-3[") {
			for _, a := range strings.Split(f[4], ",") {
				v.attachments = append(v.attachments, unhex(t, a))
			}
		}
		all = append(all, v)
	}
	return all
}

// TestOfficial decodes what the official encoder writes, whole and cut at every
// byte.
func TestOfficial(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			p, err := decode(v.message, nil)
			assert.NoError(t, err)
			assert.Equal(t, "packet", standard(&p), v.text)
			assert.Equal(t, "attachments", len(p.Attachments), len(v.attachments))
			for i, a := range v.attachments {
				assert.Equal(t, "attachment", hex.EncodeToString(p.Attachments[i]), hex.EncodeToString(a))
			}
			for i := range v.message {
				_, err := decode(v.message[:i], nil)
				assert.True(t, "a part is refused", err != nil)
			}
			_, err = decode(append(bytes.Clone(v.message), 0xc0), nil)
			assert.True(t, "trailing bytes are refused", err != nil)
		})
	}
}

// event is an event of these arguments, given as MessagePack in hex.
func event(args string, n int) string {
	return "83a47479706502" + "a464617461" + hex.EncodeToString([]byte{0x90 | byte(n+1)}) + "a165" + args + "a36e7370a12f"
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ message, want string }{
		"int64 keeps its digits":      {event("d38000000000000001", 1), `2["e",-9223372036854775807]`},
		"uint64 keeps its digits":     {event("cfffffffffffffffff", 1), `2["e",18446744073709551615]`},
		"float32":                     {event("ca3fc00000", 1), `2["e",1.5]`},
		"minus zero":                  {event("cb8000000000000000", 1), `2["e",-0]`},
		"1e21":                        {event("cb444b1ae4d6e2ef50", 1), `2["e",1e+21]`},
		"invalid UTF-8":               {event("a3ff61c3", 1), `2["e","` + "\uFFFDa\uFFFD" + `"]`},
		"repeated keys stay":          {event("82a16101a16102", 1), `2["e",{"a":1,"a":2}]`},
		"keys that are integers":      {event("8301c0ccffc0e0c0", 1), `2["e",{"1":null,"255":null,"-32":null}]`},
		"a Date beyond all":           {event("d7007fffffffffffffff", 1), `2["e",null]`},
		"another ext":                 {event("d50501"+"02", 1), `51-["e",[5,{"_placeholder":true,"num":0}]]`},
		"a timestamp is not known":    {event("d6ff00000000", 1), `51-["e",[-1,{"_placeholder":true,"num":0}]]`},
		"ext 0 of two fixed bytes":    {event("d5000102", 1), `51-["e",[0,{"_placeholder":true,"num":0}]]`},
		"type as uint64":              {"82a474797065cf0000000000000001a36e7370a12f", `1`},
		"any order, unknown keys":     {"84a36e7370a12fa178c40101a464617461" + "91a165" + "a47479706502", `2["e"]`},
		"a lookalike left out":        {"84a17881ac5f706c616365686f6c646572c3a36e7370a12fa464617461" + "92a165c40107" + "a47479706502", `51-["e",{"_placeholder":true,"num":0}]`},
		"an ext that nobody looks at": {"83a178c70100ffa36e7370a12fa47479706501", `1`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := decode(unhex(t, c.message), nil)
			assert.NoError(t, err)
			assert.Equal(t, "packet", standard(&p), c.want)
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return event(strings.Repeat("91", n-1)+"c0", 1) }
	tail := "a36e7370a12f"
	for name, message := range map[string]string{
		"nothing":                        "",
		"no map":                         "91c0",
		"a reserved byte":                event("c1", 1),
		"no type":                        "81" + tail,
		"no namespace":                   "81a47479706501",
		"type of the standard form":      "82a47479706505" + tail,
		"negative type":                  "82a474797065ff" + tail,
		"fractional type":                "82a474797065cb3ff8000000000000" + tail,
		"type twice":                     "83a47479706501a47479706501" + tail,
		"data twice":                     "84a47479706502a46461746191a165a46461746191a165" + tail,
		"namespace twice":                "83a47479706501" + tail + tail,
		"id twice":                       "84a47479706501a26964d40000a26964d40000" + tail,
		"namespace without slash":        "82a47479706500a36e7370a161",
		"namespace with comma":           "82a47479706500a36e7370a32f612c",
		"namespace of invalid UTF-8":     "82a47479706500a36e7370a22fff",
		"namespace is bin":               "82a47479706500a36e7370c4012f",
		"id is null":                     "84a47479706502a46461746191a165a26964c0" + tail,
		"id is negative":                 "84a47479706502a46461746191a165a26964ff" + tail,
		"id beyond 2^53":                 "84a47479706502a46461746191a165a26964cf0020000000000000" + tail,
		"key is bin":                     "83a47479706501c40161c0" + tail,
		"key is an array":                event("8190c0", 1),
		"key is nil":                     event("81c0c0", 1),
		"event without data":             "82a47479706502" + tail,
		"event with an object":           "83a47479706502a46461746180" + tail,
		"event without name":             "83a47479706502a46461746190" + tail,
		"event named null":               "83a47479706502a46461746191c0" + tail,
		"event named undefined":          "83a47479706502a46461746191d40000" + tail,
		"reserved name":                  "83a47479706502a46461746191aa646973636f6e6e656374" + tail,
		"connect with null":              "83a47479706500a464617461c0" + tail,
		"connect with an array":          "83a47479706500a46461746190" + tail,
		"disconnect with data":           "83a47479706501a46461746180" + tail,
		"ack with a string":              "83a47479706503a464617461a161" + tail,
		"array claims four billion":      event("ddffffffff", 1),
		"map claims four billion":        event("dfffffffff", 1),
		"string claims four billion":     event("dbffffffff", 1),
		"bin claims four billion":        event("c6ffffffff", 1),
		"ext claims four billion":        event("c9ffffffff00", 1),
		"129 levels":                     deep(129),
		"11 attachments":                 event(strings.Repeat("c40101", 11), 11),
		"name of 257 bytes":              "83a47479706502a46461746191da0101" + strings.Repeat("61", 257) + tail,
		"name of 257 bytes when decoded": "83a47479706502a46461746191da0101" + strings.Repeat("0a", 257) + tail,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := decode(unhex(t, message), nil)
			assert.True(t, "refused: "+standard(&p), err != nil)
		})
	}
	for name, message := range map[string]string{
		"128 levels": deep(128), "10 attachments": event(strings.Repeat("c40101", 10), 10),
	} {
		_, err := decode(unhex(t, message), nil)
		assert.Equal(t, name, err, nil)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	two := unhex(t, event("9190", 1)) // three levels
	_, err := decode(two, &parser.Limits{Depth: 2})
	assert.ErrorIs(t, err, parser.ErrTooDeep)
	_, err = decode(two, &parser.Limits{Depth: 3})
	assert.NoError(t, err)
	_, err = decode(unhex(t, event(strings.Repeat("91", 20_000)+"c0", 1)), &parser.Limits{Depth: -1})
	assert.ErrorIs(t, err, parser.ErrTooDeep)
	bins := unhex(t, event("c40101c40101", 2))
	_, err = decode(bins, &parser.Limits{Attachments: 1})
	assert.ErrorIs(t, err, parser.ErrTooManyAttachments)
	_, err = decode(unhex(t, event(strings.Repeat("c40101", 14), 14)), &parser.Limits{Attachments: -1})
	assert.NoError(t, err)
	many := "82a46461746191dc07d0" + strings.Repeat("c400", 2000) + "a47479706503"
	_, _, err = msgpack.Parser{}.NewDecoder(&parser.Limits{Attachments: -1}).Decode(unhex(t, many), true)
	assert.ErrorIs(t, err, parser.ErrTooManyAttachments)
	_, _, err = msgpack.Parser{}.NewDecoder(nil).Decode([]byte(`2["e"]`), false)
	assert.True(t, "text is refused", err != nil)
}

// TestDecoderReuse: a message has nothing of the one before it.
func TestDecoderReuse(t *testing.T) {
	t.Parallel()
	d := msgpack.Parser{}.NewDecoder(nil)
	for _, size := range []int{1, 5000, 3, 200} {
		text := `2["e","` + strings.Repeat("x", size) + `"]`
		p := packet(t, text, nil)
		got, done, err := d.Decode(encode(t, &p), true)
		assert.NoError(t, err)
		assert.True(t, "done", done)
		assert.Equal(t, "packet", standard(&got), text)
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"connect":      {`0`, "82a47479706500a36e7370a12f"},
		"disconnect":   {`1/a`, "82a47479706501a36e7370a22f61"},
		"refusal":      {`4{"message":"no"}`, "83a47479706504a46461746181a76d657373616765a26e6fa36e7370a12f"},
		"event":        {`2/a,0["e",null,true,false]`, "84a47479706502a46461746194a165c0c3c2a2696400a36e7370a22f61"},
		"ack":          {`37`, "84a47479706503a46461746190a2696407a36e7370a12f"},
		"white space":  {"2[ \"e\" ,\n{ \"a\" : [ ] } ]", event("81a16190", 1)},
		"integers":     {`2["e",0,-1,127,128]`, event("00ff7fcc80", 4)},
		"large ones":   {`2["e",18446744073709551615,-9223372036854775808]`, event("cfffffffffffffffffd38000000000000000", 2)},
		"larger":       {`2["e",18446744073709551616,-9223372036854775809]`, event("ca5f800000cadf000000", 2)},
		"fractions":    {`2["e",1.5,0.1,1e2,-0]`, event("ca3fc00000cb3fb999999999999aca42c80000ca80000000", 4)},
		"out of range": {`2["e",1e999]`, event("ca7f800000", 1)},
		"escapes":      {`2["e","\"\\\/\b\f\n\r\tA\u00e9\ud83d\ude00"]`, event("af225c2f080c0a0d0941c3a9f09f9880", 1)},
		"half pairs":   {`2["e","\ud83d","\ude00x","\ud83dA"]`, event("a3efbfbda4efbfbd78a4efbfbd41", 3)},
		"quotes":       {`2["e","\\\"","\\"]`, event("a25c22a15c", 2)},
		"data":         {`2["e",{"_placeholder":true,"num":0}]`, event("82ac5f706c616365686f6c646572c3a36e756d00", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := packet(t, c.text, nil)
			assert.Equal(t, "message", hex.EncodeToString(encode(t, &p)), c.want)
		})
	}
	p := packet(t, `52-["e",{"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}]]`, [][]byte{{1}, {2, 3}})
	assert.Equal(t, "bin", hex.EncodeToString(encode(t, &p)), event("c402020391c40101", 2))
}

// TestEncodeNonsense: a payload that another server has sent, and that is no
// JSON, is refused, or makes one message that is well formed at least.
func TestEncodeNonsense(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		`[`, `]`, `{]`, `["e"]]`, `["e"`, `["e`, `["e\"]`, `[x]`, `{"a"}`, `{"a":1 2}`, `[1:2]`, `["e"] ["f"]`, ``, ` `, `[tru]`, `[1x]`, `[-]`, `[--1]`,
	} {
		p := parser.Packet{Type: parser.Event, Namespace: "/", Data: []byte(data)}
		out := 0
		err := msgpack.Parser{}.Encode(&p, func([]byte, bool) { out++ })
		if data != "" {
			assert.True(t, data+" is refused", err != nil && out == 0)
		}
	}
}
