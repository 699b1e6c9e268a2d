package clusterwire_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
)

// TestAppend: what is appended stands behind what was there, and is what the function
// without a destination returns. After an error nothing is appended.
func TestAppend(t *testing.T) {
	t.Parallel()
	good := clusterwire.Message{
		Type: clusterwire.Broadcast, UID: "abc", Namespace: "/日本",
		Target: clusterwire.Target{Rooms: []string{"a", "\xff"}, Except: []string{"b"}, Volatile: true, NoCompress: true, Newest: 300, Key: "k", Timeout: 5e9},
		Packet: clusterwire.Packet{Data: []byte(`["e",{"_placeholder":true,"num":0},[{"a":1}]]`), Attachments: [][]byte{{1, 2}}},
	}
	broken := good
	broken.Packet = clusterwire.Packet{Data: []byte(`["e",{]`), Attachments: [][]byte{{1, 2}}}
	for name, f := range map[string]struct {
		encode func(*clusterwire.Message) ([]byte, error)
		append func(*clusterwire.Message, []byte) ([]byte, error)
	}{
		"classic":   {(*clusterwire.Message).ClassicBroadcast, (*clusterwire.Message).AppendClassicBroadcast},
		"sharded":   {(*clusterwire.Message).Sharded, (*clusterwire.Message).AppendSharded},
		"ephemeral": {(*clusterwire.Message).Ephemeral, (*clusterwire.Message).AppendEphemeral},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alone, err := f.encode(&good)
			assert.NoError(t, err)
			for _, dst := range [][]byte{nil, []byte("before"), append(make([]byte, 0, 1000), "before"...)} {
				before := bytes.Clone(dst)
				out, err := f.append(&good, dst)
				assert.NoError(t, err)
				assert.Equal(t, "appended", string(out), string(before)+string(alone))
				out, err = f.append(&broken, dst)
				assert.True(t, "an error", err != nil)
				assert.Equal(t, "after an error", string(out), string(before))
			}
			out, err := f.encode(&broken)
			assert.True(t, "an error, and nothing else", err != nil && out == nil)
		})
	}
}

// TestSizes: maps and arrays of each form of MessagePack, which tells their size first.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 14, 15, 16, 17, 255, 256, 65535, 65536} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			values, members := make([]string, n), make([]string, n)
			for i := range n {
				values[i], members[i] = strconv.Itoa(i), fmt.Sprintf(`"%d":null`, i)
			}
			array, object := "["+strings.Join(values, ",")+"]", "{"+strings.Join(members, ",")+"}"
			for _, data := range []string{
				`["e",` + array + `]`, `["e",` + object + `]`, `["e",{"a":[` + array + `,` + object + `],"b":{"_placeholder":true,"num":0}}]`,
				`["e"` + strings.Repeat(",1", n) + `]`,
			} {
				m := clusterwire.Message{Type: clusterwire.Broadcast, UID: "abc", Namespace: "/", Packet: clusterwire.Packet{Data: []byte(data)}}
				if strings.Contains(data, "_placeholder") {
					m.Packet.Attachments = [][]byte{{1, 2, 3}}
				}
				b, err := m.ClassicBroadcast()
				assert.NoError(t, err)
				got, err := clusterwire.DecodeClassicBroadcast(b, nil)
				assert.NoError(t, err)
				assert.Equal(t, "data", string(got.Packet.Data), data)
				assert.Equal(t, "attachments", len(got.Packet.Attachments), len(m.Packet.Attachments))
			}
		})
	}
}
