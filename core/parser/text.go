package parser

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// validText replaces what stands for no character in the JSON behind start: bytes
// that are not valid UTF-8, and escaped halves of surrogate pairs (RFC 8259 section
// 8.2), at which the decoders of some languages fail.
func validText(text []byte, start int) []byte {
	if !utf8.Valid(text[start:]) {
		bad := bytes.Clone(text[start:])
		text = text[:start]
		for len(bad) > 0 {
			r, size := utf8.DecodeRune(bad)
			text = utf8.AppendRune(text, r)
			bad = bad[size:]
		}
	}
	if bytes.Contains(text[start:], []byte(`\u`)) {
		replaceHalves(text[start:])
	}
	return text
}

// replaceHalves replaces the escaped halves in valid JSON, in place.
func replaceHalves(text []byte) {
	for i := 0; i < len(text); {
		next := bytes.IndexByte(text[i:], '\\')
		if next < 0 {
			return
		}
		i += next
		r := escaped(text[i:])
		switch {
		case r < 0:
			i += 2
		case !utf16.IsSurrogate(r):
			i += 6
		case utf16.DecodeRune(r, escaped(text[i+6:])) != utf8.RuneError:
			i += 12
		default:
			copy(text[i:], `\ufffd`)
			i += 6
		}
	}
}

// escaped is the code unit of the escape \uXXXX at the beginning of a text, or
// negative if there is none.
func escaped(text []byte) (r rune) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	for _, c := range text[2:6] {
		r <<= 4
		switch {
		case isDigit(c):
			r |= rune(c - '0')
		default: // a letter, in valid JSON
			r |= rune(c|0x20-'a') + 10
		}
	}
	return r
}
