package parser_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gosio/gosio/core/engine/parser"
)

// collect returns the packets of a payload in a form to compare, and the error
// behind them.
func collect(packets iter.Seq2[parser.Packet, error]) (all []string, last error) {
	for p, err := range packets {
		if last != nil {
			all = append(all, "more after the error")
		}
		if last = err; err != nil {
			continue
		}
		all = append(all, describe(p))
	}
	return all, last
}

func describe(p parser.Packet) string {
	if p.Binary {
		return fmt.Sprintf("%v bytes %x", p.Type, p.Data)
	}
	return fmt.Sprintf("%v %s", p.Type, p.Data)
}

func TestDecodeV3(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		src, want string
		err       error
	}{
		{"2", "ping ", nil},
		{"2probe", "ping probe", nil},
		{"4€", "message €", nil},
		{"b4AQID", "message bytes 010203", nil},
		{"b4", "message bytes ", nil},
		{"", "", parser.ErrEmptyPacket},
		{"7", "", parser.ErrType},
		{"b", "", parser.ErrType},
		{"bAQID", "", parser.ErrType},
		{"b2", "", parser.ErrType},
		{"b4!", "", parser.ErrBase64},
		{"b4AQ\nID", "message bytes 010203", nil},
		{"b4A\nQ\nI\nD", "", parser.ErrBase64},
	} {
		p, err := parser.DecodeV3([]byte(tt.src))
		if !errors.Is(err, tt.err) || (err == nil && describe(p) != tt.want) {
			t.Errorf("%q: %v, %v", tt.src, describe(p), err)
		}
	}
	for src, want := range map[string]error{"": parser.ErrEmptyPacket, "\x02": parser.ErrType, "4x": parser.ErrType, "\xff": parser.ErrType} {
		if _, err := parser.DecodeBinaryV3([]byte(src)); !errors.Is(err, want) {
			t.Errorf("binary %q: %v", src, err)
		}
	}
	src := []byte("\x04\x00\xff")
	if p, err := parser.DecodeBinaryV3(src); err != nil || describe(p) != "message bytes 00ff" || &p.Data[0] != &src[1] {
		t.Errorf("binary: %v, %v", p, err)
	}
}

// TestPacketsV3: the lengths are those of JavaScript's strings.
func TestPacketsV3(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("9", 400)
	for _, tt := range []struct {
		payload string
		want    []string
		err     error
	}{
		{"1:2", []string{"ping "}, nil},
		{"6:4hello2:4€", []string{"message hello", "message €"}, nil},
		{"3:4😀1:2", []string{"message 😀", "ping "}, nil},
		{"6:4a𝄞b€1:6", []string{"message a𝄞b€", "noop "}, nil},
		{"6:b4AQID", []string{"message bytes 010203"}, nil},
		{"8:4\x1e1:2:3,4:4abc", []string{"message \x1e1:2:3,", "message abc"}, nil},
		{"0:", nil, nil},
		{"0:1:20:", []string{"ping "}, nil},
		{"01:2", []string{"ping "}, nil},
		{"", nil, parser.ErrEmptyPacket},
		{":", nil, parser.ErrLength},
		{"2", nil, parser.ErrLength},
		{"2:4", nil, parser.ErrLength},
		{"4a\x1e4b", nil, parser.ErrLength},
		{"1:21", []string{"ping "}, parser.ErrLength},
		{"1:2x", []string{"ping "}, parser.ErrLength},
		{"-1:2", nil, parser.ErrLength},
		{"1e0:2", nil, parser.ErrLength},
		{" 1:2", nil, parser.ErrLength},
		{"1.0:2", nil, parser.ErrLength},
		{"0x1:2", nil, parser.ErrLength},
		{"２:4a", nil, parser.ErrLength},
		{"9999999999:4", nil, parser.ErrLength},
		{"10000000000:4", nil, parser.ErrLength},
		{"18446744073709551617:2", nil, parser.ErrLength},
		{huge + ":2", nil, parser.ErrLength},
		{"2:4😀", nil, parser.ErrLength},                               // half of a character
		{"1:23:4😀", []string{"ping ", "message 😀"}, nil},              // and a whole one
		{"1:9", nil, parser.ErrType},                                  // and what is wrong inside
		{"1:26:bAQIDB1:2", []string{"ping "}, parser.ErrType},         // of today's protocol
		{"1:26:b4AQ!D1:2", []string{"ping "}, parser.ErrBase64},       // stops there
		{"1:2\x001:2", []string{"ping "}, parser.ErrLength},           // no length
		{"1:2" + "00000000000:", []string{"ping "}, parser.ErrLength}, // too many digits
	} {
		got, err := collect(parser.PacketsV3([]byte(tt.payload)))
		if !errors.Is(err, tt.err) || !slices.Equal(got, tt.want) {
			t.Errorf("%.40q: %q, %v, want %q, %v", tt.payload, got, err, tt.want, tt.err)
		}
	}
}

func TestBinaryPacketsV3(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		payload string
		want    []string
		err     error
	}{
		{"\x00\x01\xff2", []string{"ping "}, nil},
		{"\x00\x06\xff4hello\x01\x04\xff\x04\x00\x01\xff", []string{"message hello", "message bytes 0001ff"}, nil},
		{"\x00\x05\xff4😀\x00\x04\xff4€", []string{"message 😀", "message €"}, nil}, // bytes are counted here
		{"\x01\x01\x02\xff\x04" + strings.Repeat("x", 11), []string{"message bytes " + strings.Repeat("78", 11)}, nil},
		{"\x00\x06\xffb4AQID", []string{"message bytes 010203"}, nil},
		{"\x01\x01\xff\x04", []string{"message bytes "}, nil},
		{"\x01\x00\x00\x01\xff\x04", []string{"message bytes "}, nil},
		{"", nil, parser.ErrEmptyPacket},
		{"\x00\x00\xff", nil, parser.ErrEmptyPacket},
		{"\x01\x00\xff", nil, parser.ErrEmptyPacket},
		{"\x00", nil, parser.ErrLength},
		{"\x00\xff2", nil, parser.ErrLength},
		{"\x00\x01", nil, parser.ErrLength},
		{"\x00\x01\xff", nil, parser.ErrLength},
		{"\x02\x01\xff2", nil, parser.ErrLength},
		{"\x00\x0a\xff" + strings.Repeat("2", 10), nil, parser.ErrLength},
		{"\x001\xff2", nil, parser.ErrLength}, // an ASCII digit
		{"\x00\x02\xff2", nil, parser.ErrLength},
		{"\x00\x01\xff2x", []string{"ping "}, parser.ErrLength},
		{"\x01" + strings.Repeat("\x09", 10) + "\xff\x04", nil, parser.ErrLength},
		{"\x01" + strings.Repeat("\x00", 10) + "\x01\xff\x04", nil, parser.ErrLength},
		{"\x01" + strings.Repeat("\x09", 400) + "\xff\x04", nil, parser.ErrLength},
		{"\x00\x02\xff4\xc3", nil, parser.ErrUTF8},
		{"\x00\x03\xff4\xed\xa0", nil, parser.ErrUTF8},
		{"\x01\x01\xff2", nil, parser.ErrType},
		{"\x00\x01\xff\x04", nil, parser.ErrType},
	} {
		got, err := collect(parser.BinaryPacketsV3([]byte(tt.payload)))
		if !errors.Is(err, tt.err) || !slices.Equal(got, tt.want) {
			t.Errorf("%.40q: %q, %v, want %q, %v", tt.payload, got, err, tt.want, tt.err)
		}
	}
}

// TestPayloadsV3 decodes what was encoded, and every beginning of it: that is
// fewer packets, or an error, but never other packets.
func TestPayloadsV3(t *testing.T) {
	t.Parallel()
	text, binary := payloadsV3([]byte("4a😀€"), []byte{0, 0xff, 4, ':'})
	if want := "5:4a😀€10:b4AP8EOg==1:3"; string(text) != want {
		t.Errorf("text payload %q, want %q", text, want)
	}
	if want := "\x00\x09\xff4a😀€\x01\x05\xff\x04\x00\xff\x04:\x00\x01\xff3"; string(binary) != want {
		t.Errorf("binary payload %q, want %q", binary, want)
	}
	want := []string{"message a😀€", "message bytes 00ff043a", "pong "}
	for name, tt := range map[string]struct {
		payload []byte
		decode  func([]byte) iter.Seq2[parser.Packet, error]
	}{"text": {text, parser.PacketsV3}, "binary": {binary, parser.BinaryPacketsV3}} {
		if got, err := collect(tt.decode(tt.payload)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		for n := range tt.payload {
			if name == "text" && !utf8.Valid(tt.payload[:n]) { // which the caller has found
				continue
			}
			got, err := collect(tt.decode(tt.payload[:n]))
			if len(got) > len(want) || !slices.Equal(got, want[:len(got)]) || (err == nil && n != whole(tt.payload, len(got), text)) {
				t.Errorf("%s, the first %d bytes: %q, %v", name, n, got, err)
			}
		}
	}
}

// whole is where packet n of the payloads of the test above ends.
func whole(payload []byte, n int, text []byte) int {
	if bytes.Equal(payload, text) {
		return []int{0, 11, 24, 27}[n]
	}
	return []int{0, 12, 20, 24}[n]
}

// payloadsV3 encodes a text, bytes and a pong.
func payloadsV3(text, data []byte) (asText, asBinary []byte) {
	asText = parser.AppendTextV3(nil, text)
	asText = parser.AppendTextV3(asText, parser.AppendBase64V3(nil, data))
	asText = parser.AppendTextV3(asText, []byte("3"))
	asBinary = parser.AppendBinaryV3(nil, text, false)
	asBinary = parser.AppendBinaryV3(asBinary, append([]byte{4}, data...), true)
	asBinary = parser.AppendBinaryV3(asBinary, []byte("3"), false)
	return asText, asBinary
}

// A claimed length costs nothing, nor does the number of packets.
func TestPacketsV3Allocates(t *testing.T) {
	many, manyBinary := bytes.Repeat([]byte("2:4x"), 1000), bytes.Repeat([]byte("\x00\x02\xff4x"), 1000)
	claimed, claimedBinary := []byte("999999999:4"), []byte("\x01\x09\x09\x09\x09\x09\x09\x09\x09\x09\xff\x04")
	got := testing.AllocsPerRun(10, func() {
		for range parser.PacketsV3(many) {
		}
		for range parser.BinaryPacketsV3(manyBinary) {
		}
		for range parser.PacketsV3(claimed) {
		}
		for range parser.BinaryPacketsV3(claimedBinary) {
		}
	})
	if got > 0 {
		t.Errorf("%v allocations", got)
	}
}

func FuzzDecodeV3(f *testing.F) {
	for _, seed := range []string{"2probe", "b4AQID", "bAQID", "\x04\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if p, err := parser.DecodeBinaryV3(src); err == nil && !bytes.Equal(append([]byte{4}, p.Data...), src) {
			t.Errorf("binary %q: %v", src, p)
		}
		p, err := parser.DecodeV3(src)
		if err != nil {
			return
		}
		again := p.Append(nil)
		if p.Binary {
			again = parser.AppendBase64V3(nil, p.Data)
		}
		q, err := parser.DecodeV3(again)
		if err != nil || describe(p) != describe(q) {
			t.Errorf("%q: encoded as %q: %v, %v", src, again, q, err)
		}
	})
}

// FuzzPacketsV3's oracle counts as JavaScript does.
func FuzzPacketsV3(f *testing.F) {
	text, _ := payloadsV3([]byte("4a😀€"), []byte{0, 0xff})
	f.Add(text)
	f.Add([]byte("0:2:4😀"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if !utf8.Valid(payload) {
			return
		}
		units := utf16.Encode([]rune(string(payload)))
		for p, err := range parser.PacketsV3(payload) {
			if err != nil {
				return
			}
			var part []uint16
			for len(part) == 0 {
				colon := slices.Index(units, ':')
				n, err := strconv.Atoi(string(utf16.Decode(units[:colon])))
				if err != nil || n > len(units)-colon-1 {
					t.Fatalf("%q: length %d, %v", payload, n, err)
				}
				part, units = units[colon+1:colon+1+n], units[colon+1+n:]
			}
			want, err := parser.DecodeV3([]byte(string(utf16.Decode(part))))
			if err != nil || describe(p) != describe(want) {
				t.Fatalf("%q: %v, want %v, %v", payload, p, want, err)
			}
		}
	})
}

func FuzzBinaryPacketsV3(f *testing.F) {
	_, binary := payloadsV3([]byte("4a😀€"), []byte{0, 0xff})
	f.Add(binary)
	f.Add([]byte("\x01\x09\x09\xff\x04"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var again []byte
		for p, err := range parser.BinaryPacketsV3(payload) {
			if err != nil {
				return
			}
			if p.Binary {
				again = parser.AppendBinaryV3(again, append([]byte{4}, p.Data...), true)
			} else {
				again = parser.AppendBinaryV3(again, p.Append(nil), false)
			}
		}
		first, _ := collect(parser.BinaryPacketsV3(payload))
		second, err := collect(parser.BinaryPacketsV3(again))
		if err != nil || !slices.Equal(first, second) {
			t.Errorf("%q: encoded as %q: %q, %v", payload, again, second, err)
		}
	})
}
