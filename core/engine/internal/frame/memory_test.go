package frame

import (
	"bytes"
	"math"
	"runtime"
	"testing"
	"unsafe"
)

// nothing is a handler that does nothing.
type nothing struct{}

func (nothing) Message([]byte, bool) error { return nil }
func (nothing) Ping([]byte) error          { return nil }
func (nothing) Pong([]byte) error          { return nil }
func (nothing) Close(int, []byte) error    { return nil }

// TestSizes keeps what the documentation and Partial state true.
func TestSizes(t *testing.T) {
	t.Parallel()
	if bits := 32 << (^uint(0) >> 63); bits == 64 {
		if got := unsafe.Sizeof(Reader{}); got > 24 {
			t.Errorf("an idle Reader takes %d bytes, want at most 24", got)
		}
	}
	if got := unsafe.Sizeof(partial{}); got > partialSize {
		t.Errorf("a partial takes %d bytes, more than partialSize", got)
	}
}

// allocated returns the bytes allocated while f runs.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The tests below measure the heap of the process and run alone.

// TestDeclaredLength sends headers that declare 2^40 bytes.
func TestDeclaredLength(t *testing.T) {
	header := []byte{0x82, 0xFF, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4}
	var refused, open Reader
	var errRefused, errOpen error
	grown := allocated(func() {
		errRefused = refused.Feed(header, Limits{Message: 1e6}, nothing{})
		errOpen = open.Feed(append(bytes.Clone(header), 'x'), Limits{Message: math.MaxInt64}, nothing{})
	})
	if grown > 64<<10 {
		t.Errorf("allocated %d bytes", grown)
	}
	if errRefused != errMessageTooBig || errOpen != nil {
		t.Errorf("errors %v and %v", errRefused, errOpen)
	}
}

// TestLinear feeds 1 MB in pieces of one byte: as one frame, and as frames of
// 1 KB. The memory allocated on the way shows that nothing is copied over and
// over.
func TestLinear(t *testing.T) {
	const size, frames = 1 << 20, 1 << 10
	one := append([]byte{0x81, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0}, bytes.Repeat([]byte{'x'}, size)...)
	var many []byte
	for i := range frames {
		b0 := byte(Continuation)
		switch i {
		case 0:
			b0 = byte(Text)
		case frames - 1:
			b0 = finBit
		}
		many = append(many, b0, maskBit|len16, 4, 0, 0, 0, 0, 0)
		many = append(many, bytes.Repeat([]byte{'x'}, size/frames)...)
	}
	for name, wire := range map[string][]byte{"one frame": one, "fragments": many} {
		var r Reader
		fed, held := 0, 0
		grown := allocated(func() {
			for i := range wire {
				if err := r.Feed(wire[i:i+1], Limits{}, nothing{}); err != nil {
					t.Fatal(err)
				}
				if _, n := r.Partial(); n > 2*(i+1)+64<<10 {
					fed, held = i+1, n
				}
			}
		})
		if grown > 4*size || held > 0 {
			t.Errorf("%s: allocated %d bytes; held %d of %d received", name, grown, held, fed)
		}
		if open, _ := r.Partial(); open {
			t.Errorf("%s: did not end", name)
		}
	}
}

// TestNoAllocs checks that whole frames cost no memory, and failures neither.
func TestNoAllocs(t *testing.T) {
	wire := []byte("\x81\x85\x00\x00\x00\x00hello\x89\x80\x00\x00\x00\x00\x8a\x80\x00\x00\x00\x00")
	var r Reader
	if n := testing.AllocsPerRun(100, func() { _ = r.Feed(wire, Limits{Message: 100}, nothing{}) }); n != 0 {
		t.Errorf("%v allocations for whole frames", n)
	}
	bad := []byte{0xFF}
	if n := testing.AllocsPerRun(100, func() { var r Reader; _ = r.Feed(bad, Limits{}, nothing{}) }); n != 0 {
		t.Errorf("%v allocations for a refused frame", n)
	}
}

// TestUnmask compares unmask with the formula of RFC 6455 section 5.3, at every
// length and turn of the key up to a few words.
func TestUnmask(t *testing.T) {
	t.Parallel()
	key := [4]byte{0x11, 0x22, 0x44, 0x88}
	const word = 0x88442211
	for n := range 140 {
		for cut := range n + 1 {
			got, want := make([]byte, n), make([]byte, n)
			for i := range want {
				got[i] = byte(i)
				want[i] = byte(i) ^ key[i%4]
			}
			unmask(got[cut:], unmask(got[:cut], word))
			if !bytes.Equal(got, want) {
				t.Fatalf("%d bytes cut at %d: % x, want % x", n, cut, got, want)
			}
		}
	}
}

func BenchmarkFeedSmallText(b *testing.B) {
	wire := append([]byte{0x81, 0x80 | 32, 0, 0, 0, 0}, "42[\"message\",\"hello, world 1234\"]"[:32]...)
	var r Reader
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Feed(wire, Limits{Message: 1e6, Fragments: 1024}, nothing{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFeedCut(b *testing.B) {
	wire := append([]byte{0x81, 0x80 | 32, 0, 0, 0, 0}, "42[\"message\",\"hello, world 1234\"]"[:32]...)
	var r Reader
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Feed(wire[:20], Limits{Message: 1e6}, nothing{})
		if err := r.Feed(wire[20:], Limits{Message: 1e6}, nothing{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmask(b *testing.B) {
	for _, size := range []int{32, 1024, 16 << 10} {
		b.Run(map[int]string{32: "32B", 1024: "1KB", 16 << 10: "16KB"}[size], func(b *testing.B) {
			p := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				unmask(p, 0x01020304)
			}
		})
	}
}
