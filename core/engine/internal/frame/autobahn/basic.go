package autobahn

import (
	"fmt"
	"strings"
)

const (
	hello = "Hello from a case"
	raw   = "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
)

// framing is group 1: one message of each length at which the header changes.
func framing() []Case {
	var all []Case
	for i, k := range []struct {
		op   byte
		unit string
	}{{Text, "*"}, {Binary, "\xfe"}} {
		for j, n := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
			chop := Whole
			if j == 7 {
				chop = 997
			}
			p := strings.Repeat(k.unit, n)
			id := fmt.Sprintf("1.%d.%d", i+1, j+1)
			all = append(all, closed(id, chop, []Frame{frame(k.op, p)}, echo(k.op, p)))
		}
	}
	return all
}

// pings is group 2: pings and pongs.
func pings() []Case {
	long := strings.Repeat("\xfe", 125)
	var ten []Frame
	var tenPongs []event
	for i := range 10 {
		p := fmt.Sprintf("payload-%d", i)
		ten, tenPongs = append(ten, frame(Ping, p)), append(tenPongs, pong(p))
	}
	alone := frame(Pong, "nobody asked")
	return []Case{
		closed("2.1", Whole, []Frame{frame(Ping, "")}, pong("")),
		closed("2.2", Whole, []Frame{frame(Ping, hello)}, pong(hello)),
		closed("2.3", Whole, []Frame{frame(Ping, raw)}, pong(raw)),
		closed("2.4", Whole, []Frame{frame(Ping, long)}, pong(long)),
		fails("2.5", 1002, Whole, []Frame{frame(Ping, long+"\xfe")}),
		closed("2.6", 1, []Frame{frame(Ping, long)}, pong(long)),
		closed("2.7", Whole, []Frame{frame(Pong, "")}),
		closed("2.8", Whole, []Frame{alone}),
		closed("2.9", Whole, []Frame{alone, frame(Ping, "ping")}, pong("ping")),
		closed("2.10", Whole, ten, tenPongs...),
		closed("2.11", 1, ten, tenPongs...),
	}
}

// reserved is group 3: reserved bits.
func reserved() []Case {
	msg, ping := frame(Text, hello), frame(Ping, "")
	return []Case{
		fails("3.1", 1002, Whole, []Frame{rsv(1, msg)}),
		fails("3.2", 1002, Whole, []Frame{msg, rsv(2, msg), ping}, text(hello)),
		fails("3.3", 1002, FrameWise, []Frame{msg, rsv(3, msg), ping}, text(hello)),
		fails("3.4", 1002, 1, []Frame{msg, rsv(4, msg), ping}, text(hello)),
		fails("3.5", 1002, Whole, []Frame{rsv(5, frame(Binary, raw))}),
		fails("3.6", 1002, Whole, []Frame{rsv(6, frame(Ping, hello))}),
		fails("3.7", 1002, Whole, []Frame{rsv(7, frame(Close, ""))}),
	}
}

// opcodes is group 4: reserved opcodes, of data and of control frames.
func opcodes() []Case {
	var all []Case
	msg, ping := frame(Text, hello), frame(Ping, "")
	for i, first := range []byte{3, 11} {
		id := func(j int) string { return fmt.Sprintf("4.%d.%d", i+1, j) }
		all = append(all,
			fails(id(1), 1002, Whole, []Frame{frame(first, "")}),
			fails(id(2), 1002, Whole, []Frame{frame(first+1, "reserved")}),
			fails(id(3), 1002, Whole, []Frame{msg, frame(first+2, ""), ping}, text(hello)),
			fails(id(4), 1002, Whole, []Frame{msg, frame(first+3, hello), ping}, text(hello)),
			fails(id(5), 1002, 1, []Frame{msg, frame(first+4, hello), ping}, text(hello)),
		)
	}
	return all
}

// fragmentation is group 5: fragmented messages, right and wrong.
func fragmentation() []Case {
	chops := []int{Whole, FrameWise, 1}
	two := []Frame{more(Text, "part one, "), frame(Continuation, "part two")}
	twoPing := []Frame{two[0], frame(Ping, "ping"), two[1]}
	joined := text("part one, part two")
	stray, strayMore := frame(Continuation, "stray"), more(Continuation, "stray")
	msg := frame(Text, hello)
	all := []Case{
		fails("5.1", 1002, Whole, []Frame{more(Ping, "one"), frame(Continuation, "two")}),
		fails("5.2", 1002, Whole, []Frame{more(Pong, "one"), frame(Continuation, "two")}),
	}
	for _, part := range []struct {
		from   int
		frames []Frame
		want   []event
	}{
		{3, two, []event{joined}},
		{6, twoPing, []event{pong("ping"), joined}},
		{9, []Frame{stray, msg}, nil},
		{12, []Frame{strayMore, msg}, nil},
	} {
		for i, chop := range chops {
			id := fmt.Sprintf("5.%d", part.from+i)
			if part.want != nil {
				all = append(all, closed(id, chop, part.frames, part.want...))
			} else {
				all = append(all, fails(id, 1002, chop, part.frames))
			}
		}
	}
	long := []Frame{
		more(Text, "1"), more(Continuation, "2"), frame(Ping, "a"),
		more(Continuation, "3"), more(Continuation, "4"), frame(Ping, "b"), frame(Continuation, "5"),
	}
	longWant := []event{pong("a"), pong("b"), text("12345")}
	return append(all,
		fails("5.15", 1002, Whole, []Frame{two[0], two[1], strayMore, msg}, joined),
		fails("5.16", 1002, Whole, []Frame{strayMore, two[0], two[1], strayMore, two[0], two[1]}),
		fails("5.17", 1002, Whole, []Frame{stray, two[0], two[1], stray, two[0], two[1]}),
		fails("5.18", 1002, Whole, []Frame{more(Text, "one"), frame(Text, "two")}),
		closed("5.19", Whole, long, longWant...),
		closed("5.20", FrameWise, long, longWant...),
	)
}
