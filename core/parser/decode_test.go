package parser_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/parser"
)

// vectors reads the lines of a file in testdata, split at the bars.
func vectors(t testing.TB, name string, fields int) [][]string {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines [][]string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if strings.HasPrefix(sc.Text(), "#") {
			continue
		}
		line := strings.Split(sc.Text(), "|")
		if len(line) != fields {
			t.Fatalf("%s: %q has %d fields, want %d", name, sc.Text(), len(line), fields)
		}
		lines = append(lines, line)
	}
	return lines
}

// decode feeds a text and as many one-byte attachments as it asks for.
func decode(d *parser.Decoder, text string) (parser.Packet, error) {
	p, done, err := d.Text([]byte(text))
	for i := 0; !done && err == nil; i++ {
		p, done, err = d.Binary([]byte{byte(i)})
	}
	return p, err
}

func TestDecodeAccepts(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "accept.txt", 6) {
		var d parser.Decoder
		p, err := decode(&d, v[0])
		if err != nil {
			t.Errorf("%s: %v", v[0], err)
			continue
		}
		id, data := "-", "-"
		if p.HasID {
			id = strconv.FormatUint(p.ID, 10)
		}
		if p.Data != nil {
			data = string(p.Data)
		}
		got := []string{v[0], p.Type.String(), p.Namespace, id, data, strconv.Itoa(len(p.Attachments))}
		if !slices.Equal(got, v) {
			t.Errorf("decoded %q, want %q", got, v)
		}
		for i, a := range p.Attachments {
			if len(a) != 1 || a[0] != byte(i) {
				t.Errorf("%s: attachment %d is %v", v[0], i, a)
			}
		}
	}
}

// TestDecodeLineBreaks: some clients end each message with one.
func TestDecodeLineBreaks(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n", "\r\n", " \t\r\n"} {
		for _, text := range []string{"0", "0/chat,", `0{"a":1}`, "1", "1/chat,", `2["a"]`, `27["a"]`, "37", "37[1]"} {
			var d parser.Decoder
			want, err := decode(&d, text)
			got, err2 := decode(&d, text+end)
			got.Data = bytes.TrimRight(got.Data, end)
			if err != nil || err2 != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%q: decoded %+v, error %v; want %+v, error %v", text+end, got, err2, want, err)
			}
		}
	}
}

func TestDecodeRejects(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "reject.txt", 2) {
		var d parser.Decoder
		if p, err := decode(&d, v[0]); err == nil || err.Error() != v[1] {
			t.Errorf("%q: decoded %+v, error %v, want %s", v[0], p, err, v[1])
		}
		if d.Pending() != 0 || d.PendingBytes() != 0 {
			t.Errorf("%q: something is pending after the error", v[0])
		}
	}
}

// Every cut of every vector either is refused or stands for a shorter packet
// that is itself complete: a payload never survives being cut.
func TestDecodeCuts(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "accept.txt", 6) {
		for n := range len(v[0]) {
			cut := v[0][:n]
			var d parser.Decoder
			p, err := decode(&d, cut)
			if err != nil || p.Data == nil {
				continue
			}
			if whole := strings.TrimRight(v[0], " "); cut != whole {
				t.Errorf("%q, a cut of %q, was accepted as %+v", cut, v[0], p)
			}
		}
	}
	for _, v := range vectors(t, "reject.txt", 2) {
		for n := range len(v[0]) {
			var d parser.Decoder
			decode(&d, v[0][:n]) // must not panic
		}
	}
}

func TestDecodeLimits(t *testing.T) {
	t.Parallel()
	deep := func(n int) string {
		return `2["a"` + "," + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "]"
	}
	name := func(n int) string { return `2["` + strings.Repeat("n", n) + `"]` }
	escaped := func(n int) string { return `2["` + strings.Repeat(`\u006e`, n) + `"]` }
	number := func(n int) string { return "2[" + strings.Repeat("1", n) + "]" }
	nsp := func(n int) string { return "0/" + strings.Repeat("n", n-1) + "," }
	count := func(n int) string {
		text := fmt.Sprintf(`5%d-["a"`, n)
		for i := range n {
			text += "," + bin(i)
		}
		return text + "]"
	}
	total := func(n int) string { return `2["` + strings.Repeat("n", n-5) + `"]` }
	objects := func(n int) string {
		return `2["a",` + strings.Repeat(`{"a":`, n-1) + "1" + strings.Repeat("}", n-1) + "]"
	}
	long := &parser.Limits{EventName: -1}
	off := &parser.Limits{Attachments: -1, Depth: -1, EventName: -1, Namespace: -1, Total: -1}
	tests := []struct {
		name   string
		text   func(int) string
		limits *parser.Limits
		max    int
		err    error
	}{
		{"depth", deep, nil, 128, parser.ErrTooDeep},
		{"depth of objects", objects, nil, 128, parser.ErrTooDeep},
		{"depth 3", deep, &parser.Limits{Depth: 3}, 3, parser.ErrTooDeep},
		{"depth 300", deep, &parser.Limits{Depth: 300}, 300, parser.ErrTooDeep},
		{"event name", name, nil, 256, parser.ErrEventNameTooLong},
		{"escaped event name", escaped, nil, 256, parser.ErrEventNameTooLong},
		{"numeric event name", number, nil, 256, parser.ErrEventNameTooLong},
		{"namespace", nsp, nil, 512, parser.ErrNamespaceTooLong},
		{"namespace 5", nsp, &parser.Limits{Namespace: 5}, 5, parser.ErrNamespaceTooLong},
		{"attachments", count, nil, 10, parser.ErrTooManyAttachments},
		{"attachments 2", count, &parser.Limits{Attachments: 2}, 2, parser.ErrTooManyAttachments},
		{"no limit of attachments", count, off, 999, parser.ErrAttachmentCount},
		{"total", total, long, 1_000_000, parser.ErrTooLarge},
	}
	for _, tt := range tests {
		for _, n := range []int{tt.max - 1, tt.max} {
			d := parser.Decoder{Limits: tt.limits}
			if _, err := decode(&d, tt.text(n)); err != nil {
				t.Errorf("%s: %d: %v", tt.name, n, err)
			}
		}
		d := parser.Decoder{Limits: tt.limits}
		if _, err := decode(&d, tt.text(tt.max+1)); !errors.Is(err, tt.err) {
			t.Errorf("%s: %d: got %v, want %v", tt.name, tt.max+1, err, tt.err)
		}
	}
	d := parser.Decoder{Limits: off}
	for _, text := range []string{deep(400_000), objects(100_000), name(2_000_000), nsp(10_000)} {
		if _, err := decode(&d, text); err != nil {
			t.Errorf("no limits: %d bytes: %v", len(text), err)
		}
	}
}

func TestDecodeTotalOfAttachments(t *testing.T) {
	t.Parallel()
	text := `52-["a",` + bin(0) + "," + bin(1) + "]"
	for size, want := range map[int]error{99: nil, 100: nil, 101: parser.ErrTooLarge} {
		d := parser.Decoder{Limits: &parser.Limits{Total: 100}}
		if _, _, err := d.Text([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, done, err := d.Binary(make([]byte, 50)); done || err != nil {
			t.Fatalf("first attachment: %v, %v", done, err)
		}
		if got := d.PendingBytes(); got != int64(len(text)+50) || d.Pending() != 1 {
			t.Errorf("pending %d attachments, %d bytes", d.Pending(), got)
		}
		_, done, err := d.Binary(make([]byte, size-50))
		if !errors.Is(err, want) || done != (want == nil) || d.PendingBytes() != 0 {
			t.Errorf("%d bytes: done %v, error %v, want %v", size, done, err, want)
		}
	}
}

func TestDecodeOrder(t *testing.T) {
	t.Parallel()
	var d parser.Decoder
	if _, _, err := d.Binary([]byte("x")); !errors.Is(err, parser.ErrUnexpectedBinary) {
		t.Errorf("bytes first: %v", err)
	}
	if _, done, err := d.Text([]byte(`51-["a",` + bin(0) + "]")); done || err != nil {
		t.Fatalf("header: %v, %v", done, err)
	}
	if _, _, err := d.Text([]byte(`2["b"]`)); !errors.Is(err, parser.ErrMissingAttachments) {
		t.Errorf("text between: %v", err)
	}
	if _, _, err := d.Binary([]byte("x")); !errors.Is(err, parser.ErrUnexpectedBinary) {
		t.Errorf("bytes after the error: %v", err)
	}
}

// The input belongs to the caller again after each call.
func TestDecodeCopiesWhatItKeeps(t *testing.T) {
	t.Parallel()
	var d parser.Decoder
	text, one, two := []byte(`52-/x,["a",`+bin(0)+","+bin(1)+"]"), []byte("one"), []byte{}
	d.Text(text)
	clear(text)
	d.Binary(one)
	clear(one)
	p, done, err := d.Binary(two)
	if !done || err != nil {
		t.Fatal(done, err)
	}
	if p.Namespace != "/x" || string(p.Data) != `["a",`+bin(0)+","+bin(1)+"]" || string(p.Attachments[0]) != "one" || p.Attachments[1] == nil {
		t.Errorf("got %+v", p)
	}
}

func TestEventAndArgs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text, name string
		args       []string
	}{
		{`2["a"]`, "a", nil},
		{`2[""]`, "", nil},
		{`2["a\n\"b\u00e9\ud800"]`, "a\n\"bé\uFFFD", nil},
		{`2[1.50,2]`, "1.50", []string{"2"}},
		{`2[ "a" , 1 , "b\\\"],[" , {"c":"}","d":[1,{}]} , [[],"]"] , null ] `, "a",
			[]string{"1", `"b\\\"],["`, `{"c":"}","d":[1,{}]}`, `[[],"]"]`, "null"}},
		{`3`, "", nil},
		{`3[]`, "", nil},
		{`3["x",-1e3,true]`, "", []string{`"x"`, "-1e3", "true"}},
		{`0{"a":1}`, "", nil},
		{`4"x"`, "", nil},
	}
	for _, tt := range tests {
		var d parser.Decoder
		p, err := decode(&d, tt.text)
		if err != nil {
			t.Fatalf("%s: %v", tt.text, err)
		}
		if p.Event() != tt.name || string(p.EventName()) != tt.name {
			t.Errorf("%s: name %q, want %q", tt.text, p.Event(), tt.name)
		}
		var args []string
		for _, raw := range p.AppendArgs(nil) {
			args = append(args, string(raw))
		}
		if !slices.Equal(args, tt.args) {
			t.Errorf("%s: arguments %q, want %q", tt.text, args, tt.args)
		}
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	want := []string{"connect", "disconnect", "event", "ack", "connect_error", "binary_event", "binary_ack", "unknown"}
	for i, name := range want {
		typ := parser.Type(i)
		if typ.String() != name {
			t.Errorf("%d is %q, want %q", i, typ, name)
		}
		if typ.IsBinary() != strings.HasPrefix(name, "binary") || typ.IsEvent() != strings.HasSuffix(name, "event") ||
			typ.IsAck() != strings.HasSuffix(name, "ack") {
			t.Errorf("%s is in the wrong family", name)
		}
	}
}

// A packet without bytes in flight allocates nothing.
func TestDecodeAllocates(t *testing.T) {
	var d parser.Decoder
	for _, text := range []string{`2["echo","hello"]`, `2/chat,17["a",{"b":[1,2]}]`, `40`, `31[]`} {
		src := []byte(text)
		var args [4][]byte
		got := testing.AllocsPerRun(100, func() {
			p, _, err := d.Text(src)
			if err != nil {
				return
			}
			_ = p.EventName()
			_ = p.AppendArgs(args[:0])
		})
		if got != 0 {
			t.Errorf("%s: %v allocations", text, got)
		}
	}
}
