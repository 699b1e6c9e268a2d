package clusterwire_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
)

func here(room string) bool { return room == "here" }

// TestEnvelopeConcerns: what is for none of the rooms is known without decoding.
func TestEnvelopeConcerns(t *testing.T) {
	t.Parallel()
	data := []byte(`["e\\",1.5,null,{"opts":{"rooms":["here"]},"\"]":[[],{}]},"}]日本"]`)
	for name, tt := range map[string]struct {
		change func(m *clusterwire.Message)
		rooms  []string
		want   bool
	}{
		"everybody": {nil, nil, true}, "none of three": {nil, []string{"a", "日本", "b"}, false}, "the last one": {nil, []string{"a", "here"}, true},
		"escaped": {nil, []string{`a"`}, true}, "not valid": {nil, []string{"\xff"}, false},
		"a request": {func(m *clusterwire.Message) { m.RequestID = "r" }, []string{"a"}, true},
		"bytes": {func(m *clusterwire.Message) {
			m.Packet.Data, m.Packet.Attachments = []byte(`[{"_placeholder":true,"num":0}]`), [][]byte{{1}}
		}, []string{"a"}, true},
		"a join": {func(m *clusterwire.Message) { m.Type, m.Rooms = clusterwire.Join, []string{"b"} }, []string{"a"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := clusterwire.Message{
				Type: clusterwire.Broadcast, UID: "uid", Namespace: "/", Packet: clusterwire.Packet{Data: data},
				Target: clusterwire.Target{Rooms: tt.rooms, Except: []string{"here"}, Volatile: true},
			}
			if tt.change != nil {
				tt.change(&m)
			}
			b, err := m.Sharded()
			assert.NoError(t, err)
			assert.Equal(t, "concerns", clusterwire.EnvelopeConcerns(string(b), here), tt.want)
			for i := range b {
				assert.True(t, "what is cut may be for anybody", clusterwire.EnvelopeConcerns(string(b[:i]), here))
			}
		})
	}
	node := `{"type":3,"data":{"packet":{"type":2,"data":["e"]},"opts":{"rooms":["a"],"except":[],"flags":{}}},"uid":"u","nsp":"/"}`
	assert.True(t, "of Node", !clusterwire.EnvelopeConcerns(node, here))
	for old, text := range map[string]string{
		`"flags":{}`: `"flags":{},"rooms":["here"]`, `"nsp":"/"`: `"nsp":"/","data":{}`, `["a"]`: `[1]`, `"a"]`: `"a","here"]`, `,"except":[]`: ` ,"except":[]`,
	} {
		assert.True(t, "for anybody: "+text, clusterwire.EnvelopeConcerns(strings.Replace(node, old, text, 1), here))
	}
}

// FuzzEnvelopeConcerns: a message that is for a room here is never passed over.
func FuzzEnvelopeConcerns(f *testing.F) {
	for _, rooms := range [][]string{nil, {"a"}, {"b", "here"}} {
		m := clusterwire.Message{Type: clusterwire.Broadcast, UID: "u", Namespace: "/", Target: clusterwire.Target{Rooms: rooms}, Packet: clusterwire.Packet{Data: []byte(`["e",{"a":[1]}]`)}}
		b, _ := m.Sharded()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if clusterwire.EnvelopeConcerns(string(src), here) {
			return
		}
		m, err := clusterwire.DecodeEnvelope(src, nil)
		if err == nil && (m.Type != clusterwire.Broadcast || m.RequestID != "" || len(m.Target.Rooms) == 0 || slices.ContainsFunc(m.Target.Rooms, here)) {
			t.Fatalf("%q is for somebody here", src)
		}
	})
}
