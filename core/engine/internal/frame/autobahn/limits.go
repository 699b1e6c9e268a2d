package autobahn

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
)

const longest = 16 << 20 // message of group 9, in bytes

// closing is group 7: the closing handshake.
func closing() []Case {
	bye, msg, ping := closeFrame(1000, ""), frame(Text, hello), frame(Ping, "")
	closes := func(id string, code int, frames ...Frame) Case {
		return Case{ID: id, Code: code, frames: func() []Frame { return frames }}
	}
	big := big(Text, "0123456789", 256<<10)
	all := []Case{
		closed("7.1.1", Whole, []Frame{msg}, text(hello)),
		closes("7.1.2", 1000, bye, frame(Close, "")),
		closes("7.1.3", 1000, bye, ping),
		closes("7.1.4", 1000, bye, msg),
		closes("7.1.5", 1000, more(Text, "one"), bye, frame(Continuation, "two")),
		{ID: "7.1.6", Code: 1000, want: []event{big, text(hello)}, frames: func() []Frame {
			return []Frame{{Op: Text, Payload: big.data()}, msg, bye, ping}
		}},
		closes("7.3.1", 1005, frame(Close, "")),
		fails("7.3.2", 1002, Whole, []Frame{frame(Close, "a")}),
		closes("7.3.3", 1000, bye),
		closes("7.3.4", 1000, closeFrame(1000, hello)),
		closes("7.3.5", 1000, closeFrame(1000, strings.Repeat("*", 123))),
		fails("7.3.6", 1002, Whole, []Frame{closeFrame(1000, strings.Repeat("*", 124))}),
		fails("7.5.1", 1007, Whole, []Frame{closeFrame(1000, greek+"\xed\xa0\x80tail")}),
	}
	for i, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		all = append(all, closes(fmt.Sprintf("7.7.%d", i+1), code, closeFrame(code, "")))
	}
	for i, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		all = append(all, fails(fmt.Sprintf("7.9.%d", i+1), 1002, Whole, []Frame{closeFrame(code, "")}))
	}
	return append(all,
		fails("7.13.1", 1002, Whole, []Frame{closeFrame(5000, "")}),
		fails("7.13.2", 1002, Whole, []Frame{closeFrame(65535, "")}),
	)
}

// fillers holds the data of the longest message of each unit, made once: the
// others are its prefixes.
var fillers sync.Map

// big is the echo of a message of n bytes, at most longest, that repeat unit.
func big(op byte, unit string, n int) event {
	fill := sync.OnceValue(func() []byte { return bytes.Repeat([]byte(unit), longest/len(unit)+1) })
	return event{op, func() []byte {
		all, _ := fillers.LoadOrStore(unit, fill)
		return all.(func() []byte)()[:n:n]
	}, 1}
}

// sized is a message of n bytes, sent times over, each in frames of at most size
// bytes.
func sized(id string, chop, times, size int, msg event) Case {
	msg.n = times
	return Case{ID: id, Code: 1000, Chop: chop, want: []event{msg}, frames: func() []Frame {
		frames := slices.Repeat(split(msg.op, msg.data(), size), times)
		return append(frames, closeFrame(1000, ""))
	}}
}

// limits is group 9: big messages, many fragments, small chops, many messages.
func limits() []Case {
	const kilo, mega, unlimited = 1 << 10, 1 << 20, 1 << 30
	var all []Case
	add := func(group, i int, chop, times, size int, msg event) {
		all = append(all, sized(fmt.Sprintf("9.%d.%d", group, i+1), chop, times, size, msg))
	}
	kinds := []struct {
		op   byte
		unit string
	}{{Text, "0123456789"}, {Binary, "\x00\xfe\x23\xfa\xf0"}}
	for k, kind := range kinds {
		for i, n := range []int{64 * kilo, 256 * kilo, mega, 4 * mega, 8 * mega, 16 * mega} {
			add(1+k, i, Whole, 1, unlimited, big(kind.op, kind.unit, n))
		}
	}
	for k, kind := range kinds {
		for i, size := range []int{64, 256, kilo, 4 * kilo, 16 * kilo, 64 * kilo, 256 * kilo, mega, 4 * mega} {
			add(3+k, i, Whole, 1, size, big(kind.op, kind.unit, 4*mega))
		}
	}
	for k, kind := range kinds {
		for i, chop := range []int{64, 128, 256, 512, 1024, 2048} {
			add(5+k, i, chop, 1, unlimited, big(kind.op, kind.unit, mega))
		}
	}
	for k, kind := range kinds {
		for i, n := range []int{0, 16, 64, 256, 1024, 4096} {
			add(7+k, i, FrameWise, 1000, unlimited, big(kind.op, kind.unit, n))
		}
	}
	return all
}

// autoFragment is group 10: a message sent in frames of 1300 bytes.
func autoFragment() []Case {
	return []Case{sized("10.1.1", Whole, 1, 1300, big(Text, "*", 65536))}
}
