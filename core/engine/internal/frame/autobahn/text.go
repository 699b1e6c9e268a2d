package autobahn

import (
	"fmt"
	"strings"
)

// greek is a valid text of characters of two and three bytes.
const greek = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"

// utf8 is group 6: text that is UTF-8 and text that is not.
func utf8() []Case {
	const accents = "Grüße, naïve Œuvre: µ@ß!"
	const surrogate = greek + "\xed\xa0\x80" + "tail"
	half := strings.Index(accents, ",")
	all := []Case{
		closed("6.1.1", Whole, []Frame{frame(Text, "")}, text("")),
		closed("6.1.2", Whole, []Frame{more(Text, ""), more(Continuation, ""), frame(Continuation, "")}, text("")),
		closed("6.1.3", Whole, []Frame{more(Text, ""), more(Continuation, "middle"), frame(Continuation, "")}, text("middle")),
		closed("6.2.1", Whole, []Frame{frame(Text, accents)}, text(accents)),
		closed("6.2.2", Whole, []Frame{more(Text, accents[:half]), frame(Continuation, accents[half:])}, text(accents)),
		closed("6.2.3", Whole, split(Text, []byte(accents), 1), text(accents)),
		closed("6.2.4", Whole, split(Text, []byte(greek), 1), text(greek)),
		fails("6.3.1", 1007, Whole, []Frame{frame(Text, surrogate)}),
		fails("6.3.2", 1007, Whole, split(Text, []byte(surrogate), 1)),
	}
	all = append(all, failFast()...)
	for i, section := range sequences() {
		for j, s := range section {
			id, frames := fmt.Sprintf("6.%d.%d", i+5, j+1), []Frame{frame(Text, s.text)}
			if s.valid {
				all = append(all, closed(id, Whole, frames, text(s.text)))
			} else {
				all = append(all, fails(id, 1007, Whole, frames))
			}
		}
	}
	return all
}

// failFast is 6.4: what is invalid at byte 12 must fail before the rest comes.
func failFast() []Case {
	const beyond = greek + "\xf4\x90\x80\x80" + "tail" // U+110000
	const header = 6
	parts := func(a, b int) []Frame {
		return []Frame{more(Text, beyond[:a]), more(Continuation, beyond[a:b]), frame(Continuation, beyond[b:])}
	}
	one := []Frame{frame(Text, beyond)}
	all := []Case{
		fails("6.4.1", 1007, FrameWise, parts(11, 15)),
		fails("6.4.2", 1007, FrameWise, parts(12, 13)),
		fails("6.4.3", 1007, Whole, one),
		fails("6.4.4", 1007, Whole, one),
	}
	all[2].Cuts = []int{header + 11, header + 15}
	all[3].Cuts = []int{header + 12, header + 13}
	for i := range all {
		all[i].FailsIn = 2
	}
	return all
}

type sequence struct {
	valid bool
	text  string
}

func valid(texts ...string) []sequence { return list(true, texts) }

func invalid(texts ...string) []sequence { return list(false, texts) }

func list(ok bool, texts []string) []sequence {
	all := make([]sequence, len(texts))
	for i, t := range texts {
		all[i] = sequence{ok, t}
	}
	return all
}

// sequences is 6.5 to 6.23: the sections of Markus Kuhn's UTF-8 stress test, and
// what was added to them.
func sequences() [][]sequence {
	cutOff := []string{
		"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80",
		"\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf",
	}
	return [][]sequence{
		valid("hello\x24world", "hello\xc2\xa2world", "hello\xe2\x82\xacworld", "hello\xf0\xa4\xad\xa2world", greek),
		prefixes(),
		valid("\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"),
		invalid("\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"),
		valid("\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"),
		invalid("\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"),
		append(valid("\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"), invalid("\xf4\x90\x80\x80")...),
		invalid("\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80",
			"\x80\xbf\x80\xbf\x80\xbf", run(0x80, 0xbf, "")),
		invalid(run(0xc0, 0xdf, " "), run(0xe0, 0xef, " "), run(0xf0, 0xf7, " "), run(0xf8, 0xfb, " "), run(0xfc, 0xfd, " ")),
		invalid(cutOff...),
		invalid(strings.Join(cutOff, "")),
		invalid("\xfe", "\xff", "\xfe\xfe\xff\xff"),
		invalid("\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"),
		invalid("\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"),
		invalid("\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"),
		invalid("\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf"),
		invalid("\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf", "\xed\xad\xbf\xed\xb0\x80", "\xed\xad\xbf\xed\xbf\xbf",
			"\xed\xae\x80\xed\xb0\x80", "\xed\xae\x80\xed\xbf\xbf", "\xed\xaf\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf"),
		valid(nonCharacters()...),
		valid("\xef\xbf\xb9", "\xef\xbf\xba", "\xef\xbf\xbb", "\xef\xbf\xbc", "\xef\xbf\xbd", "\xef\xbf\xbe", "\xef\xbf\xbf"),
	}
}

// prefixes is 6.6: every prefix of greek. The characters end at 2, 5, 7, 9, 11.
func prefixes() []sequence {
	ends := map[int]bool{2: true, 5: true, 7: true, 9: true, 11: true}
	var all []sequence
	for n := 1; n <= len(greek); n++ {
		all = append(all, sequence{ends[n], greek[:n]})
	}
	return all
}

// run is the bytes from first up to, without, end, each followed by sep.
func run(first, end byte, sep string) string {
	var b strings.Builder
	for c := first; c < end; c++ {
		b.WriteByte(c)
		b.WriteString(sep)
	}
	return b.String()
}

// nonCharacters are the last two code points of every plane.
func nonCharacters() []string {
	var all []string
	for plane := range rune(0x11) {
		for _, low := range []rune{0xFFFE, 0xFFFF} {
			all = append(all, string(plane<<16|low))
		}
	}
	return all
}
