package msgjson

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// short are the escapes of one letter.
var short = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape appends the text of a JSON string to dst. Half of a surrogate pair
// becomes U+FFFD, as in encoding/json, and so does what is no escape.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' || i+1 == len(raw) {
			dst = append(dst, raw[i])
			i++
			continue
		}
		c := raw[i+1]
		if c != 'u' {
			if short[c] != 0 {
				dst = append(dst, short[c])
			} else {
				dst = utf8.AppendRune(dst, utf8.RuneError)
			}
			i += 2
			continue
		}
		r := unit(raw[i:])
		i = min(i+6, len(raw))
		if utf16.IsSurrogate(r) {
			if pair := utf16.DecodeRune(r, unit(raw[i:])); pair != utf8.RuneError {
				r = pair
				i += 6
			}
		}
		dst = utf8.AppendRune(dst, r) // U+FFFD for half a pair
	}
	return dst
}

// unit reads \uXXXX; it returns U+FFFD if src does not begin with that.
func unit(src []byte) rune {
	if len(src) < 6 || src[0] != '\\' || src[1] != 'u' {
		return utf8.RuneError
	}
	n, err := strconv.ParseUint(string(src[2:6]), 16, 16)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}
