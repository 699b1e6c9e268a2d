package clusterwire_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/clusterwire"
)

// peers are messages of each type.
var peers = []clusterwire.Peer{
	{Type: clusterwire.PeerHello, UID: "a"},
	{Type: clusterwire.PeerHere, UID: "é\""},
	{Type: clusterwire.PeerClosed, UID: "a"},
	{Type: clusterwire.PeerGap, UID: "a"},
	{Type: clusterwire.PeerGiveUp, UID: "a", RequestID: "r"},
	{Type: clusterwire.PeerResponse, UID: "a", RequestID: "r", Part: 3, Last: true, Clients: -2},
	{Type: clusterwire.PeerResponse, UID: "a", RequestID: "r", Reply: &clusterwire.Packet{Data: []byte(`[1,"é"]`)}},
	{Type: clusterwire.PeerResponse, UID: "a", RequestID: "r", Reply: &clusterwire.Packet{
		Data: []byte(`[{"_placeholder":true,"num":0},7]`), Attachments: [][]byte{{0, 255, 0xc1}},
	}},
	{Type: clusterwire.PeerResponse, UID: "a", RequestID: "r", Sockets: []clusterwire.Socket{
		{ID: "s", Handshake: []byte(`{"url":"/"}`), Rooms: []string{"s", "room"}, Data: []byte(`{"k":1}`), Identity: "user"},
	}},
	{Type: clusterwire.PeerBack, UID: "a", Nodes: []clusterwire.PeerNode{{Namespace: "/", UID: "b"}, {Namespace: "/é", UID: "c"}}},
}

func TestPeer(t *testing.T) {
	t.Parallel()
	for _, p := range peers {
		b, err := p.Encode()
		assert.NoError(t, err)
		assert.True(t, "told from what Node sends", clusterwire.IsPeer(b))
		got, err := clusterwire.DecodePeer(b, nil)
		assert.NoError(t, err)
		if !reflect.DeepEqual(*got, p) {
			t.Errorf("%+v became %+v", p, *got)
		}
		_, err = clusterwire.DecodePeer(b, &clusterwire.Limits{Size: 3})
		assert.ErrorIs(t, err, clusterwire.ErrTooLarge)
		for i := range b {
			if _, err := clusterwire.DecodePeer(b[:i], nil); err == nil {
				t.Errorf("%q is a message", b[:i])
			}
		}
	}
	_, err := new(clusterwire.Peer).Encode()
	assert.True(t, "no type", err != nil)
}

func TestHostilePeer(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"", "\xc1", "{}", "\xc1{}", "\xc1[]", "\xc1null", "\xc1" + `{"type":1}`, "\xc1" + `{"type":0,"uid":"a"}`, "\xc1" + `{"type":99,"uid":"a"}`,
		"\xc1" + `{"type":-1,"uid":"a"}`, "\xc1" + `{"type":"1","uid":"a"}`, "\xc1" + `{"type":1,"uid":7}`, "\xc1" + `{"type":1,"uid":"a","requestId":"r"}`,
		"\xc1" + `{"type":5,"uid":"a"}`, "\xc1" + `{"type":6,"uid":"a"}`, "\xc1" + `{"type":6,"uid":"a","requestId":"r","part":-1}`,
		"\xc1" + `{"type":6,"uid":"a","requestId":"r","clients":1e300}`, "\xc1" + `{"type":6,"uid":"a","requestId":"r","clients":0.5}`,
		"\xc1" + `{"type":6,"uid":"a","requestId":"r","clients":null}`, "\xc1" + `{"type":6,"uid":"a","requestId":"r","reply":{}}`,
		"\xc1" + `{"type":6,"uid":"a","requestId":"r","reply":null}`, "\xc1" + `{"type":6,"uid":"a","requestId":"r","sockets":7}`,
		"\xc1" + `{"type":7,"uid":"a","nodes":7}`, "\xc1" + `{"type":7,"uid":"a","nodes":["/"]}`, "\xc1" + `{"type":7,"uid":"a","nodes":["/",null]}`,
		"\xc1" + `{"type":7,"uid":"a","nodes":[["/","b"]]}`,
	} {
		if p, err := clusterwire.DecodePeer([]byte(src), nil); err == nil {
			t.Errorf("%q is %+v", src, p)
		}
	}
}

// TestFromPeer: a request of one of our servers is one that Node's servers read, too.
func TestFromPeer(t *testing.T) {
	t.Parallel()
	packet := clusterwire.Packet{Data: []byte(`["e"]`)}
	for _, m := range []clusterwire.Message{
		{Type: clusterwire.Fetch},
		{Type: clusterwire.ServerSide, Packet: packet},
		{Type: clusterwire.Broadcast, Namespace: "/", Packet: packet},
		{Type: clusterwire.ServerSide, Packet: clusterwire.Packet{Data: []byte(`["e",{"_placeholder":true,"num":0}]`), Attachments: [][]byte{{1}}}},
	} {
		m.UID, m.RequestID, m.FromPeer, m.Target.Timeout = "u", "r", true, 1500*time.Millisecond
		b, err := m.ClassicRequest()
		assert.NoError(t, err)
		got, err := clusterwire.DecodeClassicRequest(b, nil)
		assert.NoError(t, err)
		if !reflect.DeepEqual(got, &m) {
			t.Errorf("%+v became %+v", m, *got)
		}
		m.Namespace = "/"
		if b, err = m.Sharded(); err == nil {
			got, err = clusterwire.DecodeEnvelope(b, nil)
		}
		assert.NoError(t, err)
		if !reflect.DeepEqual(got, &m) {
			t.Errorf("as an envelope %+v became %+v", m, *got)
		}
	}
	for _, src := range []string{`{"type":5,"uid":"u","requestId":"r","opts":{},"gosio":7}`, `{"type":5,"uid":"u","requestId":"r","opts":{},"gosio":[]}`} {
		_, err := clusterwire.DecodeClassicRequest([]byte(src), nil)
		assert.True(t, "refused", errors.Is(err, clusterwire.ErrMessage))
	}
	_, err := clusterwire.DecodeEnvelope([]byte(`{"type":9,"uid":"u","nsp":"/","data":{"requestId":"r","packet":["e"]},"gosio":7}`), nil)
	assert.True(t, "an envelope is refused", errors.Is(err, clusterwire.ErrMessage))
}

func FuzzPeer(f *testing.F) {
	for _, p := range peers {
		b, _ := p.Encode()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := clusterwire.DecodePeer(src, nil)
		if err != nil {
			return
		}
		b, err := p.Encode()
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		if _, err := clusterwire.DecodePeer(b, &clusterwire.Limits{Depth: 2000}); err != nil {
			t.Fatalf("%q of %+v: %v", b, p, err)
		}
	})
}
