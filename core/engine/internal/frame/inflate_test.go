package frame_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
)

// deflated compresses as a client does: RFC 7692 section 7.2.1.
func deflated(s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.DefaultCompression)
	_, _ = w.Write([]byte(s))
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// marked returns frames of a compressed message: RSV1 is set on the first.
func marked(op frame.Opcode, parts ...string) []byte {
	var wire []byte
	for i, p := range parts {
		f := autobahn.Frame{Op: byte(op), RSV: 4, Payload: []byte(p), More: i < len(parts)-1}
		if i > 0 {
			f.Op, f.RSV = byte(frame.Continuation), 0
		}
		wire = f.Append(wire, key)
	}
	return wire
}

// TestInflate checks what becomes of compressed messages, whole and in pieces.
func TestInflate(t *testing.T) {
	t.Parallel()
	type events = []event
	text := func(s string) event { return event{op: frame.Text, data: s} }
	rsv := func(f autobahn.Frame) []byte { f.RSV = 4; return f.Append(nil, key) }
	hello := "\xf2\x48\xcd\xc9\xc9\x07\x00" // the examples of RFC 7692 section 7.2.3
	stored := "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"
	last := "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"
	twice := "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"
	long := strings.Repeat("0123456789", 100)
	random := noise(1000)
	tests := []struct {
		name string
		wire []byte
		want events
		code int
	}{
		{"RFC 7692 7.2.3.1", marked(frame.Text, hello), events{text("Hello")}, 0},
		{"RFC 7692 7.2.3.1, two fragments", marked(frame.Text, hello[:3], hello[3:]), events{text("Hello")}, 0},
		{"RFC 7692 7.2.3.3, no compression", marked(frame.Text, stored), events{text("Hello")}, 0},
		{"RFC 7692 7.2.3.4, a final block", marked(frame.Text, last), events{text("Hello")}, 0},
		{"RFC 7692 7.2.3.5, two blocks", marked(frame.Text, twice), events{text("Hello")}, 0},
		{"RFC 7692 7.2.3.6, empty", marked(frame.Text, "\x00"), events{text("")}, 0},
		{"no bytes at all", marked(frame.Text, ""), events{text("")}, 0},
		{"empty fragments", marked(frame.Text, "", hello, "", ""), events{text("Hello")}, 0},
		{"empty blocks", marked(frame.Text, strings.Repeat("\x00\x00\x00\xff\xff", 50)+hello), events{text("Hello")}, 0},
		{"final blocks", marked(frame.Text, last[:7]+last), events{text("HelloHello")}, 0},
		{"a final block and no more", marked(frame.Text, last[:7]), events{text("Hello")}, 0},
		{"binary", marked(frame.Binary, deflated("\xff\x00")), events{{op: frame.Binary, data: "\xff\x00"}}, 0},
		{"as long as may be", marked(frame.Text, deflated(long)), events{text(long)}, 0},
		{"incompressible, as long as may be", marked(frame.Binary, deflated(string(random))), events{{op: frame.Binary, data: string(random)}}, 0},
		{"compressed and not", join(marked(frame.Text, hello), client(frame.Text, "plain"), marked(frame.Text, hello)),
			events{text("Hello"), text("plain"), text("Hello")}, 0},
		{"ping between fragments", join(marked(frame.Text, hello[:2], "")[:8], client(frame.Ping, "p"), client(frame.Continuation, hello[2:])),
			events{{op: frame.Ping, data: "p"}, text("Hello")}, 0},

		{"one byte too long", marked(frame.Text, deflated(long+"x")), nil, 1009},
		{"bomb", marked(frame.Binary, deflated(strings.Repeat("\x00", 1<<20))[:900]), nil, 1009},
		{"compressed size over the limit", marked(frame.Binary, strings.Repeat("x", 1100))[:14], nil, 1009},
		{"garbage", marked(frame.Text, "\xff\xff\xff\xff"), nil, 1007},
		{"truncated", marked(frame.Text, hello[:3]), nil, 1007},
		{"refers to nothing", marked(frame.Text, "\xf2\x00\x11\x00\x00"), nil, 1007},
		{"not UTF-8", marked(frame.Text, deflated("\xc3")), nil, 1007},
		{"endless final blocks", marked(frame.Binary, strings.Repeat("\x03\x00", 500), strings.Repeat("\x03\x00", 500),
			strings.Repeat("\x03\x00", 25)), nil, 1009},
		{"RSV1 on a continuation", join(marked(frame.Text, hello[:2], "")[:8], rsv(autobahn.Frame{Payload: []byte(hello[2:])})), nil, 1002},
		{"RSV1 on a continuation of a plain message", join(part(frame.Text, "a"), rsv(autobahn.Frame{})), nil, 1002},
		{"RSV1 on a ping", rsv(autobahn.Frame{Op: autobahn.Ping}), nil, 1002},
		{"RSV1 on a close", rsv(autobahn.Frame{Op: autobahn.Close}), nil, 1002},
		{"RSV1 and RSV2", autobahn.Frame{Op: autobahn.Text, RSV: 6}.Append(nil, key), nil, 1002},
		{"RSV2", autobahn.Frame{Op: autobahn.Text, RSV: 2}.Append(nil, key), nil, 1002},
		{"RSV1 and a reserved opcode", autobahn.Frame{Op: 3, RSV: 4}.Append(nil, key), nil, 1002},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			lim := frame.Limits{Message: 1000, Inflater: new(frame.Inflater)}
			for _, size := range []int{len(tt.wire), 1, 7} {
				got, err := feed(lim, pieces(tt.wire, size)...)
				if code(t, err) != tt.code {
					t.Fatalf("in pieces of %d: %v, want code %d", size, err, tt.code)
				}
				if err == nil && !slices.Equal(got, tt.want) {
					t.Fatalf("in pieces of %d: %+v, want %+v", size, got, tt.want)
				}
			}
		})
	}
}

// TestInflateNotAgreed: the bit is an error as soon as it is there.
func TestInflateNotAgreed(t *testing.T) {
	t.Parallel()
	if got, err := feed(frame.Limits{}, marked(frame.Text, "\x00")[:1]); code(t, err) != 1002 || got != nil {
		t.Errorf("%v, %v, want code 1002", got, err)
	}
}

// TestFinalBlocks bounds what blocks cost that are marked as the last.
func TestFinalBlocks(t *testing.T) {
	t.Parallel()
	lim := frame.Limits{Message: 1 << 20, Inflater: new(frame.Inflater)}
	for n, want := range map[int]int{1000: 0, 1025: 1007, 500_000: 1007} {
		if _, err := feed(lim, marked(frame.Binary, strings.Repeat("\x03\x00", n)+"\x00")); code(t, err) != want {
			t.Errorf("%d final blocks: %v, want code %d", n, err, want)
		}
	}
}

// TestTakeover: messages that refer to earlier ones, for as long as the window
// reaches.
func TestTakeover(t *testing.T) {
	t.Parallel()
	random := noise(40_000)
	for _, size := range []int{1, 100, 10_000, 20_000, 32_768, 40_000} {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, flate.DefaultCompression)
		var wire []byte
		var want []event
		sizes := []int{}
		for i := range 8 {
			msg := random[:size]
			if i%3 == 2 {
				msg = random[size/2 : size]
			}
			b.Reset()
			_, _ = w.Write(msg)
			_ = w.Flush()
			sizes = append(sizes, b.Len())
			wire = append(wire, marked(frame.Binary, strings.TrimSuffix(b.String(), "\x00\x00\xff\xff"))...)
			want = append(want, event{op: frame.Binary, data: string(msg)})
		}
		if size >= 100 && size <= 10_000 && sizes[1] > size/2 {
			t.Fatalf("the second message of %d bytes does not refer to the first: %d", size, sizes)
		}
		got, err := feed(frame.Limits{Inflater: &frame.Inflater{Takeover: true}}, pieces(wire, 4096)...)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("messages of %d bytes: %v", size, err)
		}
		if size == 10_000 {
			if _, err = feed(frame.Limits{Inflater: new(frame.Inflater)}, wire); code(t, err) != 1007 {
				t.Errorf("without takeover: %v", err)
			}
		}
	}
}

// oracle decompresses a message in another way: the whole of it, and all that
// follows blocks that are marked as the last.
func oracle(data, window []byte, limit int) (out []byte, ok bool) {
	if len(data) == 0 {
		return nil, true
	}
	const end = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"
	src := bytes.NewReader(append(bytes.Clone(data), end...))
	past := bytes.Clone(window)
	for range 1024 {
		got, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(src, past[max(0, len(past)-1<<15):]), int64(limit+1-len(out))))
		out, past = append(out, got...), append(past, got...)
		if err != nil || len(out) > limit {
			return out, false
		}
		if src.Len() == 0 || src.Len() == len(end) {
			return out, true
		}
	}
	return out, false
}

// FuzzInflate: whatever is said to be compressed, nothing panics, no more than
// the limit is delivered, and the same as by decompressing the whole message.
func FuzzInflate(f *testing.F) {
	for i, s := range []string{
		"", "\x00", "Hello", deflated("Hello"), deflated(strings.Repeat("a", 5000)), "\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
		"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "\x03\x00\x03\x00\x00", "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
	} {
		f.Add([]byte(s), uint64(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		const limit = 2000
		random := rand.New(rand.NewPCG(seed, 0))
		first := deflated("the window")
		op := []frame.Opcode{frame.Text, frame.Binary}[seed%2]
		var parts []string
		for rest := string(data); ; {
			n := random.IntN(len(rest) + 1)
			parts, rest = append(parts, rest[:n]), rest[n:]
			if rest == "" || len(parts) == 20 {
				parts[len(parts)-1] += rest
				break
			}
		}
		wire := join(marked(frame.Text, first), marked(op, parts...), client(frame.Ping, "end"))
		takeover := seed%3 == 0
		var window []byte
		if takeover {
			window = []byte("the window")
		}
		want, ok := oracle(data, window, limit)
		ok = ok && (op == frame.Binary || utf8.Valid(want)) && len(data) <= limit+limit/1024+64
		lim := frame.Limits{Message: limit, Inflater: &frame.Inflater{Takeover: takeover}}
		got, err := feed(lim, pieces(wire, 1+random.IntN(len(wire)))...)
		var e *frame.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		if ok != (err == nil) {
			t.Fatalf("%v, but the oracle says %v", err, ok)
		}
		if ok && !slices.Equal(got[1:], []event{{op: op, data: string(want)}, {op: frame.Ping, data: "end"}}) {
			t.Fatalf("got %+v, want %+v", got[1:], want)
		}
		for _, e := range got {
			if len(e.data) > limit {
				t.Fatalf("delivered %d bytes over the limit", len(e.data)-limit)
			}
		}
	})
}

// BenchmarkInflate is what a message of each size costs to decompress.
func BenchmarkInflate(b *testing.B) {
	for name, size := range map[string]int{"1KB": 1 << 10, "16KB": 16 << 10} {
		b.Run(name, func(b *testing.B) {
			data := deflated(strings.Repeat(`{"name":"value","n":12345},`, size)[:size])
			wire := autobahn.Frame{Op: autobahn.Text, RSV: 4, Payload: []byte(data)}.Append(nil, [4]byte{})
			var r frame.Reader
			h := discard{}
			lim := frame.Limits{Message: 1e6, Inflater: new(frame.Inflater)}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Feed(wire, lim, h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// discard is a handler that does nothing.
type discard struct{}

func (discard) Message([]byte, bool) error { return nil }
func (discard) Ping([]byte) error          { return nil }
func (discard) Pong([]byte) error          { return nil }
func (discard) Close(int, []byte) error    { return nil }

// noise is the same in every run.
func noise(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}
