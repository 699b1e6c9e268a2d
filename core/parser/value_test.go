package parser_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gosio/gosio/core/parser"
)

type blob []byte

type custom struct{ B []byte }

func (custom) MarshalJSON() ([]byte, error) { return []byte(`"custom"`), nil }

type base struct{ Raw []byte }

type inner struct {
	Name  string
	Bytes []byte
}

type outer struct {
	base
	In      inner
	Ptr     *inner
	Any     any
	List    [][]byte
	Map     map[string][]byte
	Array   [2][]byte
	Hidden  []byte `json:"-"`
	Omitted []byte `json:",omitempty"`
	Blob    blob   `json:",omitempty"`
	Next    *outer `json:",omitempty"`
}

func ptr[T any](v T) *T { return &v }

func bin(i int) string { return fmt.Sprintf(`{"_placeholder":true,"num":%d}`, i) }

func TestAppendEvent(t *testing.T) {
	t.Parallel()
	a, b := []byte{1, 2}, []byte{}
	tests := []struct {
		arg         any
		want        string
		attachments [][]byte
	}{
		{nil, "null", nil},
		{true, "true", nil},
		{-7, "-7", nil},
		{int64(math.MinInt64), "-9223372036854775808", nil},
		{uint64(math.MaxUint64), "18446744073709551615", nil},
		{int32(-5), "-5", nil},
		{uint32(5), "5", nil},
		{uint(5), "5", nil},
		{int8(5), "5", nil},
		{1.5, "1.5", nil},
		{1e21, "1e+21", nil},
		{1e-7, "1e-7", nil},
		{100000.0, "100000", nil},
		{float32(0.1), "0.1", nil},
		{"a<b>&\"\\\n\r\t\b\f\x01é\u2028", `"a<b>&\"\\\n\r\t\b\f\u0001é` + "\u2028" + `"`, nil},
		{"bad \xff utf-8", "\"bad \uFFFD utf-8\"", nil},
		{[]string{"<"}, `["<"]`, nil},
		{map[string]int{"b": 2, "a": 1}, `{"a":1,"b":2}`, nil},
		{json.RawMessage(`{"x": 1}`), `{"x": 1}`, nil},
		{json.RawMessage(nil), "null", nil},
		{time.Unix(0, 0).UTC(), `"1970-01-01T00:00:00Z"`, nil},
		{blob{1, 2}, `"AQI="`, nil},
		{[2]byte{1, 2}, `[1,2]`, nil},
		{custom{a}, `"custom"`, nil},
		{map[string]any{"c": custom{a}, "n": 1}, `{"c":"custom","n":1}`, nil},
		{a, bin(0), [][]byte{a}},
		{b, bin(0), [][]byte{b}},
		{[]byte(nil), "null", nil},
		{&a, bin(0), [][]byte{a}},
		{[]any{1, a, "x", []any{a}}, `[1,` + bin(0) + `,"x",[` + bin(1) + `]]`, [][]byte{a, a}},
		{map[string]any{"z": a, "b": b}, `{"b":` + bin(0) + `,"z":` + bin(1) + `}`, [][]byte{b, a}},
		{inner{"n", a}, `{"Name":"n","Bytes":` + bin(0) + `}`, [][]byte{a}},
		{&inner{"n", nil}, `{"Name":"n","Bytes":null}`, nil},
		{
			&outer{
				base: base{a}, In: inner{"in", b}, Ptr: &inner{"p", a}, Any: []any{blob{1}, a}, List: [][]byte{nil, b},
				Map: map[string][]byte{"k": a}, Array: [2][]byte{a}, Hidden: a, Omitted: b, Blob: blob{9},
			},
			`{"Raw":` + bin(0) + `,"In":{"Name":"in","Bytes":` + bin(1) + `},"Ptr":{"Name":"p","Bytes":` + bin(2) +
				`},"Any":["AQ==",` + bin(3) + `],"List":[null,` + bin(4) + `],"Map":{"k":` + bin(5) + `},"Array":[` + bin(6) +
				`,null],"Blob":"CQ=="}`,
			[][]byte{a, b, a, a, b, a, a},
		},
	}
	for _, tt := range tests {
		before := fmt.Sprintf("%#v", tt.arg)
		out, attachments, err := parser.AppendEvent([]byte("x"), "/n", 7, true, "e", []any{tt.arg})
		if err != nil {
			t.Errorf("%T: %v", tt.arg, err)
			continue
		}
		want := "x2/n,7[\"e\"," + tt.want + "]"
		if n := len(tt.attachments); n > 0 {
			want = fmt.Sprintf("x5%d-/n,7[\"e\",%s]", n, tt.want)
		}
		if string(out) != want || !reflect.DeepEqual(attachments, tt.attachments) {
			t.Errorf("%T:\n got %s %v\nwant %s %v", tt.arg, out, attachments, want, tt.attachments)
		}
		if after := fmt.Sprintf("%#v", tt.arg); after != before {
			t.Errorf("%T was changed to %s", tt.arg, after)
		}
	}
}

func TestAppendAck(t *testing.T) {
	t.Parallel()
	a := []byte("a")
	tests := []struct {
		namespace string
		args      []any
		want      string
	}{
		{"", nil, "35[]"},
		{"/", []any{1, "x"}, `35[1,"x"]`},
		{"/n", []any{a, nil, a}, "62-/n,5[" + bin(0) + ",null," + bin(1) + "]"},
	}
	for _, tt := range tests {
		out, _, err := parser.AppendAck(nil, tt.namespace, 5, tt.args)
		if err != nil || string(out) != tt.want {
			t.Errorf("got %s, %v, want %s", out, err, tt.want)
		}
	}
}

// The caller keeps its bytes and the packet refers to them, without a copy.
func TestAttachmentsAreNotCopied(t *testing.T) {
	t.Parallel()
	a := []byte("abc")
	for _, arg := range []any{a, []any{a}, inner{Bytes: a}, map[string]any{"a": a}} {
		_, attachments, err := parser.AppendEvent(nil, "/", 0, false, "e", []any{arg})
		if err != nil || len(attachments) != 1 || &attachments[0][0] != &a[0] {
			t.Errorf("%T: %v, %v", arg, attachments, err)
		}
	}
}

func TestAppendEventFails(t *testing.T) {
	t.Parallel()
	type node struct {
		Bytes       []byte
		Left, Right *node
	}
	ring := &node{Bytes: []byte("x")}
	ring.Left, ring.Right = ring, ring
	loop := []any{nil}
	loop[0] = loop
	selfMap := map[string]any{}
	selfMap["me"] = selfMap
	deep := any([]byte("x"))
	for range 1100 {
		deep = []any{deep}
	}
	var many [11]any
	for i := range many {
		many[i] = []byte("x")
	}
	var marshal *parser.MarshalError
	tests := []struct {
		name  string
		event string
		args  []any
		is    error // nil: a *MarshalError
	}{
		{"reserved", "disconnect", nil, parser.ErrReservedEvent},
		{"11 attachments", "e", many[:], parser.ErrTooManyAttachments},
		{"11 attachments inside", "e", []any{many[:]}, parser.ErrTooManyAttachments},
		{"pointer cycle", "e", []any{ring}, parser.ErrCycle},
		{"slice cycle", "e", []any{loop}, parser.ErrCycle},
		{"map cycle", "e", []any{selfMap}, parser.ErrCycle},
		{"deep", "e", []any{deep}, parser.ErrCycle},
		{"NaN", "e", []any{math.NaN()}, nil},
		{"infinity", "e", []any{math.Inf(-1)}, nil},
		{"NaN inside", "e", []any{[]any{math.NaN(), []byte("x")}}, nil},
		{"channel", "e", []any{make(chan int)}, nil},
		{"function inside", "e", []any{map[string]any{"f": func() {}}}, nil},
		{"raw", "e", []any{json.RawMessage(`{`)}, nil},
		{"empty raw", "e", []any{json.RawMessage{}}, nil},
	}
	for _, tt := range tests {
		out, attachments, err := parser.AppendEvent([]byte("x"), "/", 0, false, tt.event, tt.args)
		if tt.is != nil && !errors.Is(err, tt.is) || tt.is == nil && !errors.As(err, &marshal) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.is)
		}
		if string(out) != "x" || attachments != nil {
			t.Errorf("%s: returned %q and %d attachments with the error", tt.name, out, len(attachments))
		}
	}
	if out, attachments, err := parser.AppendEvent(nil, "/", 0, false, "e", many[:10]); err != nil || len(attachments) != 10 ||
		!strings.HasPrefix(string(out), "510-[") {
		t.Errorf("10 attachments: %s, %v", out, err)
	}
}

// A value that is shared, but not a cycle, is no error.
func TestAppendEventShared(t *testing.T) {
	t.Parallel()
	in := &inner{"n", []byte("x")}
	_, attachments, err := parser.AppendEvent(nil, "/", 0, false, "e", []any{[]any{in, in}, map[string]any{"a": in}})
	if err != nil || len(attachments) != 3 {
		t.Errorf("%d attachments, %v", len(attachments), err)
	}
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	att := [][]byte{[]byte("zero"), {}}
	tests := []struct {
		raw  string
		dst  any
		want any
	}{
		{`"héllo"`, new(string), "héllo"},
		{`"a\n"`, new(string), "a\n"},
		{`"\ud800"`, new(string), "\uFFFD"},
		{"\"\xff\"", new(string), "\uFFFD"},
		{`null`, ptr("kept"), "kept"},
		{`12`, new(int), 12},
		{`-0`, new(int), 0},
		{`9223372036854775807`, new(int64), int64(math.MaxInt64)},
		{`-12`, new(float64), -12.0},
		{`1.5e3`, new(float64), 1500.0},
		{`true`, new(bool), true},
		{`false`, ptr(true), false},
		{`{"a": 1}`, new(json.RawMessage), json.RawMessage(`{"a": 1}`)},
		{`"x"`, new(any), "x"},
		{`7`, new(any), 7.0},
		{`false`, new(any), false},
		{`null`, ptr[any](1), nil},
		{`[1,{"a":null}]`, new(any), []any{1.0, map[string]any{"a": nil}}},
		{`"AQI="`, new([]byte), []byte{1, 2}},
		{`"AQI="`, new(blob), blob{1, 2}},
		{bin(0), new([]byte), att[0]},
		{bin(1), new([]byte), att[1]},
		{bin(0), new(any), att[0]},
		{bin(0), new(*[]byte), &att[0]},
		{bin(0), new(json.RawMessage), json.RawMessage(bin(0))},
		{`{"num":0.0,"x":1,"\u005fplaceholder":true}`, new(any), att[0]},
		{`[` + bin(0) + `,"s",` + bin(1) + `,` + bin(0) + `]`, new(any), []any{att[0], "s", att[1], att[0]}},
		{`[` + bin(0) + `,"AQI="]`, new([][]byte), [][]byte{att[0], {1, 2}}},
		{`[` + bin(0) + `]`, new([1][]byte), [1][]byte{att[0]}},
		{`{"a":{"b":` + bin(0) + `}}`, new(map[string]map[string]any), map[string]map[string]any{"a": {"b": att[0]}}},
		{`{"a":` + bin(0) + `}`, new(map[string]json.RawMessage), map[string]json.RawMessage{"a": json.RawMessage(bin(0))}},
		{`{"name":"n","bytes":` + bin(0) + `,"unknown":` + bin(1) + `}`, new(inner), inner{"n", att[0]}},
	}
	for _, tt := range tests {
		if err := parser.Unmarshal([]byte(tt.raw), att, tt.dst); err != nil {
			t.Errorf("%s into %T: %v: %v", tt.raw, tt.dst, err, errors.Unwrap(err))
			continue
		}
		if got := reflect.ValueOf(tt.dst).Elem().Interface(); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s into %T: got %#v, want %#v", tt.raw, tt.dst, got, tt.want)
		}
	}
	var b []byte
	if parser.Unmarshal([]byte(bin(0)), att, &b); &b[0] != &att[0][0] {
		t.Error("the attachment was copied")
	}
}

// A struct with bytes everywhere comes back as it was sent.
func TestUnmarshalDeep(t *testing.T) {
	t.Parallel()
	in := outer{
		base: base{[]byte("r")}, In: inner{"in", []byte("i")}, Ptr: &inner{"p", []byte("p")},
		Any: map[string]any{"k": []any{[]byte("a"), "s"}}, List: [][]byte{nil, {}}, Map: map[string][]byte{"k": []byte("m")},
		Array: [2][]byte{[]byte("0"), nil}, Next: &outer{Omitted: []byte("o")},
	}
	text, attachments, err := parser.AppendEvent(nil, "/", 0, false, "e", []any{&in})
	if err != nil {
		t.Fatal(err)
	}
	var d parser.Decoder
	p, done, err := d.Text(text)
	for _, a := range attachments {
		p, done, err = d.Binary(a)
	}
	if !done || err != nil {
		t.Fatal(done, err)
	}
	var out outer
	if err := parser.Unmarshal(p.AppendArgs(nil)[0], p.Attachments, &out); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&in, &out) {
		t.Errorf("got %+v\nwant %+v", &out, &in)
	}
}

func TestUnmarshalFails(t *testing.T) {
	t.Parallel()
	att := [][]byte{[]byte("secret-bytes")}
	tests := []struct {
		raw string
		dst any
	}{
		{`"x"`, new(int)},
		{`1.5`, new(int)},
		{`1e400`, new(float64)},
		{`99999999999999999999`, new(int64)},
		{`"x"`, nil},
		{`"x"`, ""},
		{`"x"`, (*string)(nil)},
		{bin(0), new(string)},
		{bin(0), new(blob)},
		{bin(0), new(int)},
		{bin(0), new(inner)},
		{bin(0), (*[]byte)(nil)},
		{bin(1), new([]byte)},
		{`[` + bin(0) + `]`, new([]string)},
		{`[` + bin(0) + `]`, new([]blob)},
		{`{"Name":` + bin(0) + `}`, new(inner)},
		{`{"a":` + bin(0) + `}`, new(map[string]string)},
		{`{`, new(any)},
		{``, new(any)},
		{``, new(json.RawMessage)},
	}
	for _, tt := range tests {
		err := parser.Unmarshal([]byte(tt.raw), att, tt.dst)
		var e *parser.UnmarshalError
		if !errors.As(err, &e) {
			t.Errorf("%q into %T: got %v", tt.raw, tt.dst, err)
			continue
		}
		if text := err.Error(); strings.Contains(text, "secret") || len(tt.raw) > 3 && strings.Contains(text, tt.raw) {
			t.Errorf("%q into %T: the error quotes the input: %s", tt.raw, tt.dst, text)
		}
	}
}

// Values that a destination held before, cycles among them, do no harm.
func TestUnmarshalIntoCycle(t *testing.T) {
	t.Parallel()
	type ring struct {
		Bytes []byte
		Next  *ring
		Any   any
	}
	dst := &ring{}
	dst.Next, dst.Any = dst, dst
	if err := parser.Unmarshal([]byte(`{"Bytes":`+bin(0)+`}`), [][]byte{[]byte("x")}, dst); err != nil || string(dst.Bytes) != "x" {
		t.Errorf("got %q, %v", dst.Bytes, err)
	}
}

func TestPacketAppend(t *testing.T) {
	t.Parallel()
	tests := []struct {
		packet parser.Packet
		want   string
	}{
		{parser.Packet{}, "0"},
		{parser.Packet{Namespace: "/", Data: []byte(`{"sid":"x"}`)}, `0{"sid":"x"}`},
		{parser.Packet{Namespace: "/n", Data: []byte(`{"sid":"x"}`)}, `0/n,{"sid":"x"}`},
		{parser.Packet{Type: parser.Disconnect, Namespace: "/n"}, "1/n,"},
		{parser.Packet{Type: parser.ConnectError, Data: []byte(`{"message":"m"}`)}, `4{"message":"m"}`},
		{parser.Packet{Type: parser.BinaryAck, Namespace: "/n", ID: 3, HasID: true, Data: []byte("[]"),
			Attachments: make([][]byte, 2)}, "62-/n,3[]"},
	}
	for _, tt := range tests {
		if got := tt.packet.Append(nil); !bytes.Equal(got, []byte(tt.want)) {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

func TestEncodeAllocates(t *testing.T) {
	buf, args := make([]byte, 0, 256), []any{"hello", 1, 2.5, true, nil}
	if got := testing.AllocsPerRun(100, func() {
		_, _, _ = parser.AppendEvent(buf, "/chat", 1, true, "echo", args)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
