package compress

import (
	"bytes"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine/internal/outbox"
	"github.com/gosio/gosio/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// cached counts the compressed frames that are kept.
func (d *Deflater) cached() (n int) {
	d.frames.Range(func(any, any) bool { n++; return true })
	return n
}

func longText() outbox.Message {
	return outbox.Text(append(outbox.TextBuffer(5000), strings.Repeat("text ", 1000)...))
}

// TestDeflatedOnce: all recipients get the same memory, which is freed with
// the message.
func TestDeflatedOnce(t *testing.T) { //nolint:paralleltest // it waits for the garbage collector
	d := NewDeflater(new(Options))
	m := longText()
	got := make([][]byte, 50)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() { got[i] = d.once(&m) })
	}
	wg.Wait()
	for _, b := range got {
		if len(b) == 0 || len(b) > 500 || &b[0] != &got[0][0] {
			t.Fatalf("%d bytes, not the same as others'", len(b))
		}
	}
	if b, ok := d.done(m.Frame); !ok || &b[0] != &got[0][0] {
		t.Error("it is not known")
	}
	other := longText()
	if b := d.once(&other); &b[0] == &got[0][0] || d.cached() != 2 {
		t.Errorf("another message with the same text: %d are kept", d.cached())
	}
	runtime.KeepAlive(&m)
	runtime.KeepAlive(&other)
	m, other = outbox.Message{}, outbox.Message{}
	for end := time.Now().Add(10 * time.Second); d.cached() > 0; runtime.Gosched() {
		if runtime.GC(); time.Now().After(end) {
			t.Fatalf("%d are kept", d.cached())
		}
	}
}

// TestDeflateShares: connections without takeover have one object in
// common.
func TestDeflateShares(t *testing.T) {
	t.Parallel()
	d := NewDeflater(&Options{ClientContextTakeover: true})
	h := func(s string) map[string][]string { return map[string][]string{"Sec-Websocket-Extensions": {s}} }
	a, _ := d.Negotiate(h("permessage-deflate; client_no_context_takeover"))
	b, _ := d.Negotiate(h("permessage-deflate; client_no_context_takeover; server_no_context_takeover"))
	c, _ := d.Negotiate(h("permessage-deflate"))
	if a != b || a == c {
		t.Error("without takeover: not shared; or with: shared")
	}
}

// TestDeflateWrongLevel panics at start-up.
func TestDeflateWrongLevel(t *testing.T) {
	t.Parallel()
	for _, level := range []int{-1, 10} {
		func() {
			defer func() {
				if v := recover(); v != "socketio: PerMessageDeflate.Level must be 1 to 9, or 0 for the default" {
					t.Errorf("level %d: %v", level, v)
				}
			}()
			NewDeflater(&Options{Level: level})
		}()
	}
}

// BenchmarkDeflate is what a message costs to send compressed: made, with
// takeover, and found for another recipient.
func BenchmarkDeflate(b *testing.B) {
	record := `{"id":%,"name":"some name","email":"somebody@example.com","tags":["a","b"],"score":1.`
	for name, size := range map[string]int{"1KB": 1 << 10, "16KB": 16 << 10} {
		data := new(bytes.Buffer)
		for i := 0; data.Len() < size; i++ {
			data.WriteString(strings.ReplaceAll(record, "%", strings.Repeat(string(rune('0'+i%10)), i%7)))
		}
		m := outbox.Text(append(outbox.TextBuffer(size), data.Bytes()[:size]...))
		d := NewDeflater(new(Options))
		b.Run(name+"/made", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				d.compress(&m, nil)
			}
		})
		b.Run(name+"/takeover", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			f := &Deflation{d: d, takeover: true}
			for b.Loop() {
				d.compress(&m, f)
			}
		})
		b.Run(name+"/found", func(b *testing.B) {
			b.ReportAllocs()
			d.once(&m)
			for b.Loop() {
				d.done(m.Frame)
			}
		})
	}
}
