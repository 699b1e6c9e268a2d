package stream

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// handler makes a function a Handler.
type handler func(data []byte, binary bool) error

func (h handler) Message(data []byte, binary bool) error { return h(data, binary) }

// collect feeds pieces of size bytes and lists the frames.
func collect(data []byte, size int, limit int64) (frames []string, partial bool, err error) {
	var r Reader
	for piece := range slices.Chunk(data, size) {
		err = r.Feed(bytes.Clone(piece), limit, handler(func(data []byte, isBinary bool) error {
			frames = append(frames, fmt.Sprintf("%t %x", isBinary, data))
			return nil
		}))
		if err != nil {
			break
		}
	}
	return frames, r.Partial(), err
}

func TestFeed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in      string
		limit   int64
		frames  []string
		partial bool
		err     error
	}{
		"open packet":              {in: "0130", frames: []string{"false 30"}},
		"binary flag on a ping":    {in: "8132", frames: []string{"true 32"}},
		"text and binary":          {in: "0132" + "820102", frames: []string{"false 32", "true 0102"}},
		"the second is cut":        {in: "0132" + "8201", frames: []string{"false 32"}, partial: true},
		"header only":              {in: "05", partial: true},
		"cut in a length":          {in: "7e00", partial: true},
		"no bytes":                 {in: "00", err: ErrEmpty, partial: true},
		"no bytes, binary":         {in: "80", frames: []string{"true "}},
		"no bytes, then some":      {in: "80800132" + "8101", frames: []string{"true ", "true ", "false 32", "true 01"}},
		"no bytes in 16 bits":      {in: "7e0000", err: ErrLength, partial: true},
		"125 in 16 bits":           {in: "7e007d", err: ErrLength, partial: true},
		"126 in 16 bits":           {in: "7e007e" + strings.Repeat("61", 126), frames: []string{"false " + strings.Repeat("61", 126)}},
		"65535 in 64 bits":         {in: "7f000000000000ffff", err: ErrLength, partial: true},
		"2^53":                     {in: "7f0020000000000000", err: ErrLength, partial: true},
		"2^53-1":                   {in: "7f001fffffffffffff", limit: 1e6, err: ErrTooBig, partial: true},
		"2^64-1":                   {in: "ffffffffffffffffff", err: ErrLength, partial: true},
		"at the limit":             {in: "03343434", limit: 3, frames: []string{"false 343434"}},
		"over the limit":           {in: "04", limit: 3, err: ErrTooBig, partial: true},
		"text that is not UTF-8":   {in: "0234ff", err: ErrNotUTF8},
		"binary that is not UTF-8": {in: "8234ff", frames: []string{"true 34ff"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := hex.DecodeString(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			for size := 1; size <= len(data); size++ {
				frames, partial, err := collect(data, size, tt.limit)
				if !errors.Is(err, tt.err) || !slices.Equal(frames, tt.frames) || partial != tt.partial {
					t.Errorf("in pieces of %d: %v, partial %t, %v; want %v, %t, %v", size, frames, partial, err, tt.frames, tt.partial, tt.err)
				}
			}
		})
	}
}

func TestFeedStopsAtTheFirstError(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	var r Reader
	calls := 0
	err := r.Feed([]byte{1, '2', 1, '3'}, 0, handler(func([]byte, bool) error { calls++; return stop }))
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// TestLinear: a declared length costs nothing, and one byte at a time not
// more than all at once.
func TestLinear(t *testing.T) {
	t.Parallel()
	var r Reader
	none := handler(func([]byte, bool) error { return nil })
	if err := r.Feed([]byte{0x7f, 0, 0, 0, 1, 0, 0, 0, 0}, 0, none); err != nil {
		t.Fatal(err)
	}
	for fed := 1; fed <= 1<<16; fed++ {
		if err := r.Feed([]byte{'4'}, 0, none); err != nil {
			t.Fatal(err)
		}
		if cap(r.body) > 2*fed+64 {
			t.Fatalf("%d bytes held after %d", cap(r.body), fed)
		}
	}
}

func TestAppendHeader(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 125, 126, 127, 65535, 65536, 1 << 20} {
		for _, isBinary := range []bool{false, true} {
			data := append(AppendHeader(nil, isBinary, n), bytes.Repeat([]byte{'x'}, n)...)
			frames, partial, err := collect(data, len(data), 0)
			if err != nil || partial || len(frames) != 1 || frames[0] != fmt.Sprintf("%t %s", isBinary, strings.Repeat("78", n)) {
				t.Errorf("%d, %t: %d frames, partial %t, %v", n, isBinary, len(frames), partial, err)
			}
		}
	}
}

// FuzzFeed: however the bytes are cut, the frames and the error are the same,
// no frame is over the limit, and frames that were read can be written again.
func FuzzFeed(f *testing.F) {
	for _, seed := range []string{"0130", "8101", "7e007e", "7f0020000000000000", "00", "0234ff", "0132013281ff"} {
		data, _ := hex.DecodeString(seed)
		f.Add(data, uint8(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		if len(data) == 0 {
			return
		}
		const limit = 1000
		whole, partial, err := collect(data, len(data), limit)
		pieces, cut, errCut := collect(data, int(size)+1, limit)
		if !slices.Equal(whole, pieces) || partial != cut || !errors.Is(errCut, err) {
			t.Fatalf("whole: %v %t %v; cut: %v %t %v", whole, partial, err, pieces, cut, errCut)
		}
		var again []byte
		var r Reader
		_ = r.Feed(bytes.Clone(data), limit, handler(func(data []byte, isBinary bool) error {
			if len(data) > limit || len(data) == 0 && !isBinary {
				t.Fatalf("a frame of %d bytes", len(data))
			}
			again = append(AppendHeader(again, isBinary, len(data)), data...)
			return nil
		}))
		if !bytes.HasPrefix(data, again) {
			t.Fatalf("%x was read from %x", again, data)
		}
	})
}
