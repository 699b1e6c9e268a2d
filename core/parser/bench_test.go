package parser_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/parser"
)

type message struct {
	Room string   `json:"room"`
	Text string   `json:"text"`
	Tags []string `json:"tags"`
	N    int      `json:"n"`
}

const messageJSON = `{"room":"lobby","text":"hello","tags":["a","b"],"n":7}`

func BenchmarkDecode(b *testing.B) {
	for name, text := range map[string]string{
		"string": `2["echo","hello"]`,
		"struct": `2/chat,17["message",` + messageJSON + `]`,
		"1MB":    `2["echo","` + strings.Repeat("hello ", 166_000) + `"]`,
	} {
		b.Run(name, func(b *testing.B) {
			var d parser.Decoder
			var args [4][]byte
			src := []byte(text)
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				p, _, err := d.Text(src)
				if err != nil || len(p.EventName()) == 0 || len(p.AppendArgs(args[:0])) != 1 {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("binary", func(b *testing.B) {
		var d parser.Decoder
		text, data := []byte(`51-["up",`+bin(0)+`]`), make([]byte, 64)
		b.ReportAllocs()
		for b.Loop() {
			_, _, _ = d.Text(text)
			if _, done, err := d.Binary(data); !done {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	raws := map[string]string{"string": `"hello"`, "struct": messageJSON, "binary": bin(0), "any": `[1,` + bin(0) + `]`}
	for name, raw := range raws {
		b.Run(name, func(b *testing.B) {
			src := []byte(raw)
			var s string
			var m message
			var data []byte
			var v any
			dst := map[string]any{"string": &s, "struct": &m, "binary": &data, "any": &v}[name]
			var attachments [][]byte
			if name == "binary" || name == "any" {
				attachments = [][]byte{[]byte("x")}
			}
			b.ReportAllocs()
			for b.Loop() {
				v = nil
				if err := parser.Unmarshal(src, attachments, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	data := make([]byte, 64)
	for name, arg := range map[string]any{
		"string": "hello",
		"text":   "a sentence of thirty-two letters",
		"struct": message{"lobby", "hello", []string{"a", "b"}, 7},
		"map":    map[string]any{"room": "lobby", "n": 7},
		"raw":    json.RawMessage(messageJSON),
		"binary": data,
		"deep":   map[string]any{"name": "x", "data": data},
	} {
		b.Run(name, func(b *testing.B) {
			buf, args := make([]byte, 0, 512), []any{arg}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := parser.AppendEvent(buf, "/", 0, false, "echo", args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
