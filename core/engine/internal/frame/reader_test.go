package frame_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
)

var key = [4]byte{0xA1, 0x02, 0xF3, 0x44}

// client returns a masked frame with FIN set.
func client(op frame.Opcode, payload string) []byte {
	return autobahn.Frame{Op: byte(op), Payload: []byte(payload)}.Append(nil, key)
}

// part returns a masked frame without FIN.
func part(op frame.Opcode, payload string) []byte {
	return autobahn.Frame{Op: byte(op), More: true, Payload: []byte(payload)}.Append(nil, key)
}

func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

// header64 returns a binary frame's header with a length of 64 bits.
func header64(n uint64) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{0x82, 0xFF}, n), key[:]...)
}

// TestRefused checks the inputs that Autobahn has no case for.
func TestRefused(t *testing.T) {
	t.Parallel()
	small := frame.Limits{Message: 10, Fragments: 3}
	tests := []struct {
		name string
		lim  frame.Limits
		wire []byte
		code int
	}{
		{"unmasked text", small, []byte("\x81\x02hi"), 1002},
		{"unmasked empty ping", small, []byte("\x89\x00"), 1002},
		{"first byte alone, RSV1", small, []byte{0xC1}, 1002},
		{"first byte alone, opcode 3", small, []byte{0x83}, 1002},
		{"second byte alone, ping of 126", small, []byte{0x89, 0xFE}, 1002},
		{"16-bit length of 125", small, []byte{0x82, 0xFE, 0, 125}, 1002},
		{"16-bit length of 0", small, []byte{0x82, 0xFE, 0, 0}, 1002},
		{"64-bit length of 65535", small, header64(65535), 1002},
		{"64-bit length of 0", small, header64(0), 1002},
		{"2^63", small, header64(1 << 63), 1002},
		{"2^64-1", small, header64(1<<64 - 1), 1002},
		{"2^63, no limit", frame.Limits{}, header64(1 << 63), 1002},
		{"2^63-1", small, header64(1<<63 - 1), 1009},
		{"2^63-1, no limit", frame.Limits{}, header64(1<<63 - 1), 1009},
		{"2^62, no limit", frame.Limits{}, header64(1 << 62), 1009},
		{"2^40", small, header64(1 << 40), 1009},
		{"one over the limit, header only", small, client(frame.Text, "12345678901")[:6], 1009},
		{"fragments over the limit together", small, join(part(frame.Text, "123456"), client(frame.Continuation, "78901")[:6]), 1009},
		{"2^63-1 after a fragment, no limit", frame.Limits{}, join(part(frame.Binary, "x"), continued(header64(1<<63-1))), 1009},
		{"one fragment too many", small, join(part(frame.Text, ""), part(frame.Continuation, ""), part(frame.Continuation, ""), client(frame.Continuation, "")), 1008},
		{"text ends inside a character", small, client(frame.Text, "a\xE2\x82"), 1007},
		{"fragmented text ends inside a character", small, join(part(frame.Text, "a\xE2"), client(frame.Continuation, "\x82")), 1007},
		{"close of 1 byte", small, client(frame.Close, "\x03"), 1002},
		{"close 1015", small, client(frame.Close, "\x03\xF7"), 1002},
		{"close reason ends inside a character", small, client(frame.Close, "\x03\xE8\xE2\x82"), 1007},
		{"continuation after a whole message", small, join(client(frame.Text, "a"), client(frame.Continuation, "b")), 1002},
		{"binary inside a text", small, join(part(frame.Text, "a"), client(frame.Binary, "b")), 1002},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{len(tt.wire), 1} {
				if _, err := feed(tt.lim, pieces(tt.wire, size)...); code(t, err) != tt.code {
					t.Errorf("in pieces of %d: %v, want code %d", size, err, tt.code)
				}
			}
		})
	}
}

// continued makes a continuation of a binary frame's header.
func continued(h []byte) []byte {
	h[0] &^= 0x0F
	return h
}

// TestFragmentLimit counts the frames that are taken of an endless message.
func TestFragmentLimit(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{"", "x"} {
		var r frame.Reader
		var h record
		lim := frame.Limits{Message: 1e6, Fragments: 1024}
		op, taken := frame.Text, 0
		var err error
		for ; taken < 20000 && err == nil; taken++ {
			err = r.Feed(part(op, payload), lim, &h)
			op = frame.Continuation
		}
		if code(t, err) != 1008 || taken != 1025 {
			t.Errorf("payload %q: %v at fragment %d, want 1008 at 1025", payload, err, taken)
		}
		if open, size := r.Partial(); open || size != 0 {
			t.Errorf("payload %q: a finished Reader holds %d bytes", payload, size)
		}
	}
	ends := join(part(frame.Text, "a"), part(frame.Continuation, "b"), client(frame.Continuation, "c"))
	if got, err := feed(frame.Limits{Fragments: 3}, ends); err != nil || len(got) != 1 {
		t.Errorf("as many fragments as allowed: %v, %v", got, err)
	}
	if _, err := feed(frame.Limits{Fragments: 2}, ends); code(t, err) != 1008 {
		t.Errorf("a last fragment over the limit: %v", err)
	}
}

// TestMessageLimit takes messages of exactly the limit.
func TestMessageLimit(t *testing.T) {
	t.Parallel()
	lim := frame.Limits{Message: 10}
	wire := join(client(frame.Text, "1234567890"), part(frame.Text, "12345"), client(frame.Ping, "a ping does not count"),
		client(frame.Continuation, "67890"), client(frame.Text, "1"))
	for n := 1; n <= len(wire); n++ {
		got, err := feed(lim, pieces(wire, n)...)
		if err != nil || len(got) != 4 || got[2].data != "1234567890" {
			t.Fatalf("in pieces of %d: %v, %v", n, got, err)
		}
	}
}

// TestHandlerError checks that an error of the handler comes back as it is, and
// stays.
func TestHandlerError(t *testing.T) {
	t.Parallel()
	want := errors.New("stop")
	for _, wire := range [][]byte{
		client(frame.Text, "a"), client(frame.Binary, "a"), client(frame.Ping, "a"), client(frame.Pong, "a"),
		client(frame.Close, ""), join(part(frame.Text, "a"), client(frame.Ping, "b")),
	} {
		for _, size := range []int{len(wire), 1} {
			var r frame.Reader
			h := record{failAt: 1, fail: want}
			var err error
			for _, p := range pieces(wire, size) {
				err = r.Feed(bytes.Clone(p), frame.Limits{}, &h)
			}
			again := r.Feed(client(frame.Text, "more"), frame.Limits{}, &h)
			if err != want || again != want || len(h.events) != 1 {
				t.Errorf("% x: %v, then %v, %d events", wire, err, again, len(h.events))
			}
		}
	}
}

// TestAfterClose checks that nothing after a close frame counts, not even junk.
func TestAfterClose(t *testing.T) {
	t.Parallel()
	wire := join(client(frame.Close, "\x03\xE9bye"), client(frame.Text, "late"), []byte("junk"))
	got, err := feed(frame.Limits{}, wire, wire)
	want := []event{{op: frame.Close, data: "bye", code: 1001}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

// TestErrorStays checks that a failed Reader does not come back to life.
func TestErrorStays(t *testing.T) {
	t.Parallel()
	var r frame.Reader
	var h record
	first := r.Feed([]byte{0xFF}, frame.Limits{}, &h)
	again := r.Feed(client(frame.Text, "a"), frame.Limits{}, &h)
	if first == nil || again != first || len(h.events) != 0 {
		t.Errorf("%v, then %v, events %v", first, again, h.events)
	}
}

// TestPartial follows what is open byte by byte.
func TestPartial(t *testing.T) {
	t.Parallel()
	var r frame.Reader
	var h record
	wire := join(client(frame.Ping, "p"), part(frame.Text, "a"), client(frame.Ping, "p"), client(frame.Continuation, "b"))
	whole := map[int]bool{len(client(frame.Ping, "p")): true, len(wire): true}
	for i := range wire {
		if err := r.Feed([]byte{wire[i]}, frame.Limits{}, &h); err != nil {
			t.Fatal(err)
		}
		if open, size := r.Partial(); open == whole[i+1] || open != (size > 0) {
			t.Errorf("after %d bytes: open %v, %d bytes", i+1, open, size)
		}
	}
}

// TestNoLeak checks that what one peer sent never reaches another through
// recycled memory.
func TestNoLeak(t *testing.T) {
	t.Parallel()
	secret := bytes.Repeat([]byte("secret"), 20)
	for range 1000 {
		wire := join(client(frame.Ping, string(secret)), part(frame.Text, string(secret)), client(frame.Continuation, ""))
		if _, err := feed(frame.Limits{}, pieces(wire, 50)...); err != nil {
			t.Fatal(err)
		}
		wire = join(client(frame.Ping, "x"), client(frame.Ping, ""), client(frame.Close, ""), part(frame.Text, "y"))
		got, err := feed(frame.Limits{}, pieces(wire, 1)...)
		want := []event{{op: frame.Ping, data: "x"}, {op: frame.Ping}, {op: frame.Close, code: 1005}}
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v, %v, want %v", got, err, want)
		}
	}
}
