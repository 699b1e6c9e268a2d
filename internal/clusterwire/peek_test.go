package clusterwire_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
)

// TestClassicConcerns: what is for none of the rooms is known without decoding.
func TestClassicConcerns(t *testing.T) {
	t.Parallel()
	long, longest := strings.Repeat("l", 300), strings.Repeat("x", 70_000)
	many := make([]string, 20)
	for i := range many {
		many[i] = strings.Repeat("m", i+20)
	}
	data := `["e",1,-1,300,70000,5000000000,-300,-70000,-5000000000,1.5,null,true,false,"` + long + longest + `",{"rooms":["here"],"k":[1,{"a":{}}]},[` +
		strings.Repeat("0,", 70_000) + `0],{"_placeholder":true,"num":0}]`
	for name, tt := range map[string]struct {
		rooms []string
		want  bool
	}{
		"everybody": {nil, true}, "none of three": {[]string{"a", long, "b"}, false}, "the last one": {[]string{"a", long, "here"}, true},
		"many": {many, false}, "one of many": {append(slices.Clone(many), "here"), true}, "too long to look": {[]string{longest}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := clusterwire.Message{
				Type: clusterwire.Broadcast, UID: "uid", Namespace: "/",
				Target: clusterwire.Target{Rooms: tt.rooms, Except: []string{"here"}, Volatile: true},
				Packet: clusterwire.Packet{Data: []byte(data), Attachments: [][]byte{bytes.Repeat([]byte{0xc1}, 300)}},
			}
			b, err := m.ClassicBroadcast()
			assert.NoError(t, err)
			got := clusterwire.ClassicConcerns(string(b), func(room string) bool { return room == "here" })
			assert.Equal(t, "concerns", got, tt.want)
			for i := range min(len(b), 2000) {
				assert.True(t, "what is cut may be for anybody", clusterwire.ClassicConcerns(string(b[:i]), func(string) bool { return false }))
			}
		})
	}
	for _, src := range []string{
		"\x93\xc0\xc0\x81\xa5rooms\xc0", "\x93\xc0\xc0\x81\xa5rooms\x91\x01", "\x93\xc0\xc0\x80", "\x93\xc0\xc0\xc0", "\x93\xc0\xc1\x80",
		"\x93\xc0\xdf\xff\xff\xff\xff", "\x93\xc0\xc6\xff\xff\xff\xff", "\x93\xc0\xc0\x81\xa5rooms\xdd\x00\x00\x00\x01\xa1a",
	} {
		assert.True(t, "for anybody: "+src, clusterwire.ClassicConcerns(src, func(string) bool { return false }))
	}
	assert.True(t, "extensions are passed over", !clusterwire.ClassicConcerns("\x93\xc0\x95\xd6\xff\x00\x00\x00\x00\xd8\xff0123456789abcdef\xc7\x01\xff0\xcb01234567\xca0123\x81\xa5rooms\x91\xa1a", func(string) bool { return false }))
}

// FuzzClassicConcerns: a message that is for a room here is never passed over.
func FuzzClassicConcerns(f *testing.F) {
	for _, rooms := range [][]string{nil, {"a"}, {"b", "here"}} {
		m := clusterwire.Message{Type: clusterwire.Broadcast, UID: "u", Namespace: "/", Target: clusterwire.Target{Rooms: rooms}, Packet: clusterwire.Packet{Data: []byte(`["e",1]`)}}
		b, _ := m.ClassicBroadcast()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		has := func(room string) bool { return room == "here" }
		if clusterwire.ClassicConcerns(string(src), has) {
			return
		}
		m, err := clusterwire.DecodeClassicBroadcast(src, nil)
		if err == nil && (len(m.Target.Rooms) == 0 || slices.ContainsFunc(m.Target.Rooms, has)) {
			t.Fatalf("%q is for a room here", src)
		}
	})
}
