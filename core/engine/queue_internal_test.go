package engine

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/gosio/gosio/core/engine/internal/link"
)

// compare reads what a client has got, to the end of its connection.
func compare(t *testing.T, client io.Reader, want []Message) {
	t.Helper()
	br := bufio.NewReader(client)
	var window []byte
	for i, m := range want {
		var head [2]byte
		if _, err := io.ReadFull(br, head[:]); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		n := int(head[1])
		if n == 126 {
			var long [2]byte
			_, _ = io.ReadFull(br, long[:])
			n = int(binary.BigEndian.Uint16(long[:]))
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(br, data); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if head[0]&0x40 != 0 { // compressed
			data = append(data, 0, 0, 0xff, 0xff)
			data, _ = io.ReadAll(flate.NewReaderDict(bytes.NewReader(data), window)) // no end: an error
			window = append(window, data...)
		}
		if !bytes.Equal(data, m.out.Packet()) {
			t.Fatalf("message %d differs: %d bytes for %d", i, len(data), len(m.out.Packet()))
		}
	}
	if rest, _ := io.ReadAll(br); len(rest) > 0 {
		t.Errorf("%d bytes too many", len(rest))
	}
}

// noise is a text of n bytes that can be compressed, but not much.
func noise(n int, letter byte) Message {
	r := rand.New(rand.NewPCG(uint64(n), uint64(letter)))
	b := TextBuffer(n)
	for range n {
		b = append(b, letter+byte(r.IntN(16)))
	}
	return Text(b)
}

// TestEvictedWhole: volatile messages that were sent together are evicted
// together, and not at all when some of them have left, or when the client
// needs them to decompress what comes.
func TestEvictedWhole(t *testing.T) { //nolint:paralleltest // nothing is compressed meanwhile
	header := func() Message { return noise(10, 'h') } // too short to be compressed
	first := func() Message { return noise(9000, 'a') }
	second := func() Message { return noise(9000, 'b') }
	step := func(c *wsConn) { // a flusher's, which nothing else takes
		b := link.WriteBuffers.Get().(*link.WriteBuffer)
		defer link.WriteBuffers.Put(b)
		c.writer.flush(b)
	}
	aside := func(c *wsConn) { // what deflateAside does, but for the flusher that follows
		c.s.mu.Lock()
		rest := c.writer.queue.Take()
		c.s.mu.Unlock()
		c.writer.deflateAll(rest.Msgs)
		c.writer.putBack(rest)
	}
	tests := []struct {
		name     string
		takeover bool
		do       func(c *wsConn)
		evicted  bool
	}{
		{"nothing has left", false, func(*wsConn) {}, true},
		{"the header has left", false, step, false},
		{"compressed", false, aside, true},
		{"nothing has left, takeover", true, func(*wsConn) {}, true},
		{"the header has left, takeover", true, step, false},
		{"compressed, takeover", true, aside, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, client, release := beside(t, &Options{
				PerMessageDeflate: &PerMessageDeflate{ServerContextTakeover: tt.takeover}, SendBuffer: 20_000,
			})
			s := c.s
			if err := s.enqueue([]Message{header(), first(), second()}, true, nil, nil); err != nil {
				t.Fatal(err)
			}
			tt.do(c)
			late := []Message{noise(3000, 'c'), noise(12_500, 'd')}
			if err := s.enqueue(late, false, nil, nil); err != nil && tt.evicted {
				t.Fatalf("no room: %v", err)
			}
			want := []Message{header(), first(), second()}
			if tt.evicted {
				want = nil
			}
			want = append(want, late...)
			release()
			s.srv.flush.add(&c.writer)
			c.writer.waitWritten()
			s.mu.Lock()
			if s.budget.Used != 0 || c.writer.queue.Bytes != 0 || len(c.writer.queue.Msgs) != 0 {
				t.Errorf("%d bytes in %d messages are queued", s.budget.Used, len(c.writer.queue.Msgs))
			}
			s.mu.Unlock()
			_ = c.writer.link.Close()
			compare(t, client, want)
		})
	}
}
