package frame_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/frame/autobahn"
)

const (
	everyCut   = 400     // longest input that is cut in two at every byte
	octetWise  = 1 << 17 // longest input that is fed byte by byte
	onceOnly   = 1 << 21 // shortest input that is fed only as written
	bufferSize = 4096    // pieces of what is between the two
)

// TestAutobahn feeds every case as its own writes ask for, and in other pieces.
func TestAutobahn(t *testing.T) {
	t.Parallel()
	for _, c := range autobahn.Cases() {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			writes := c.Writes()
			if size(writes) > octetWise {
				if c.Chop == autobahn.Whole && size(writes) < onceOnly {
					checkCase(t, &c, "by buffer", pieces(bytes.Clone(writes[0]), bufferSize))
				}
				checkCase(t, &c, "as written", writes)
				return
			}
			wire := bytes.Join(writes, nil)
			checkFailFast(t, &c, writes)
			checkCase(t, &c, "as written", writes)
			checkCase(t, &c, "whole", [][]byte{bytes.Clone(wire)})
			checkCase(t, &c, "byte by byte", pieces(bytes.Clone(wire), 1))
			for cut := 1; cut < len(wire) && len(wire) <= everyCut; cut++ {
				w := bytes.Clone(wire)
				checkCase(t, &c, "cut in two", [][]byte{w[:cut], w[cut:]})
			}
		})
	}
}

func size(writes [][]byte) (n int) {
	for _, w := range writes {
		n += len(w)
	}
	return n
}

// checkCase compares what comes of the pieces, which it spoils, with what the
// case wants.
func checkCase(t *testing.T, c *autobahn.Case, how string, pieces [][]byte) {
	t.Helper()
	got, err := feedInPlace(frame.Limits{}, pieces...)
	got = slices.DeleteFunc(got, func(e event) bool { return e.op == frame.Pong })
	failed := code(t, err)
	if c.Fails && failed != c.Code || !c.Fails && failed != 0 {
		t.Fatalf("%s: failed with %d (%v), want case %+v", how, failed, err, *c)
	}
	if !c.Fails {
		last := len(got) - 1
		if last < 0 || got[last].op != frame.Close || got[last].code != c.Code {
			t.Fatalf("%s: does not end with close %d", how, c.Code)
		}
		got = got[:last]
	}
	same := func(got event, want autobahn.Event) bool {
		if want.Op == autobahn.Pong {
			want.Op = autobahn.Ping // what is answered with a pong
		}
		return byte(got.op) == want.Op && got.data == string(want.Data)
	}
	if want := c.Want(); !slices.EqualFunc(got, want, same) {
		t.Fatalf("%s: %d events differ from the %d wanted", how, len(got), len(want))
	}
}

// checkFailFast checks that a failure comes in the write that causes it.
func checkFailFast(t *testing.T, c *autobahn.Case, writes [][]byte) {
	t.Helper()
	if c.FailsIn == 0 {
		return
	}
	if _, err := feed(frame.Limits{}, writes[:c.FailsIn-1]...); err != nil {
		t.Fatalf("failed before write %d: %v", c.FailsIn, err)
	}
	if _, err := feed(frame.Limits{}, writes[:c.FailsIn]...); code(t, err) != c.Code {
		t.Fatalf("after write %d: %v, want code %d", c.FailsIn, err, c.Code)
	}
}
