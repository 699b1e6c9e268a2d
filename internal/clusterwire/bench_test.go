package clusterwire_test

import (
	"strings"
	"testing"

	"github.com/gosio/gosio/internal/clusterwire"
)

// BenchmarkBroadcast is what a published and a received message cost in each form.
func BenchmarkBroadcast(b *testing.B) {
	m := clusterwire.Message{
		Type: clusterwire.Broadcast, UID: "0123456789abcdef", Namespace: "/", Target: clusterwire.Target{Rooms: []string{"news"}},
		Packet: clusterwire.Packet{Data: []byte(`["message",{"id":12345,"from":"somebody","text":"hello world, this is a message of a usual length","tags":["a","b"]}]`)},
	}
	for _, form := range []string{"classic broadcast", "envelope"} {
		f := forms[form]
		src, err := f.encode[0](&m)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(form+"/encode", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.encode[0](&m); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(form+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.decode(src, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkConcerns is a broadcast to three rooms that have nobody here: looked at, and
// decoded.
func BenchmarkConcerns(b *testing.B) {
	m := clusterwire.Message{
		Type: clusterwire.Broadcast, UID: "abcdefghij0123456789", Namespace: "/", Target: clusterwire.Target{Rooms: []string{"room1", "room2", "room3"}},
		Packet: clusterwire.Packet{Data: []byte(`["message",{"text":"` + strings.Repeat("x", 150) + `","n":17,"list":[1,2,3]}]`)},
	}
	src, err := m.ClassicBroadcast()
	if err != nil {
		b.Fatal(err)
	}
	text := string(src)
	b.Run("look", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			clusterwire.ClassicConcerns(text, func(string) bool { return false })
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = clusterwire.DecodeClassicBroadcast(src, nil)
		}
	})
}
