package msgjson

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// ErrJSON is of what is no JSON.
var ErrJSON = errors.New("msgpack: payload is not valid JSON")

// Writer makes MessagePack from JSON. A map or an array tells first how much is in it: in
// one byte if it is little, which is filled in later. If it is more the Writer goes over
// the JSON twice.
type Writer struct {
	Dst    []byte
	counts []uint32 // of all maps and arrays, in the order in which they open
	open   []level
	text   []byte // a string without its escapes
}

// level is a map or an array that is open while they are counted.
type level struct {
	index  int // in counts or, of one with few values, in Dst
	values int
	colons int
	object bool
}

var writers = sync.Pool{New: func() any { return new(Writer) }}

const maxScratch = 64 << 10

// NewWriter returns a writer whose Dst is empty.
func NewWriter() *Writer {
	e := writers.Get().(*Writer)
	e.Dst = e.Dst[:0]
	return e
}

// Append appends to dst what f writes. If f fails it returns dst as it was.
func Append(dst []byte, f func(e *Writer) error) ([]byte, error) {
	e := writers.Get().(*Writer)
	own := e.Dst
	e.Dst = dst
	err := f(e)
	if err == nil {
		dst = e.Dst
	}
	e.Dst = own
	e.Free()
	return dst, err
}

// Free gives the writer back, with what is in Dst.
func (e *Writer) Free() {
	if cap(e.Dst)+4*cap(e.counts)+32*cap(e.open)+cap(e.text) <= maxScratch {
		writers.Put(e)
	}
}

// Array begins an array of n values in Dst, which follow.
func (e *Writer) Array(n int) { e.Dst = msgp.AppendArrayHeader(e.Dst, uint32(n)) }

// Map begins a map of n members in Dst: names and values in turn follow.
func (e *Writer) Map(n int) { e.Dst = msgp.AppendMapHeader(e.Dst, uint32(n)) }

// Text appends a string to Dst.
func (e *Writer) Text(s string) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	e.Dst = msgp.AppendString(e.Dst, s)
}

// Number appends a number to Dst.
func (e *Writer) Number(n uint64) { e.Dst = msgp.AppendUint64(e.Dst, n) }

// Bool appends true or false to Dst.
func (e *Writer) Bool(v bool) { e.Dst = msgp.AppendBool(e.Dst, v) }

// Value appends a JSON value to Dst. Placeholders of attachments, as core/parser
// writes them, become those bytes. The only error is ErrJSON; not all that is no
// JSON is found.
func (e *Writer) Value(data []byte, attachments [][]byte) error {
	begin := len(e.Dst)
	if whole, err := e.few(data, attachments); whole || err != nil {
		return err
	}
	e.Dst = e.Dst[:begin]
	if err := e.count(data); err != nil {
		return err
	}
	return e.values(data, attachments)
}

// mostFew is how many values a map or an array has whose number is a part of its first byte.
const mostFew = 15

// few is Value for JSON in which no map or array has more than mostFew. Otherwise it
// reports false, and what it has written is of no use.
func (e *Writer) few(data []byte, attachments [][]byte) (whole bool, err error) {
	e.open = append(e.open[:0], level{index: -1})
	for i := 0; ; {
		start, end, ok := next(data, i)
		if !ok {
			return false, ErrJSON
		}
		if start == end {
			break
		}
		i = end
		top := &e.open[len(e.open)-1]
		switch c := data[start]; c {
		case ',':
		case ':':
			top.colons++
		case '}', ']':
			if !top.ends(c) {
				return false, ErrJSON
			}
			e.Dst[top.index] |= byte(top.count())
			e.open = e.open[:len(e.open)-1]
		default:
			if top.values++; top.values > mostFew && (!top.object || top.values > 2*mostFew) {
				return false, nil
			}
			if i, err = e.begin(data, start, end, attachments); err != nil {
				return false, err
			}
		}
	}
	if len(e.open) != 1 || e.open[0].values != 1 {
		return false, ErrJSON
	}
	return true, nil
}

// begin writes the value at start, or its first byte if it is a map or an array, and
// returns the place behind that.
func (e *Writer) begin(data []byte, start, end int, attachments [][]byte) (int, error) {
	switch data[start] {
	case '{':
		if num, size := placeholderAt(data[start:]); size > 0 && num < len(attachments) {
			e.Dst = msgp.AppendBytes(e.Dst, attachments[num])
			return start + size, nil
		}
		e.open = append(e.open, level{index: len(e.Dst), object: true})
		e.Map(0)
	case '[':
		e.open = append(e.open, level{index: len(e.Dst)})
		e.Array(0)
	case '"':
		e.string(data[start+1 : end-1])
	default:
		return end, e.word(data[start:end])
	}
	return end, nil
}

// next returns the place of the token behind i: a bracket, a comma, a colon, a
// string or a word. At the end, start is len(data). It is false for a string
// that does not end.
func next(data []byte, i int) (start, end int, ok bool) {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	if i == len(data) {
		return i, i, true
	}
	start = i
	switch data[i] {
	case '{', '}', '[', ']', ',', ':':
		return start, i + 1, true
	case '"':
		return stringEnd(data, start)
	}
	for i < len(data) && !delimiters[data[i]] {
		i++
	}
	return start, i, true
}

// delimiters are what a word ends before.
var delimiters = [256]bool{
	'{': true, '}': true, '[': true, ']': true, ',': true, ':': true, '"': true, ' ': true, '\n': true, '\t': true, '\r': true,
}

func stringEnd(data []byte, start int) (_, end int, ok bool) {
	for i := start + 1; ; i++ {
		n := bytes.IndexByte(data[i:], '"')
		if n < 0 {
			return start, len(data), false
		}
		i += n
		slashes := 0
		for data[i-1-slashes] == '\\' { // the opening quote ends it
			slashes++
		}
		if slashes%2 == 0 {
			return start, i + 1, true
		}
	}
}

// count fills counts. It makes sure that what values writes is one value.
func (e *Writer) count(data []byte) error {
	e.counts, e.open = e.counts[:0], append(e.open[:0], level{index: -1})
	for i := 0; ; {
		start, end, ok := next(data, i)
		if !ok {
			return ErrJSON
		}
		if start == end {
			break
		}
		i = end
		top := &e.open[len(e.open)-1]
		switch c := data[start]; c {
		case '{', '[':
			top.values++
			e.open = append(e.open, level{index: len(e.counts), object: c == '{'})
			e.counts = append(e.counts, 0)
		case '}', ']':
			if !top.ends(c) {
				return ErrJSON
			}
			e.counts[top.index] = top.count()
			e.open = e.open[:len(e.open)-1]
		case ',':
		case ':':
			top.colons++
		default:
			top.values++
		}
	}
	if len(e.open) != 1 || e.open[0].values != 1 {
		return ErrJSON
	}
	return nil
}

// ends reports whether a bracket closes it, and it holds what it should.
func (l *level) ends(c byte) bool {
	if l.index < 0 || l.object != (c == '}') {
		return false
	}
	return l.object && l.values == 2*l.colons || !l.object && l.colons == 0
}

func (l *level) count() uint32 {
	if l.object {
		return uint32(l.colons)
	}
	return uint32(l.values)
}

// values writes what count has gone over.
func (e *Writer) values(data []byte, attachments [][]byte) error {
	counts := e.counts
	for i := 0; ; {
		start, end, _ := next(data, i)
		if start == end {
			return nil
		}
		i = end
		switch data[start] {
		case '{':
			if num, size := placeholderAt(data[start:]); size > 0 && num < len(attachments) {
				e.Dst = msgp.AppendBytes(e.Dst, attachments[num])
				i = start + size
			} else {
				e.Dst = msgp.AppendMapHeader(e.Dst, counts[0])
			}
			counts = counts[1:]
		case '[':
			e.Dst = msgp.AppendArrayHeader(e.Dst, counts[0])
			counts = counts[1:]
		case '}', ']', ',', ':':
		case '"':
			e.string(data[start+1 : end-1])
		default:
			if err := e.word(data[start:end]); err != nil {
				return err
			}
		}
	}
}

// placeholderAt reads a placeholder as core/parser and stock encoders write it.
// Without one, size is 0.
func placeholderAt(data []byte) (num, size int) {
	rest, ok := bytes.CutPrefix(data, []byte(Placeholder))
	if !ok {
		return 0, 0
	}
	n := 0
	for n < len(rest) && n < 4 && rest[n]-'0' <= 9 {
		num = num*10 + int(rest[n]-'0')
		n++
	}
	if n == 0 || n >= len(rest) || rest[n] != '}' {
		return 0, 0
	}
	return num, len(Placeholder) + n + 1
}

// word writes a number, true, false or null.
func (e *Writer) word(word []byte) error {
	if c := word[0]; c != '-' && c-'0' > 9 {
		switch string(word) {
		case "null":
			e.Dst = msgp.AppendNil(e.Dst)
		case "true", "false":
			e.Dst = msgp.AppendBool(e.Dst, c == 't')
		default:
			return ErrJSON
		}
		return nil
	}
	if e.integer(word) {
		return nil
	}
	f, err := strconv.ParseFloat(string(word), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // that is an infinity, as in JavaScript
		return ErrJSON
	}
	e.Dst = msgp.AppendFloat(e.Dst, f)
	return nil
}

// integer writes a number that is one, and has at most 64 bits.
func (e *Writer) integer(word []byte) bool {
	digits := bytes.TrimPrefix(word, []byte("-"))
	if len(digits) == 0 || len(digits) > 20 || string(word) == "-0" {
		return false
	}
	var n uint64
	for _, c := range digits {
		d := uint64(c - '0')
		if d > 9 || n > (1<<64-1-d)/10 {
			return false
		}
		n = n*10 + d
	}
	switch {
	case len(digits) == len(word):
		e.Dst = msgp.AppendUint64(e.Dst, n)
	case n <= 1<<63:
		e.Dst = msgp.AppendInt64(e.Dst, -int64(n))
	default:
		return false
	}
	return true
}

// string writes a string, given without its quotes.
func (e *Writer) string(raw []byte) {
	if bytes.IndexByte(raw, '\\') >= 0 {
		e.text = unescape(e.text[:0], raw)
		raw = e.text
	}
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD"))
	}
	e.Dst = msgp.AppendStringFromBytes(e.Dst, raw)
}
