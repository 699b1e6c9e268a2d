package clusterwire_test

import (
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
