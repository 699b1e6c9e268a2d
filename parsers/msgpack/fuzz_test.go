package msgpack_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/parser"
	"github.com/gosio/gosio/parsers/msgpack"
)

// What decodes is valid, and is the same when it is encoded and decoded again.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.message)
	}
	for _, args := range []string{"c1", "ddffffffff", "dfffffffff", "dbffffffff", "c6ffffffff", "c9ffffffff00", "8301c0ccffc0e0c0", "d7007fffffffffffffff"} {
		f.Add(unhex(f, event(args, 1)))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		p, _, err := msgpack.Parser{}.NewDecoder(nil).Decode(message, true)
		if err != nil {
			return
		}
		if p.Data != nil && !json.Valid(p.Data) {
			t.Fatalf("%x: invalid JSON: %s", message, p.Data)
		}
		if p.Check(nil) != nil {
			return
		}
		p.Data = bytes.Clone(p.Data)
		again, err := decode(encode(t, &p), nil)
		if err != nil {
			t.Fatalf("%x: %s: %v", message, standard(&p), err)
		}
		if p.Type == parser.Ack && p.Data == nil {
			p.Data = []byte("[]")
		}
		if !reflect.DeepEqual(p, again) {
			t.Errorf("%x: %s, then %s", message, standard(&p), standard(&again))
		}
	})
}

// decode(encode(p)) is p, for what a server sends.
func FuzzRoundTrip(f *testing.F) {
	f.Add("/", "e", `{"a":[1,-2.5e-7,"é\ud83d\ude00\n",null,true]}`, []byte(nil), uint64(0), false)
	f.Add("/a", "x y", `[[],{},"",0,-0,18446744073709551615,-9223372036854775808,1e21,1e400]`, []byte{1, 2}, uint64(7), true)
	f.Add("/", "", `{"_placeholder":true,"num":0}`, []byte(nil), uint64(1<<53-1), true)
	f.Add("/", "e", ` {"\u005fplaceholder" : true , "num":0 , "a":"\ud83d"} `, []byte(nil), uint64(0), false)
	f.Fuzz(func(t *testing.T, namespace, name, arg string, attachment []byte, id uint64, hasID bool) {
		args := []any{json.RawMessage(arg)}
		if attachment != nil {
			if strings.Contains(arg, "placeholder") || strings.Contains(arg, `\u`) {
				return // raw JSON must not have one beside an attachment: see core/parser
			}
			args = append(args, attachment)
		}
		text, attachments, err := parser.AppendEvent(nil, namespace, id, hasID, name, args)
		if err != nil {
			return
		}
		var d parser.Decoder
		p, done, err := d.Text(text)
		for i := 0; err == nil && !done && i < len(attachments); i++ {
			p, done, err = d.Binary(attachments[i])
		}
		if err != nil || p.Check(nil) != nil {
			return
		}
		got, err := decode(encode(t, &p), nil)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want, same := value(t, p.Data), value(t, got.Data)
		p.Data, got.Data = nil, nil
		if !reflect.DeepEqual(p, got) || !reflect.DeepEqual(want, same) {
			t.Errorf("%s: %+v %+v, then %+v %+v", text, p, want, got, same)
		}
	})
}

// value is what a handler would see. Numbers that no float64 holds are null, as
// on their way through MessagePack.
func value(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return floats(v)
}

func floats(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return nil
		}
		return f
	case []any:
		for i := range v {
			v[i] = floats(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = floats(v[key])
		}
	}
	return v
}
