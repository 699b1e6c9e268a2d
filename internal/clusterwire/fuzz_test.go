package clusterwire_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/gosio/gosio/internal/clusterwire"
	"github.com/gosio/gosio/internal/msgjson"
)

// check is what holds for whatever has been decoded.
func check(t *testing.T, m *clusterwire.Message) {
	t.Helper()
	if d := m.Packet.Data; d != nil {
		if !json.Valid(d) || d[0] != '[' {
			t.Fatalf("data is %q", d)
		}
		if n := bytes.Count(d, []byte(msgjson.Placeholder)); n != len(m.Packet.Attachments) && len(m.Packet.Attachments) > 0 {
			t.Fatalf("%q has %d attachments", d, len(m.Packet.Attachments))
		}
	}
	for _, s := range m.Sockets {
		for _, raw := range [][]byte{s.Handshake, s.Data} {
			if raw != nil && !json.Valid(raw) {
				t.Fatalf("a socket has %q", raw)
			}
		}
	}
}

// again decodes what has been decoded and encoded: it must be the same.
func again(t *testing.T, m *clusterwire.Message, b []byte, decode func([]byte, *clusterwire.Limits) (*clusterwire.Message, error)) {
	t.Helper()
	check(t, m)
	got, err := decode(b, &clusterwire.Limits{Depth: 2000})
	if err != nil {
		t.Fatalf("%q of %+v: %v", b, m, err)
	}
	normal(m)
	normal(got)
	if !reflect.DeepEqual(got, m) {
		t.Errorf("%+v, then %+v", m, got)
	}
}

// normal drops what can be written in several ways, or is lost.
func normal(m *clusterwire.Message) {
	m.Packet.Data = canonical(m.Packet.Data)
	m.Target.Timeout = 0 // in whole milliseconds
	if m.Type != clusterwire.Broadcast {
		m.Target.Volatile, m.Target.NoCompress = false, false // of events; classic requests have no flags
		m.Target.Newest = 0
	}
	if m.Target.Newest == 0 {
		m.Target.Key = ""
	}
	for i := range m.Sockets {
		s := &m.Sockets[i]
		s.Handshake, s.Data = canonical(s.Handshake), canonical(s.Data)
		if len(s.Rooms) == 0 {
			s.Rooms = nil
		}
	}
}

// canonical is JSON with its members in order: MessagePack has numbers of other
// precision, and strings that are UTF-8.
func canonical(raw []byte) []byte {
	var v any
	if raw == nil || json.Unmarshal(raw, &v) != nil {
		return nil // a number that is too large
	}
	b, _ := json.Marshal(v)
	return b
}

func fuzz(f *testing.F, name string) {
	f.Helper()
	for _, v := range vectors(f) {
		if v.Form == name {
			f.Add(v.bytes(f))
		}
	}
	for _, m := range hostile {
		f.Add(m.bytes())
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		m, err := forms[name].decode(src, nil)
		if err != nil {
			return
		}
		if m.SocketID != "" {
			return // the form of older servers is only read
		}
		b, err := forms[name].encode[0](m)
		if m.Type == clusterwire.ListSockets {
			return // so is that
		}
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		again(t, m, b, forms[name].decode)
	})
}

func FuzzClassicBroadcast(f *testing.F) { fuzz(f, "classic broadcast") }
func FuzzClassicRequest(f *testing.F)   { fuzz(f, "classic request") }
func FuzzClassicResponse(f *testing.F)  { fuzz(f, "classic response") }
func FuzzEnvelope(f *testing.F)         { fuzz(f, "envelope") }

func FuzzEntry(f *testing.F) {
	for _, v := range vectors(f) {
		if v.Form == "entry" {
			e := v.entry(f)
			f.Add(e.Type, e.Data)
		}
	}
	f.Add("3", "eyJh")
	f.Add("13", "")
	f.Add("8", "gqlyZXF1ZXN0SWShYadzb2NrZXRzkYGkZGF0YcQA")
	f.Add("gosio-gap", "")
	f.Add("gosio-begin", "")
	f.Add("gosio-7", `{"opts":{"rooms":["a"],"except":[],"flags":{}},"requestId":"r"}`)
	f.Add("gosio-gosio-7", `{"opts":{"rooms":["a"],"except":[],"flags":{}},"requestId":"r"}`)
	f.Add("gosio-3", `{"packet":{"type":2,"data":["e"]},"opts":{"rooms":[],"except":[]},"requestId":"r"}`)
	f.Fuzz(func(t *testing.T, typ, data string) {
		e := clusterwire.Entry{UID: "u", Namespace: "/", Type: typ, Data: data}
		m, err := e.Decode(nil)
		if err != nil {
			return
		}
		out, err := m.Entry()
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		again(t, m, nil, func(_ []byte, l *clusterwire.Limits) (*clusterwire.Message, error) { return out.Decode(l) })
	})
}

func FuzzPlace(f *testing.F) {
	for _, text := range []string{"", "1 0 0 0", "17 5 1 5000", "18446744073709551615 18446744073709551615 1 1099511627775", "0 0 0 0", "1 1 2 0", "1 1 1 1 1", "1 1 1", "+1 1 1 1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := clusterwire.ParsePlace(text)
		if err != nil || p.Number == 0 {
			return
		}
		again, err := clusterwire.ParsePlace(p.String())
		if err != nil || again != p {
			t.Errorf("%+v, then %+v: %v", p, again, err)
		}
	})
}

func FuzzSession(f *testing.F) {
	for _, v := range vectors(f) {
		if v.Form == "session" {
			f.Add(string(v.bytes(f)))
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		s, err := clusterwire.DecodeSession(value, nil)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		got, err := clusterwire.DecodeSession(again, nil)
		if err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		s.Data, got.Data = canonical(s.Data), canonical(got.Data)
		if !reflect.DeepEqual(got, s) {
			t.Errorf("%+v, then %+v", s, got)
		}
	})
}
