package parser_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/gosio/gosio/core/parser"
)

// What decodes is what its own encoding decodes to.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f, "accept.txt", 6) {
		f.Add([]byte(v[0]))
	}
	for _, v := range vectors(f, "reject.txt", 2) {
		f.Add([]byte(v[0]))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		var d parser.Decoder
		p, err := decode(&d, string(src))
		if err != nil {
			return
		}
		if p.Data != nil && !json.Valid(p.Data) {
			t.Fatalf("%q: accepted invalid JSON", src)
		}
		text := p.Append(nil)
		again, err := decode(&d, string(text))
		if err != nil {
			t.Fatalf("%q: encoded as %q: %v", src, text, err)
		}
		if !reflect.DeepEqual(p, again) {
			t.Errorf("%q: encoded as %q, which is %+v, not %+v", src, text, again, p)
		}
		checkArgs(t, &p)
	})
}

// checkArgs compares the accessors with encoding/json.
func checkArgs(t *testing.T, p *parser.Packet) {
	t.Helper()
	args := p.AppendArgs(nil)
	if p.Data == nil || !p.Type.IsEvent() && !p.Type.IsAck() {
		if len(args) != 0 {
			t.Errorf("%+v has arguments %q", p, args)
		}
		return
	}
	var want []json.RawMessage
	if err := json.Unmarshal(p.Data, &want); err != nil {
		t.Fatal(err)
	}
	if p.Type.IsEvent() {
		name := string(want[0])
		if name[0] == '"' && utf8.Valid(want[0]) {
			_ = json.Unmarshal(want[0], &name)
		} else if name[0] == '"' {
			name = p.Event()
		}
		if p.Event() != name {
			t.Errorf("%q: name %q, want %q", p.Data, p.Event(), name)
		}
		want = want[1:]
	}
	if len(args) != len(want) {
		t.Fatalf("%q: %d arguments, want %d", p.Data, len(args), len(want))
	}
	for i := range args {
		if !bytes.Equal(args[i], want[i]) {
			t.Errorf("%q: argument %d is %q, want %q", p.Data, i, args[i], want[i])
		}
	}
}

// The scanner and encoding/json agree on what JSON is, up to the depth limit.
func FuzzScan(f *testing.F) {
	for _, s := range []string{`[]`, `[{"a":[1,-0.5e+7,"\u00e9\\\"x",null,true,false]}]`, `[1,]`, `["` + "\x01" + `"]`, `[[[]]]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) == 0 || src[0] != '[' {
			return
		}
		d := parser.Decoder{Limits: &parser.Limits{Total: -1, Depth: 9000}}
		_, done, err := d.Text(append([]byte{'3'}, src...))
		if errors.Is(err, parser.ErrTooDeep) {
			return
		}
		if valid := json.Valid(src); valid != done {
			t.Errorf("%q: json.Valid is %v, the decoder says %v", src, valid, err)
		}
	})
}

// Without attachments Unmarshal does what encoding/json does; with them it does
// not panic, and no mark is left in what it returns.
func FuzzUnmarshal(f *testing.F) {
	for _, s := range []string{
		`"x"`, `"\ud800"`, `-0`, `12`, `1e3`, `true`, `null`, `"AQI="`, `[1,"x",{"a":null}]`, bin(0), bin(1),
		`{"Name":"x","Bytes":` + bin(0) + `,"Any":[` + bin(1) + `],"Next":{"Blob":"AQ=="}}`,
		`{"_placeholder":true,"num":0,"x":` + bin(1) + `}`, `{`, ``,
	} {
		f.Add([]byte(s))
	}
	targets := []func() any{
		func() any { return new(string) }, func() any { return new(int) }, func() any { return new(int64) },
		func() any { return new(float64) }, func() any { return new(bool) }, func() any { return new(json.RawMessage) },
		func() any { return new([]byte) }, func() any { return new(any) }, func() any { return new(outer) },
		func() any { return new(map[string]any) }, func() any { return new([][]byte) }, func() any { return new(blob) },
		func() any { return new(*custom) },
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) || len(raw) != len(bytes.TrimSpace(raw)) {
			for _, target := range targets {
				_ = parser.Unmarshal(raw, [][]byte{{1}, {2}}, target())
			}
			return
		}
		for _, target := range targets {
			got, want := target(), target()
			err, wantErr := parser.Unmarshal(raw, nil, got), json.Unmarshal(raw, want)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%q into %T: %v, want %v", raw, got, err, wantErr)
			}
			if err == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("%q into %T: %#v, want %#v", raw, got, got, want)
			}
			_ = parser.Unmarshal(raw, [][]byte{{1}, {2}}, target())
		}
	})
}

// What is encoded decodes to the same arguments.
func FuzzAppendEvent(f *testing.F) {
	f.Add("e", "/n", uint64(7), "text", []byte("bytes"), 1.5)
	f.Add("\xff\"\\", "/", uint64(0), "\u2028\x00<", []byte{}, math.Copysign(0, -1))
	f.Fuzz(func(t *testing.T, name, namespace string, id uint64, s string, b []byte, x float64) {
		if namespace == "" || namespace[0] != '/' || bytes.ContainsRune([]byte(namespace), ',') || id > 1<<53-1 {
			return
		}
		args := []any{s, x, map[string]any{"s": s, "b": b, "l": []any{b, x}}}
		text, attachments, err := parser.AppendEvent(nil, namespace, id, true, name, args)
		if err != nil {
			return
		}
		d := parser.Decoder{Limits: &parser.Limits{EventName: -1, Namespace: -1, Total: -1}}
		p, done, err := d.Text(text)
		for _, a := range attachments {
			p, done, err = d.Binary(a)
		}
		if !done || err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if p.Namespace != namespace || p.ID != id || p.Event() != string(bytes.ToValidUTF8([]byte(name), nil)) && utf8.ValidString(name) {
			t.Fatalf("%q decoded to %+v", text, p)
		}
		got := make([]any, 3)
		for i, raw := range p.AppendArgs(nil) {
			if err := parser.Unmarshal(raw, p.Attachments, &got[i]); err != nil {
				t.Fatal(err)
			}
		}
		if utf8.ValidString(s) && b != nil && !reflect.DeepEqual(got, args) {
			t.Errorf("%q decoded to %#v, want %#v", text, got, args)
		}
	})
}
