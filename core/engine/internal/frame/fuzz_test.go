package frame_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
)

// FuzzFeed checks that the result does not depend on how the input is cut, that
// memory follows what was received, and that what is delivered keeps its
// promises.
func FuzzFeed(f *testing.F) {
	for i, c := range autobahn.Cases() {
		if strings.HasPrefix(c.ID, "9.") {
			continue // too big
		}
		if wire := bytes.Join(c.Writes(), nil); len(wire) <= 1024 {
			f.Add(wire, uint64(i))
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte, seed uint64) {
		lim := frame.Limits{Message: int64(seed%3) * 300, Fragments: int(seed%5) * 2}
		want, wantErr := feed(lim, wire)
		for _, e := range want {
			if lim.Message > 0 && int64(len(e.data)) > max(lim.Message, 125) {
				t.Fatalf("delivered %d bytes over the limit %d", len(e.data), lim.Message)
			}
			if (e.op == frame.Text || e.op == frame.Close) && !utf8.ValidString(e.data) {
				t.Fatalf("delivered invalid text %q", e.data)
			}
		}
		var r frame.Reader
		var h record
		var err error
		random := rand.New(rand.NewPCG(seed, 0))
		for fed := 0; fed < len(wire) && err == nil; {
			n := 1 + random.IntN(min(len(wire)-fed, 40))
			err = r.Feed(bytes.Clone(wire[fed:fed+n]), lim, &h)
			fed += n
			if open, size := r.Partial(); size > 2*fed+64<<10 || open && err != nil {
				t.Fatalf("holds %d bytes of %d, error %v", size, fed, err)
			}
		}
		if err != wantErr || !slices.Equal(h.events, want) {
			t.Fatalf("in pieces: %v, %v; whole: %v, %v", h.events, err, want, wantErr)
		}
	})
}
