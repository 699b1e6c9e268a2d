package clusterwire_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// vector is a line of testdata/official.jsonl, which conformance/redis/record.mjs
// has recorded from the official packages.
type vector struct {
	Name, Form, Channel, Hex string
	Fields                   json.RawMessage // of an entry
	Want                     struct {
		Type, UID, NSP, RequestID   string
		Rooms, Except, Join         []string
		Volatile, NoCompress, Close bool
		Timeout, Clients            int
		Data                        string
		Attachments                 []string
		Sockets                     []struct {
			ID              string
			Handshake, Data json.RawMessage
			Rooms           []string
		}
		SID, PID string
		Session  json.RawMessage
	}
}

var types = map[string]clusterwire.Type{
	"broadcast": clusterwire.Broadcast, "join": clusterwire.Join, "leave": clusterwire.Leave, "disconnect": clusterwire.Disconnect,
	"serverSide": clusterwire.ServerSide, "serverSideResponse": clusterwire.ServerSideResponse, "fetch": clusterwire.Fetch,
	"fetchResponse": clusterwire.FetchResponse, "clientCount": clusterwire.ClientCount, "ack": clusterwire.Ack,
	"initialHeartbeat": clusterwire.InitialHeartbeat, "heartbeat": clusterwire.Heartbeat, "closed": clusterwire.Closed,
	"listResponse": clusterwire.ListResponse, "done": clusterwire.Done,
	"allRooms": clusterwire.AllRooms, "allRoomsResponse": clusterwire.AllRoomsResponse,
}

func vectors(t testing.TB) (list []vector) {
	t.Helper()
	b, err := os.ReadFile("testdata/official.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	if len(list) < 150 {
		t.Fatalf("%d vectors: have they gone?", len(list))
	}
	return list
}

func (v *vector) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (v *vector) entry(t testing.TB) *clusterwire.Entry {
	t.Helper()
	var fields struct{ UID, NSP, Type, Data string }
	if err := json.Unmarshal(v.Fields, &fields); err != nil {
		t.Fatal(err)
	}
	return &clusterwire.Entry{UID: fields.UID, Namespace: fields.NSP, Type: fields.Type, Data: fields.Data}
}

// want is the message that the vector says it is.
func (v *vector) want(t testing.TB) *clusterwire.Message {
	t.Helper()
	w := &v.Want
	m := &clusterwire.Message{
		Type: types[w.Type], UID: w.UID, Namespace: w.NSP, RequestID: w.RequestID,
		Target: clusterwire.Target{
			Rooms: w.Rooms, Except: w.Except, Volatile: w.Volatile, NoCompress: w.NoCompress, Timeout: time.Duration(w.Timeout) * time.Millisecond,
		},
		Rooms: w.Join, Close: w.Close, Clients: w.Clients,
	}
	if m.Type == 0 {
		t.Fatalf("%s: unknown type %q", v.Name, w.Type)
	}
	if w.Data != "" {
		m.Packet.Data = []byte(w.Data)
	}
	for _, a := range w.Attachments {
		b, err := hex.DecodeString(a)
		if err != nil {
			t.Fatal(err)
		}
		m.Packet.Attachments = append(m.Packet.Attachments, b)
	}
	for _, s := range w.Sockets {
		m.Sockets = append(m.Sockets, clusterwire.Socket{ID: s.ID, Handshake: s.Handshake, Rooms: s.Rooms, Data: s.Data})
	}
	if v.Form == "classic request" && m.Type != clusterwire.Broadcast || v.Form == "classic response" {
		m.Namespace = "" // the channel tells
	}
	return m
}

// form is one way to write a message.
type form struct {
	decode func(src []byte, l *clusterwire.Limits) (*clusterwire.Message, error)
	encode []func(m *clusterwire.Message) ([]byte, error)
}

var forms = map[string]form{
	"classic broadcast": {clusterwire.DecodeClassicBroadcast, encoders((*clusterwire.Message).ClassicBroadcast)},
	"classic request":   {clusterwire.DecodeClassicRequest, encoders((*clusterwire.Message).ClassicRequest)},
	"classic response":  {clusterwire.DecodeClassicResponse, encoders((*clusterwire.Message).ClassicResponse)},
	"envelope":          {clusterwire.DecodeEnvelope, encoders((*clusterwire.Message).Sharded, (*clusterwire.Message).Ephemeral)},
}

func encoders(list ...func(m *clusterwire.Message) ([]byte, error)) []func(m *clusterwire.Message) ([]byte, error) {
	return list
}

// TestOfficial decodes what the official packages send, and what we make of that.
func TestOfficial(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			switch v.Form {
			case "session":
				testSession(t, &v)
			case "entry":
				e := v.entry(t)
				got, err := e.Decode(nil)
				assert.NoError(t, err)
				same(t, got, v.want(t))
				again, err := got.Entry()
				assert.NoError(t, err)
				got, err = again.Decode(nil)
				assert.NoError(t, err)
				same(t, got, v.want(t))
			default:
				f, ok := forms[v.Form]
				if !ok {
					t.Fatalf("unknown form %q", v.Form)
				}
				got, err := f.decode(v.bytes(t), nil)
				assert.NoError(t, err)
				same(t, got, v.want(t))
				for _, encode := range f.encode {
					b, err := encode(got)
					assert.NoError(t, err)
					again, err := f.decode(b, nil)
					assert.NoError(t, err)
					same(t, again, v.want(t))
				}
			}
		})
	}
}

// TestInputIsTheirs: what has been decoded does not change with the input, whose
// buffer is used again.
func TestInputIsTheirs(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		f, ok := forms[v.Form]
		if !ok {
			continue // of a string, which does not change
		}
		b := v.bytes(t)
		got, err := f.decode(b, nil)
		assert.NoError(t, err)
		for i := range b {
			b[i] = '#'
		}
		same(t, got, v.want(t))
	}
}

// same compares messages; a list that is empty is one that is not there.
func same(t *testing.T, got, want *clusterwire.Message) {
	t.Helper()
	if len(got.Packet.Attachments) == 0 {
		got.Packet.Attachments = nil
	}
	for _, m := range []*clusterwire.Message{got, want} {
		for i := range m.Sockets {
			if len(m.Sockets[i].Rooms) == 0 {
				m.Sockets[i].Rooms = nil
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v\ndata %s\nwant %s", got, want, got.Packet.Data, want.Packet.Data)
	}
}

func testSession(t *testing.T, v *vector) {
	t.Helper()
	value := string(v.bytes(t))
	want := &clusterwire.Session{SocketID: v.Want.SID, PrivateID: v.Want.PID, Rooms: v.Want.Join, Data: v.Want.Session}
	for range 2 {
		got, err := clusterwire.DecodeSession(value, nil)
		assert.NoError(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, data %s", got, got.Data)
		}
		value, err = got.Encode()
		assert.NoError(t, err)
	}
}

// TestOfficialBytes: where nothing can be written in two ways, it is written as the
// official packages do.
func TestOfficialBytes(t *testing.T) {
	t.Parallel()
	equal := map[string]int{}
	for _, v := range vectors(t) {
		if v.Form == "session" {
			continue
		}
		if v.Form == "entry" {
			e := v.entry(t)
			m, err := e.Decode(nil)
			assert.NoError(t, err)
			again, err := m.Entry()
			assert.NoError(t, err)
			if *again == *e {
				equal[v.Form]++
			}
			continue
		}
		f := forms[v.Form]
		m, err := f.decode(v.bytes(t), nil)
		assert.NoError(t, err)
		for _, encode := range f.encode {
			if b, _ := encode(m); bytes.Equal(b, v.bytes(t)) {
				equal[v.Form]++
				break
			}
		}
	}
	for form, least := range map[string]int{"classic broadcast": 15, "classic request": 31, "classic response": 13, "envelope": 74, "entry": 24} {
		if equal[form] < least {
			t.Errorf("%s: %d messages are written as the official packages write them, %d were", form, equal[form], least)
		}
	}
}

// TestCuts: no beginning of a message is one, and none is trusted.
func TestCuts(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		switch v.Form {
		case "session":
			value := string(v.bytes(t))
			for i := range len(value) {
				if _, err := clusterwire.DecodeSession(value[:i], nil); err == nil {
					t.Errorf("%s: %d bytes were taken", v.Name, i)
				}
			}
		case "entry":
			e := v.entry(t)
			for i := range len(e.Data) {
				cut := *e
				cut.Data = e.Data[:i]
				if _, err := cut.Decode(nil); err == nil {
					t.Errorf("%s: %d bytes were taken", v.Name, i)
				}
			}
		default:
			b := v.bytes(t)
			for i := range b {
				if _, err := forms[v.Form].decode(b[:i], nil); err == nil {
					t.Errorf("%s: %d bytes were taken", v.Name, i)
				}
			}
			if _, err := forms[v.Form].decode(append(b, 0), nil); err == nil {
				t.Errorf("%s: a byte too many was taken", v.Name)
			}
		}
	}
}
