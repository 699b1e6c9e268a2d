package outbox

import (
	"bytes"
	"testing"

	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func text(s string) Message { return Text(append(TextBuffer(len(s)), s...)) }

// all is what is queued, as text.
func all(msgs []Message) (s string) {
	for _, m := range msgs {
		s += string(m.Payload())
	}
	return s
}

// TestMakeRoom: which messages go when what was sent last is over the limit. Capitals
// are volatile, and a letter that follows itself was sent together with it.
func TestMakeRoom(t *testing.T) {
	t.Parallel()
	for queued, want := range map[string]struct {
		kept    string
		evicted int
		fits    bool
	}{
		"z":      {"z", 0, true}, // an empty queue takes any one send
		"zz":     {"zz", 0, true},
		"az":     {"az", 0, false},
		"Az":     {"z", 1, true},
		"aBcz":   {"acz", 1, false},
		"AABBzz": {"zz", 4, true},
		"aAz":    {"az", 1, false},
	} {
		budget := Budget{Limit: 4} // a message of one letter takes 4 bytes
		q := Queue{Budget: &budget}
		last := 0
		for i, r := range queued {
			m := text(string(r))
			m.Volatile, m.Follows = r < 'a', i > 0 && queued[i-1] == byte(r)
			q.Push(m)
			if r == 'z' {
				last++
			}
		}
		budget.Limit = int64(4*last) - 1 // over, whatever is evicted
		evicted, fits := q.MakeRoom(last)
		assert.Equal(t, queued+": kept", all(q.Msgs), want.kept)
		assert.Equal(t, queued+": evicted", evicted, want.evicted)
		assert.Equal(t, queued+": fits", fits, want.fits)
		assert.Equal(t, queued+": bytes", q.Bytes, SizeOf(q.Msgs))
		assert.Equal(t, queued+": budget", budget.Used, q.Bytes)
		q.Fail()
		assert.Equal(t, queued+": after Fail", budget.Used, 0)
	}
}

// TestTakeAndPutBack: what was taken counts until it is credited, and comes first when
// it is put back.
func TestTakeAndPutBack(t *testing.T) {
	t.Parallel()
	budget := Budget{Limit: 8}
	q := Queue{Budget: &budget}
	for _, s := range []string{"a", "b", "c"} {
		q.Push(text(s))
	}
	q.Sample(5)
	batch := q.Take()
	assert.True(t, "over", budget.Over())
	q.Push(text("d"))
	batch.Wrote(4)
	q.Credit(4)
	q.PutBack(batch)
	assert.Equal(t, "queued", all(q.Msgs), "bcd")
	assert.Equal(t, "bytes", q.Bytes, SizeOf(q.Msgs))
	assert.Equal(t, "sampled", q.Sampled(), 5)
	q.Drop(1)
	assert.Equal(t, "dropped", all(q.Msgs), "bc")
	q.Clear()
	assert.True(t, "cleared", len(q.Msgs) == 0 && q.Bytes == 0 && budget.Used == 0)
}

// TestBatch: however little is written at a time, everything is written once.
func TestBatch(t *testing.T) {
	t.Parallel()
	var msgs []Message
	var want []byte
	for i := range 20 {
		m := text(string(bytes.Repeat([]byte{byte('a' + i)}, i*i)))
		msgs, want = append(msgs, m), append(want, m.Frame...)
	}
	for _, scratch := range []int{1, 7, 100, 10_000} {
		for _, most := range []int{1, 5, 10_000} {
			var got []byte
			buf := make([]byte, scratch)
			for b := (Batch{Msgs: append([]Message(nil), msgs...)}); !b.Empty(); {
				next := b.Next(buf)
				n := min(len(next), most)
				got = append(got, next[:n]...)
				b.Wrote(n)
			}
			assert.True(t, "all", bytes.Equal(got, want))
		}
	}
}

// TestPayload: a batch as the body of an answer, in both protocols.
func TestPayload(t *testing.T) {
	t.Parallel()
	msgs := []Message{text("a"), text("é")}
	assert.Equal(t, "4", string(AppendPayload(nil, msgs, "6")), "4a\x1e4é\x1e6")
	assert.Equal(t, "4, nothing", string(AppendPayload(nil, nil, "6")), "6")
	body, binary := AppendPayloadV3(nil, msgs, "6")
	assert.Equal(t, "3", string(body), "2:4a2:4é1:6")
	assert.Equal(t, "3, binary", binary, false)
	msgs = append(msgs, Binary([]byte{1, 2}))
	assert.Equal(t, "4, bytes", string(AppendPayload(nil, msgs, "")), "4a\x1e4é\x1ebAQI=")
	assert.Equal(t, "size", MayCompress([]Message{TextPacket("6")}), false)
}
