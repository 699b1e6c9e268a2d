package parser_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gosio/gosio/core/parser"
)

// ready is JSON that is passed on, by a method.
type ready string

func (r ready) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// label is text that is passed on, by a method.
type label string

func (l label) MarshalText() ([]byte, error) { return []byte(l), nil }

// TestNotUTF8: whatever a value brings, what goes out is valid UTF-8, and each
// byte that is not becomes U+FFFD, as encoding/json has it for strings.
func TestNotUTF8(t *testing.T) {
	t.Parallel()
	const bad, good = "a\xff\xfe\xe2\x82é\xed\xa0\x80", "a\uFFFD\uFFFD\uFFFD\uFFFDé\uFFFD\uFFFD\uFFFD"
	raw := json.RawMessage(`"` + bad + `"`)
	for _, test := range []struct {
		arg  any
		want string
	}{
		{bad, `"` + good + `"`},
		{raw, `"` + good + `"`},
		{&raw, `"` + good + `"`},
		{json.RawMessage(`{"` + bad + `":["` + bad + `"]}`), `{"` + good + `":["` + good + `"]}`},
		{ready(raw), `"` + good + `"`},
		{label(bad), `"` + good + `"`},
		{[]any{raw, 1}, `["` + good + `",1]`},
		{map[string]any{bad: raw}, `{"` + good + `":"` + good + `"}`},
		{map[label]json.RawMessage{bad: raw}, `{"` + good + `":"` + good + `"}`},
		{struct{ A ready }{ready(raw)}, `{"A":"` + good + `"}`},
		{[]any{raw, []byte(bad)}, `["` + good + `",` + bin(0) + `]`},
		{struct {
			A json.RawMessage
			B []byte
		}{raw, []byte(bad)}, `{"A":"` + good + `","B":` + bin(0) + `}`},
	} {
		text, attachments, err := parser.AppendEvent([]byte("x"), "/", 0, false, bad, []any{test.arg})
		want := `["` + good + `",` + test.want + "]"
		got := strings.ReplaceAll(string(text), `\ufffd`, "\uFFFD") // both are the same character
		if err != nil || !strings.HasSuffix(got, want) || !utf8.Valid(text) {
			t.Errorf("%T: %q, %v, want %q", test.arg, text, err, want)
		}
		for _, a := range attachments {
			if string(a) != bad {
				t.Errorf("%T: bytes were changed to %q", test.arg, a)
			}
		}
		if text, _, err := parser.AppendAck(nil, "/", 0, []any{test.arg}); err != nil || !utf8.Valid(text) {
			t.Errorf("ack %T: %q, %v", test.arg, text, err)
		}
	}
	if string(raw) != `"`+bad+`"` {
		t.Error("the caller's JSON was changed")
	}
}

// TestRawDepth: JSON that is given as it is may be as deep as other values.
func TestRawDepth(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]bool{999: true, 1000: true, 1001: false} {
		raw := json.RawMessage(strings.Repeat("[", n) + strings.Repeat("]", n))
		if _, _, err := parser.AppendEvent(nil, "/", 0, false, "e", []any{raw}); (err == nil) != want {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// lists is a type without an end that holds no bytes.
type lists []lists

// TestDepth: whatever an argument is made of, it has no more levels than clients
// and the other servers of a cluster read.
func TestDepth(t *testing.T) {
	t.Parallel()
	limits := parser.Limits{Depth: 1024} // of core, for events of other servers
	for depth, ok := range map[int]bool{999: true, 1000: true, 1001: false, 1100: false, 9000: false} {
		deep := lists{}
		for range depth - 1 {
			deep = lists{deep}
		}
		text := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		for name, v := range map[string]any{
			"typed": deep, "encodes itself": ready(text), "in bytes' list": []any{ready(text[1 : len(text)-1]), []byte{1}},
			"in a struct": struct{ V lists }{deep[0]},
		} {
			out, attachments, err := parser.AppendEvent(nil, "/", 0, false, "e", []any{v})
			if (err == nil) != ok || !ok && !errors.Is(err, parser.ErrCycle) {
				t.Errorf("%s, %d levels: %v", name, depth, err)
			}
			if err != nil {
				continue
			}
			p := parser.Packet{Type: parser.Event, Namespace: "/", Data: out[bytes.IndexByte(out, '['):], Attachments: attachments}
			if len(attachments) > 0 {
				p.Type = parser.BinaryEvent
			}
			if err := p.Check(&limits); err != nil {
				t.Errorf("%s, %d levels: %v", name, depth, err)
			}
		}
	}
	wide := make([]struct{}, 5000) // has many brackets, but not one in another
	if _, _, err := parser.AppendEvent(nil, "/", 0, false, "e", []any{wide}); err != nil {
		t.Error(err)
	}
}

// TestLookalike: beside bytes nothing goes out that a client would take for
// one of them; without bytes it is data.
func TestLookalike(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	for _, test := range []struct {
		arg any
		ok  bool
	}{
		{object{"_placeholder": true, "num": 99}, false},
		{object{"_placeholder": true, "num": 0}, false},
		{object{"_placeholder": true, "num": "0"}, false},
		{object{"_placeholder": true}, false},
		{object{"_placeholder": true, "x": object{"y": []any{1}}}, false},
		{[]any{object{"x": object{"_placeholder": true, "num": -1}}}, false},
		{struct {
			P bool `json:"_placeholder"`
		}{true}, false},
		{raw(bin(0)), false},
		{raw(`{"_placeholder" : true}`), false},
		{raw(`{"\u005fplaceholder":true,"num":0}`), false},
		{raw(`{"_placeholde\u0072":true}`), false},
		{raw(`{"_placeholder":false,"_placeholder":true}`), false},
		{ready(bin(0)), false},
		{object{"_placeholder": 1, "num": 0}, false},      // true for Python and Swift
		{object{"_placeholder": "true", "num": 0}, false}, // for Java
		{object{"_placeholder": "Your name"}, true},
		{object{"_placeholder": false, "num": 0}, true},
		{object{"_placeholder": nil, "num": 0}, true},
		{object{"_placeholder": 0, "num": 0}, true},
		{object{"_placeholder": "", "num": 0}, true},
		{object{"num": 0}, true},
		{"_placeholder", true},
		{`{"_placeholder":true,"num":0}`, true},
		{[]any{"_placeholder", true, "\u0001"}, true},
		{raw(`"\u005fplaceholder"`), true},
		{object{"x_placeholder": true}, true},
	} {
		name := fmt.Sprintf("%T %v", test.arg, test.arg)
		for _, args := range [][]any{
			{test.arg, []byte("b")}, {[]byte("b"), test.arg}, {object{"a": []byte("b"), "z": test.arg}}, {[]any{test.arg, [][]byte{{}, {}}}},
		} {
			text, attachments, err := parser.AppendEvent([]byte("x"), "/a[b", 0, false, "e", args)
			if !test.ok {
				if !errors.Is(err, parser.ErrLookalike) || string(text) != "x" || attachments != nil {
					t.Errorf("%s: %s, %v", name, text, err)
				}
				continue
			}
			var d parser.Decoder
			if _, _, e := d.Text(text[1:]); err != nil || e != nil || d.Pending() != len(attachments) {
				t.Errorf("%s: %s, %v, %v", name, text, err, e)
			}
		}
		if text, _, err := parser.AppendEvent(nil, "/", 0, false, "e", []any{test.arg}); err != nil || text[0] != '2' {
			t.Errorf("%s alone: %s, %v", name, text, err)
		}
	}
	if _, _, err := parser.AppendAck(nil, "/", 0, []any{raw(bin(0)), []byte("b")}); !errors.Is(err, parser.ErrLookalike) {
		t.Errorf("ack: %v", err)
	}
}

// The structs of TestStructs: what encoding/json makes of embedded ones.
type (
	hidden struct {
		Data []byte
		Name string
		note []byte
	}
	Shown  struct{ Data, Other []byte }
	deeper struct{ *hidden }
	ring   struct {
		*ring
		Data []byte
	}
	twin    struct{ Same []byte }
	twin2   struct{ Same []byte }
	private struct {
		set  bool
		Data []byte
	}
	byAddress struct{ Data []byte }
	payload   []byte
)

func (p private) IsZero() bool { return !p.set }

func (*byAddress) MarshalJSON() ([]byte, error) { return []byte(`"own"`), nil }

// zeroData is zero when it is empty, which a pointer's method tells.
type zeroData struct{ Data []byte }

func (z *zeroData) IsZero() bool { return len(z.Data) == 0 }

// TestStructs: the text is that of encoding/json, with placeholders where that has
// base64, and not one []byte is left out or goes as base64.
func TestStructs(t *testing.T) {
	t.Parallel()
	a, b, empty := []byte("aaaa"), []byte("bbbb"), []byte{}
	self := &ring{Data: a}
	self.ring = self
	same := &hidden{a, "n", b}
	for name, v := range map[string]any{
		"embedded":         struct{ hidden }{hidden{a, "n", b}},
		"embedded pointer": struct{ *hidden }{&hidden{a, "n", b}},
		"embedded pointer beside bytes": struct {
			*hidden
			More []byte
		}{&hidden{a, "n", b}, b},
		"nil embedded pointer": struct {
			*hidden
			More []byte
		}{nil, b},
		"embedded twice over":       struct{ deeper }{deeper{&hidden{a, "n", b}}},
		"embedded pointer to that":  struct{ *deeper }{&deeper{&hidden{a, "n", b}}},
		"exported embedded pointer": struct{ *Shown }{&Shown{a, b}},
		"embedded with a name": struct {
			hidden `json:"h"`
		}{hidden{a, "n", b}},
		"embedded pointer of a name": struct {
			*hidden `json:"h"`
		}{&hidden{a, "n", b}},
		"pointer to embedded": &struct {
			hidden `json:"h"`
		}{hidden{a, "n", b}},
		"a name that is none": struct {
			*hidden `json:"\\"` //nolint:staticcheck // the case
		}{&hidden{a, "n", b}},
		"left out": struct {
			*hidden `json:"-"`
		}{&hidden{a, "n", b}},
		"a dash": struct {
			Data []byte `json:"-,"`
		}{a},
		"shadowed": struct {
			*hidden
			Data string
		}{&hidden{a, "n", b}, "outer"},
		"shadowed by a tag": struct {
			hidden
			Mine []byte `json:"Data"`
		}{hidden{a, "n", b}, b},
		"ambiguous": struct {
			twin
			twin2
			More []byte
		}{twin{a}, twin2{b}, a},
		"a ring that nobody sees": self,
		"shared":                  []any{struct{ *hidden }{same}, struct{ *hidden }{same}},
		"omitempty": struct {
			A []byte  `json:",omitempty"`
			B []byte  `json:",omitempty"`
			C *[]byte `json:",omitempty"`
			D any     `json:",omitempty"`
			E []byte  `json:",string,omitempty"` //nolint:staticcheck // the case
		}{nil, empty, &empty, empty, empty},
		"omitzero": struct {
			A []byte   `json:",omitzero"`
			B []byte   `json:",omitzero"`
			C private  `json:",omitzero"`
			D private  `json:",omitzero"`
			E *private `json:",omitzero"`
		}{nil, empty, private{false, a}, private{true, a}, &private{false, a}},
		"omitzero by address": struct {
			Z, Y zeroData `json:",omitzero"`
		}{zeroData{a}, zeroData{b}},
		"omitzero of a pointer": struct {
			Z *zeroData `json:"z,omitzero"`
			Y *zeroData `json:"y,omitzero"`
		}{&zeroData{empty}, &zeroData{a}},
		"omitzero of an interface": struct {
			Z interface{ IsZero() bool } `json:"z,omitzero"`
		}{&zeroData{empty}},
		"omitzero and empty": struct {
			Z zeroData `json:"z,omitzero"`
		}{zeroData{empty}},
		"keys":                      map[label][]byte{"k": a, "b": nil},
		"integer keys":              map[int]any{2: a, 10: b},
		"by address, not to be had": byAddress{a},
		"by address, in a map":      map[string]byAddress{"k": {a}},
		"by address":                &byAddress{a},
		"by address, in a slice":    []byAddress{{a}},
		"by address, in an any":     []any{byAddress{a}, &byAddress{a}, []byte("cccc")},
		"by address, in a struct":   struct{ A byAddress }{byAddress{a}},
		"by address, behind one": &struct {
			A byAddress
			B []byte
		}{byAddress{a}, b},
		"arrays":      [2]any{[2]byte{1, 2}, [1][]byte{a}},
		"named bytes": []any{payload(a), a},
		"pointers":    []any{&a, ptr(&a), (*[]byte)(nil)},
		"interfaces":  []any{any(a), []any{nil, map[string]any{"x": &struct{ V any }{a}}}},
	} {
		text, attachments, err := parser.AppendEvent(nil, "/", 0, false, "e", []any{v})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		plain, err := json.Marshal(v)
		if err != nil {
			t.Fatal(name, err)
		}
		// The same, with base64 where bytes are, but for named ones.
		got := text[bytes.IndexByte(text, ',')+1 : len(text)-1]
		for i, data := range attachments {
			encoded, _ := json.Marshal(data)
			got = bytes.Replace(got, []byte(bin(i)), encoded, 1)
		}
		if string(got) != string(plain) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, plain)
		}
		left := 0
		for _, base64 := range []string{`"YWFhYQ=="`, `"YmJiYg=="`, `""`} {
			left += bytes.Count(text, []byte(base64))
		}
		if want := strings.Count(name, "named bytes"); left != want {
			t.Errorf("%s: %d go as base64: %s", name, left, text)
		}
	}
	if !reflect.DeepEqual(same, &hidden{a, "n", b}) || self.ring != self {
		t.Error("a value was changed")
	}
}

// TestEmbeddedComesBack: bytes of an embedded struct that is there are filled in.
func TestEmbeddedComesBack(t *testing.T) {
	t.Parallel()
	type wrapper struct{ *hidden }
	dst := wrapper{&hidden{}}
	if err := parser.Unmarshal([]byte(`{"Data":`+bin(0)+`}`), [][]byte{[]byte("a")}, &dst); err != nil || string(dst.Data) != "a" {
		t.Errorf("%q, %v", dst.Data, err)
	}
}
