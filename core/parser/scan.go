package parser

import (
	"encoding/binary"
	"math/bits"
)

// What is known about one level of nesting.
const (
	isObject    = 1 << iota // an object, else an array
	placeholder             // has "_placeholder":true
	marked                  // only of a key: it is "_placeholder"
	numGood                 // has a "num" that is a valid index
	numBad                  // has a "num" that is not, or several
	truthy                  // has a "_placeholder" that some clients take for true
	nested                  // has an array or object inside
)

// inlineDepth is how many levels need no allocation.
const inlineDepth = 128

// scanner validates one JSON text (RFC 8259) in one pass and without recursion.
// It refuses more than maxDepth levels (0 = no limit). When it is told of
// attachments, it also validates their placeholders.
type scanner struct {
	src         []byte
	pos         int
	depth       int
	maxDepth    int
	attachments int
	key         byte  // the flag that the current key would set: marked, numGood or 0
	spans       *list // where placeholders are collected, or nil
	alike       *int  // counts what peers may take for placeholders, instead of judging them; or nil
	num         int   // the last "num"; that of a placeholder, when it is closed
	naming      bool  // the attachments that placeholders name are noted
	named       int   // how many they are
	few         uint64
	many        []uint64 // bits of those beyond the first 64

	inline [inlineDepth]byte
	more   []byte
}

// list collects the placeholders of a text, in order.
type list struct {
	open  []span // one per level of nesting
	found []span
}

// span is one placeholder: its place in the text and its index.
type span struct{ start, end, index int }

// flags returns the flags of the innermost open level.
func (s *scanner) flags() *byte {
	if s.depth <= inlineDepth {
		return &s.inline[s.depth-1]
	}
	return &s.more[s.depth-1-inlineDepth]
}

// scan validates src as a whole.
func (s *scanner) scan() error {
	for {
		opened, err := s.value()
		if err != nil {
			return err
		}
		if opened {
			continue
		}
		done, err := s.next()
		if done || err != nil {
			return err
		}
	}
}

// scanNaming is scan, and makes sure that each attachment is named: what no placeholder
// names, no handler would ever see.
func (s *scanner) scanNaming() error {
	s.naming = true
	err := s.scan()
	if err == nil && s.named != s.attachments {
		return ErrAttachmentCount
	}
	return err
}

// value reads a scalar or the start of an array or object. Opened means that
// the next thing in the text is the first value inside of it.
func (s *scanner) value() (opened bool, err error) {
	i := skipSpace(s.src, s.pos)
	if i >= len(s.src) {
		return false, ErrJSON
	}
	s.pos = i
	key := s.key
	s.key = 0
	if key != 0 {
		s.member(key)
	}
	switch c := s.src[i]; c {
	case '{', '[':
		return s.open(c)
	case '"':
		s.pos = scanString(s.src, i)
	case 't':
		s.pos = scanWord(s.src, i, "true")
	case 'f':
		s.pos = scanWord(s.src, i, "false")
	case 'n':
		s.pos = scanWord(s.src, i, "null")
	default:
		s.pos = scanNumber(s.src, i)
	}
	if s.pos < 0 {
		return false, ErrJSON
	}
	return false, nil
}

// open enters an array or object.
func (s *scanner) open(c byte) (opened bool, err error) {
	if s.maxDepth > 0 && s.depth >= s.maxDepth {
		return false, ErrTooDeep
	}
	if s.depth > 0 {
		*s.flags() |= nested
	}
	s.depth++
	if s.depth > inlineDepth {
		s.more = append(s.more[:s.depth-1-inlineDepth], 0)
	}
	flags := s.flags()
	*flags = 0
	if s.spans != nil {
		s.spans.open = append(s.spans.open[:s.depth-1], span{start: s.pos})
	}
	s.pos++
	closing := byte(']')
	if c == '{' {
		*flags = isObject
		closing = '}'
	}
	i := skipSpace(s.src, s.pos)
	if i < len(s.src) && s.src[i] == closing {
		s.pos = i
		return false, nil // empty; next closes it
	}
	if c == '{' {
		return true, s.readKey()
	}
	return true, nil
}

// next reads what follows a value: brackets that close, then a comma and, in an
// object, the next key. Done means that the text has ended well.
func (s *scanner) next() (done bool, err error) {
	for {
		i := skipSpace(s.src, s.pos)
		if s.depth == 0 {
			if i < len(s.src) {
				return false, ErrJSON
			}
			return true, nil
		}
		if i >= len(s.src) {
			return false, ErrJSON
		}
		s.pos = i + 1
		flags := *s.flags()
		switch c := s.src[i]; {
		case c == ',':
			if flags&isObject != 0 {
				return false, s.readKey()
			}
			return false, nil
		case c == ']' && flags&isObject == 0, c == '}' && flags&isObject != 0:
			if err := s.close(flags); err != nil {
				return false, err
			}
		default:
			return false, ErrJSON
		}
	}
}

// close leaves an array or object.
func (s *scanner) close(flags byte) error {
	s.depth--
	switch {
	case s.alike != nil:
		if flags&placeholder != 0 || flags&truthy != 0 && flags&(numGood|numBad) != 0 {
			*s.alike++
		}
	case flags&placeholder == 0:
	case flags&(numGood|numBad|nested) != numGood:
		return ErrPlaceholder
	case s.naming:
		s.name(s.num)
	case s.spans != nil:
		s.spans.add(s.depth, s.pos)
	}
	return nil
}

// name notes the attachment that a placeholder names.
func (s *scanner) name(index int) {
	word := &s.few
	if index >= 64 {
		if s.many == nil {
			s.many = make([]uint64, (s.attachments-1)/64)
		}
		word = &s.many[index/64-1]
	}
	if bit := uint64(1) << (index % 64); *word&bit == 0 {
		*word |= bit
		s.named++
	}
}

// add records the placeholder at a level.
func (l *list) add(level, end int) {
	sp := l.open[level]
	sp.end = end
	l.found = append(l.found, sp)
}

// readKey reads the key of an object's member and its colon.
func (s *scanner) readKey() error {
	i := skipSpace(s.src, s.pos)
	if i >= len(s.src) || s.src[i] != '"' {
		return ErrJSON
	}
	end := scanString(s.src, i)
	if end < 0 {
		return ErrJSON
	}
	if s.attachments > 0 {
		s.key = keyFlag(s.src[i:end])
	}
	i = skipSpace(s.src, end)
	if i >= len(s.src) || s.src[i] != ':' {
		return ErrJSON
	}
	s.pos = i + 1
	return nil
}

// keyFlag tells the two keys of a placeholder from all others, however they are
// spelled.
func keyFlag(quoted []byte) byte {
	if len(quoted) > 2+6*len("_placeholder") {
		return 0
	}
	key, _ := unquote(quoted)
	switch string(key) {
	case "_placeholder":
		return marked
	case "num":
		return numGood
	}
	return 0
}

// member looks at the value of a key that keyFlag has recognized. A repeated
// num, and a num that is not the number of an attachment,
// spoil the object; one true among several _placeholder keys is enough.
func (s *scanner) member(key byte) {
	flags := s.flags()
	if key == marked {
		if scanWord(s.src, s.pos, "true") >= 0 {
			*flags |= placeholder
		} else if !falsy(s.src[s.pos:]) {
			*flags |= truthy
		}
		return
	}
	n, ok := index(s.src, s.pos)
	if !ok || n >= s.attachments || *flags&numGood != 0 {
		*flags |= numBad
		return
	}
	*flags |= numGood
	if s.spans != nil {
		s.spans.open[s.depth-1].index = n
	}
	s.num = n
}

// falsy tells whether a value is false for every client: some ask for
// more than true.
func falsy(src []byte) bool {
	for _, word := range []string{"false", "null", "0", `""`} {
		if end := scanWord(src, 0, word); end > 0 && endsScalar(src, end) {
			return true
		}
	}
	return false
}

// index reads the number of an attachment: plain digits, or with a fraction of
// zeros, as clients write it whose language knows only one kind of number.
func index(src []byte, i int) (n int, ok bool) {
	end := i
	for ; end < len(src) && isDigit(src[end]) && end-i < 4; end++ {
		n = n*10 + int(src[end]-'0')
	}
	if end == i {
		return 0, false
	}
	if end < len(src) && src[end] == '.' {
		for end++; end < len(src) && src[end] == '0'; end++ {
		}
	}
	return n, endsScalar(src, end)
}

// endsScalar tells whether a number may end before src[i].
func endsScalar(src []byte, i int) bool {
	if i >= len(src) {
		return true
	}
	switch src[i] {
	case ',', '}', ']', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// skipSpace returns the index of the first byte from i on that is not JSON
// white space.
func skipSpace(src []byte, i int) int {
	for i < len(src) {
		switch src[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// scanWord returns the index after the word at src[i:], or -1.
func scanWord(src []byte, i int, word string) int {
	end := i + len(word)
	if end > len(src) || string(src[i:end]) != word {
		return -1
	}
	return end
}

// scanNumber returns the index after the number at src[i:], or -1.
func scanNumber(src []byte, i int) int {
	if i < len(src) && src[i] == '-' {
		i++
	}
	if i < len(src) && src[i] == '0' {
		i++
	} else if i = scanDigits(src, i); i < 0 {
		return -1
	}
	if i < len(src) && src[i] == '.' {
		if i = scanDigits(src, i+1); i < 0 {
			return -1
		}
	}
	if i < len(src) && (src[i] == 'e' || src[i] == 'E') {
		i++
		if i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		return scanDigits(src, i)
	}
	return i
}

// scanDigits returns the index after one or more digits, or -1.
func scanDigits(src []byte, i int) int {
	start := i
	for i < len(src) && isDigit(src[i]) {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

// scanString returns the index after the string whose opening quote is src[i],
// or -1.
func scanString(src []byte, i int) int {
	for i++; ; {
		i = plainPrefix(src, i)
		if i >= len(src) {
			return -1
		}
		switch c := src[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = scanEscape(src, i); i < 0 {
				return -1
			}
		case c < 0x20:
			return -1
		default:
			i++
		}
	}
}

// plainPrefix skips bytes that need no look, eight at a time: the bit tricks
// flag each byte that is a quote, a backslash or a control character. A borrow
// can flag the byte after such a one too, but the first flag is always right. It
// stops there, or within the last eight bytes of src.
func plainPrefix(src []byte, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(src); i += 8 {
		w := binary.LittleEndian.Uint64(src[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		flags := ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & high
		if flags != 0 {
			return i + bits.TrailingZeros64(flags)/8
		}
	}
	return i
}

// scanEscape returns the index after the escape whose backslash is src[i], or
// -1.
func scanEscape(src []byte, i int) int {
	if i+1 >= len(src) {
		return -1
	}
	switch src[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if i+6 > len(src) {
			return -1
		}
		for _, c := range src[i+2 : i+6] {
			if !isDigit(c) && (c|0x20)-'a' > 'f'-'a' {
				return -1
			}
		}
		return i + 6
	}
	return -1
}

// skipValue returns the index after the value at src[i] of a text that has been
// validated. On other texts it returns some index in (i, len(src)].
func skipValue(src []byte, i int) int {
	depth := 0
	for i < len(src) {
		switch src[i] {
		case '"':
			i = skipString(src, i)
		case '[', '{':
			depth++
			i++
		case ']', '}':
			depth--
			i++
		case ',', ' ', ':', '\t', '\n', '\r':
			i++
		default:
			for i++; i < len(src) && !endsScalar(src, i); i++ {
			}
		}
		if depth <= 0 {
			return i
		}
	}
	return len(src)
}

// skipString returns the index after the string that starts at src[i].
func skipString(src []byte, i int) int {
	for i++; ; {
		i = plainPrefix(src, i)
		if i >= len(src) {
			return len(src)
		}
		switch src[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
		i++
	}
}
