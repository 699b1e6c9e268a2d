package load_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/gosio/gosio/bench/load"
)

// The masked "Hello" of RFC 6455, section 5.7.
func TestAppendFrameExample(t *testing.T) {
	t.Parallel()
	want := []byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}
	key := binary.LittleEndian.Uint32([]byte{0x37, 0xfa, 0x21, 0x3d})
	if got := load.AppendFrame(nil, load.OpText, []byte("Hello"), key); !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
}

func TestAppendFrameLengths(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ size, head int }{
		{0, 6}, {125, 6}, {126, 8}, {65535, 8}, {65536, 14},
	} {
		payload := bytes.Repeat([]byte{'x'}, test.size)
		frame := load.AppendFrame([]byte("kept"), load.OpBinary, payload, 0x01020304)
		if len(frame) != 4+test.head+test.size || string(frame[:4]) != "kept" {
			t.Fatalf("%d bytes make a frame of %d", test.size, len(frame)-4)
		}
		body := frame[4+test.head:]
		if test.size > 0 && bytes.Equal(body, payload) {
			t.Errorf("%d bytes are not masked", test.size)
		}
		load.Mask(body, 0x01020304)
		if !bytes.Equal(body, payload) {
			t.Errorf("%d bytes: unmasking does not give them back", test.size)
		}
	}
}

// serverFrame builds an unmasked frame.
func serverFrame(op load.Opcode, size int) []byte {
	frame := load.AppendFrame(nil, op, bytes.Repeat([]byte{'y'}, size), 0)
	head := len(frame) - size - 4
	frame = append(frame[:head:head], frame[head+4:]...)
	frame[1] &^= 0x80
	return frame
}

func TestParseFrameCuts(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 125, 126, 300, 65535, 65536} {
		whole := serverFrame(load.OpText, size)
		for cut := range min(len(whole), 400) {
			if _, n, err := load.ParseFrame(whole[:cut]); n != 0 || err != nil {
				t.Fatalf("size %d cut at %d: %d, %v", size, cut, n, err)
			}
		}
		frame, n, err := load.ParseFrame(append(whole, 0x81))
		if err != nil || n != len(whole) || !frame.Fin || frame.Op != load.OpText || len(frame.Payload) != size {
			t.Errorf("size %d: %v, %d, %v", size, frame.Op, n, err)
		}
	}
}

func TestParseFrameRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		bytes []byte
		want  error
	}{
		{"reserved bit", []byte{0xc1, 0}, load.ErrReservedBits},
		{"masked", []byte{0x81, 0x80, 0, 0, 0, 0}, load.ErrServerMasked},
		{"too long", []byte{0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}, load.ErrFrameTooLong},
	} {
		if _, _, err := load.ParseFrame(test.bytes); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func FuzzParseFrame(f *testing.F) {
	f.Add(serverFrame(load.OpText, 3))
	f.Add(serverFrame(load.OpBinary, 300))
	f.Add([]byte{0x81, 127, 0, 0, 0, 0, 0, 0, 0, 1, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, n, err := load.ParseFrame(b)
		if n < 0 || n > len(b) || err != nil && n != 0 || len(frame.Payload) > n {
			t.Fatalf("%d bytes: %d, payload %d, %v", len(b), n, len(frame.Payload), err)
		}
	})
}
