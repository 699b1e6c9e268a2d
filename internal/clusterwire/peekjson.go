package clusterwire

import (
	"strings"
	"unicode/utf8"
)

// EnvelopeConcerns is [ClassicConcerns] for an envelope. It looks into the JSON that the
// official packages and ours write; everything else may be for anybody.
func EnvelopeConcerns(src string, has func(room string) bool) bool {
	p := peeker{rest: src}
	if !p.take(`{"type":3,"data":{"packet":`) || !p.value() || !p.take(`,"opts":{"rooms":[`) {
		return true
	}
	for {
		room, ok := p.text()
		if !ok || has(room) {
			return true
		}
		if p.take(`]`) {
			break
		}
		if !p.take(`,`) {
			return true
		}
	}
	// Nothing that comes behind may say it again.
	for _, member := range []string{`,"except":`, `,"flags":`} {
		if !p.take(member) || !p.value() {
			return true
		}
	}
	if !p.take(`}},"uid":`) || !p.value() || !p.take(`,"nsp":`) || !p.value() {
		return true
	}
	return p.rest != "}"
}

// peeker reads JSON of which it trusts nothing.
type peeker struct{ rest string }

func (p *peeker) take(text string) (ok bool) {
	p.rest, ok = strings.CutPrefix(p.rest, text)
	return ok
}

// text reads a string that has one form only.
func (p *peeker) text() (s string, ok bool) {
	if !p.take(`"`) {
		return "", false
	}
	end := strings.IndexByte(p.rest, '"')
	if end < 0 || strings.IndexByte(p.rest[:end], '\\') >= 0 || !utf8.ValidString(p.rest[:end]) {
		return "", false
	}
	s, p.rest = p.rest[:end], p.rest[end+1:]
	return s, true
}

// value passes over a string, an object or an array. What is in them need not be valid.
func (p *peeker) value() bool {
	depth := 0
	for i := 0; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '"':
			n := quoteEnd(p.rest[i+1:])
			if n < 0 {
				return false
			}
			i += n + 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		default:
			if depth == 0 {
				return false
			}
		}
		if depth < 0 {
			return false
		}
		if depth == 0 {
			p.rest = p.rest[i+1:]
			return true
		}
	}
	return false
}

// quoteEnd returns the place of the quote that ends a string, and -1 if there is none.
func quoteEnd(s string) int {
	for at := 0; ; {
		n := strings.IndexByte(s[at:], '"')
		if n < 0 {
			return -1
		}
		end := at + n
		slashes := 0
		for slashes < end && s[end-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return end
		}
		at = end + 1
	}
}
