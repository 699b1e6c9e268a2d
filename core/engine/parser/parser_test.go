package parser_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosio/gosio/core/engine/parser"
)

// vectors reads the lines of testdata/packets.txt, split at the bars.
func vectors(t testing.TB) [][]string {
	t.Helper()
	f, err := os.Open("testdata/packets.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines [][]string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if strings.HasPrefix(sc.Text(), "#") {
			continue
		}
		line := strings.Split(sc.Text(), "|")
		if len(line) != 4 {
			t.Fatalf("%q has %d fields", sc.Text(), len(line))
		}
		lines = append(lines, line)
	}
	return lines
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		p, err := parser.Decode([]byte(v[0]))
		if v[2] == "" {
			if err == nil || err.Error() != v[1] || p.Data != nil {
				t.Errorf("%q: got %+v, %v, want %s", v[0], p, err, v[1])
			}
			continue
		}
		data, hexErr := hex.DecodeString(v[3])
		if hexErr != nil {
			t.Fatal(hexErr)
		}
		if err != nil || p.Type.String() != v[1] || p.Binary != (v[2] == "binary") || !bytes.Equal(p.Data, data) {
			t.Errorf("%q: got %+v, %v", v[0], p, err)
			continue
		}
		text := p.Append([]byte("x"))
		again, err := parser.Decode(text[1:])
		if err != nil || again.Type != p.Type || again.Binary != p.Binary || !bytes.Equal(again.Data, p.Data) {
			t.Errorf("%q: encoded as %q: %+v, %v", v[0], text[1:], again, err)
		}
		if !p.Binary && string(text[1:]) != v[0] {
			t.Errorf("%q: encoded as %q", v[0], text[1:])
		}
	}
}

// A cut of a text packet is the same packet with less data. A cut of padded
// base64 is an error or fewer bytes, never other bytes.
func TestDecodeCuts(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		whole, err := parser.Decode([]byte(v[0]))
		for n := range len(v[0]) {
			p, cutErr := parser.Decode([]byte(v[0][:n]))
			if n == 0 && !errors.Is(cutErr, parser.ErrEmptyPacket) {
				t.Errorf("empty: %+v, %v", p, cutErr)
			}
			if err == nil && cutErr == nil && !bytes.HasPrefix(whole.Data, p.Data) {
				t.Errorf("%q is no part of %q", v[0][:n], v[0])
			}
		}
	}
}

func TestDecodeBase64LineBreaks(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte{0xff, 0xfe, 1}, 100)
	text := base64.StdEncoding.EncodeToString(data) // 400 characters
	lines := func(width int, end string) (s string) {
		for rest := text; rest != ""; {
			n := min(width, len(rest))
			s += rest[:n] + end
			rest = rest[n:]
		}
		return s
	}
	for name, test := range map[string]struct {
		text string
		want []byte // nil: an error
	}{
		"Java":            {lines(76, "\n"), data},
		"MIME":            {lines(76, "\r\n"), data},
		"PEM":             {lines(64, "\n"), data},
		"short":           {lines(16, "\n"), data},
		"too short":       {lines(15, "\n"), nil},
		"one":             {"AQI=\n", []byte{1, 2}},
		"one of two":      {"AQI=\r\n", []byte{1, 2}},
		"no padding":      {"AQI\n", []byte{1, 2}},
		"inside":          {"AQID\nBA==", []byte{1, 2, 3, 4}},
		"URL-safe":        {"_-8=\n", []byte{0xff, 0xef}},
		"nothing":         {"\n", nil},
		"two":             {"AQI=\n\n", nil},
		"carriage return": {"AQI=\r\r\r", nil},
		"other space":     {"AQI= ", nil},
		"after padding":   {"AQ==\nAQ==", nil},
		"only breaks":     {strings.Repeat("\n", 1000), nil},
	} {
		for prefix, decode := range map[string]func([]byte) (parser.Packet, error){"b": parser.Decode, "b4": parser.DecodeV3} {
			p, err := decode([]byte(prefix + test.text))
			if test.want == nil && !errors.Is(err, parser.ErrBase64) || test.want != nil && (err != nil || !bytes.Equal(p.Data, test.want)) {
				t.Errorf("%s, %s: %x, %v", name, prefix, p.Data, err)
			}
		}
	}
}

// Text aliases the input and cannot grow into the next packet; bytes are fresh.
func TestDecodeAliases(t *testing.T) {
	t.Parallel()
	payload := []byte("4abc\x1ebAQID")
	for p, err := range parser.Packets(payload) {
		if err != nil {
			t.Fatal(err)
		}
		if !p.Binary && &p.Data[0] != &payload[1] {
			t.Error("text was copied")
		}
		_ = append(p.Data, "XXXX"...)
	}
	if string(payload) != "4abc\x1ebAQID" {
		t.Errorf("payload became %q", payload)
	}
}

func TestPackets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		payload string
		want    []string
		err     error
	}{
		{"4a", []string{"4a"}, nil},
		{"4a\x1e2\x1ebAQIDBA==\x1e4€", []string{"4a", "2", "bAQIDBA==", "4€"}, nil},
		{"", nil, parser.ErrEmptyPacket},
		{"\x1e", nil, parser.ErrEmptyPacket},
		{"\x1e4a", nil, parser.ErrEmptyPacket},
		{"4a\x1e", []string{"4a"}, parser.ErrEmptyPacket},
		{"4a\x1e\x1e4b", []string{"4a"}, parser.ErrEmptyPacket},
		{"4a\x1e9\x1e4b", []string{"4a"}, parser.ErrType},
		{"4a\x1eb!\x1e4b", []string{"4a"}, parser.ErrBase64},
	}
	for _, tt := range tests {
		var got []string
		var last error
		for p, err := range parser.Packets([]byte(tt.payload)) {
			if last != nil {
				t.Errorf("%q: more after the error", tt.payload)
			}
			if last = err; err == nil {
				got = append(got, string(p.Append(nil)))
			}
		}
		if !slices.Equal(got, tt.want) || !errors.Is(last, tt.err) {
			t.Errorf("%q: got %q, %v, want %q, %v", tt.payload, got, last, tt.want, tt.err)
		}
	}
}

func TestPacketsBreak(t *testing.T) {
	t.Parallel()
	n := 0
	for range parser.Packets([]byte("4a\x1e4b\x1e4c")) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d packets", n)
	}
}

// The number of packets in a payload costs no memory.
func TestPacketsAllocates(t *testing.T) {
	payload := bytes.Repeat([]byte("4x\x1e"), 1000)
	payload = payload[:len(payload)-1]
	got := testing.AllocsPerRun(10, func() {
		for _, err := range parser.Packets(payload) {
			if err != nil {
				return
			}
		}
	})
	if got > 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestHandshakeAppend(t *testing.T) {
	t.Parallel()
	h := parser.Handshake{
		SID: "lv_VI97HAXpY6yYWAAAC", Upgrades: []string{"websocket"},
		PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second, MaxPayload: 1_000_000,
	}
	want := `{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	if got := string(h.Append(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h.Upgrades = []string{"websocket", "webtransport"}
	if got := string(h.Append(nil)); !strings.Contains(got, `"upgrades":["websocket","webtransport"],`) {
		t.Errorf("got %s", got)
	}
	want = `{"sid":"","upgrades":[],"pingInterval":0,"pingTimeout":0,"maxPayload":0}`
	if got := string(parser.Handshake{}.Append(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"open", "close", "ping", "pong", "message", "upgrade", "noop", "unknown"} {
		if got := parser.Type(i).String(); got != name {
			t.Errorf("%d is %q, want %q", i, got, name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v[0]))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := parser.Decode(src)
		if err != nil {
			return
		}
		text := p.Append(nil)
		if !p.Binary && !bytes.Equal(text, src) {
			t.Errorf("Append(Decode(%q)) = %q", src, text)
		}
		again, err := parser.Decode(text)
		if err != nil || again.Binary != p.Binary || !bytes.Equal(again.Data, p.Data) {
			t.Errorf("%q: encoded as %q: %+v, %v", src, text, again, err)
		}
	})
}

func FuzzPackets(f *testing.F) {
	f.Add([]byte("4a\x1e2\x1ebAQIDBA=="))
	f.Add([]byte("\x1e\x1e"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		segments := bytes.Split(payload, []byte{parser.Separator})
		n := 0
		for p, err := range parser.Packets(payload) {
			want, wantErr := parser.Decode(segments[n])
			if !errors.Is(err, wantErr) || p.Type != want.Type || p.Binary != want.Binary || !bytes.Equal(p.Data, want.Data) {
				t.Fatalf("packet %d of %q: %+v, %v", n, payload, p, err)
			}
			if n++; err != nil {
				return
			}
		}
		if n != len(segments) {
			t.Errorf("%q: %d packets, want %d", payload, n, len(segments))
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{"text": `42["echo","hello"]`, "base64": "bAQIDBAUGBwg="} {
		b.Run(name, func(b *testing.B) {
			src := []byte(text)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parser.Decode(src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPackets(b *testing.B) {
	payload := bytes.Repeat([]byte("4x\x1e"), 333_333)
	payload = payload[:len(payload)-1]
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range parser.Packets(payload) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
