// Package header reads lists in the headers of requests.
package header

import (
	"net/http"
	"strings"
)

// Has reports whether a comma-separated header has the token, in any case.
func Has(h http.Header, name, token string) bool {
	for _, v := range h[name] {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// IsToken reports whether s is a token: RFC 9110 section 5.6.2.
func IsToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// Tokens returns the tokens in comma-separated values, without those that are longer
// than maxLength, in bytes, and at most maxTokens of them. They are parts of the
// values.
func Tokens(values []string, maxTokens, maxLength int) (tokens []string) {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if name := strings.Trim(part, " \t"); IsToken(name) && len(name) <= maxLength && len(tokens) < maxTokens {
				tokens = append(tokens, name)
			}
		}
	}
	return tokens
}

// IsTokens reports whether a comma-separated value consists of tokens.
func IsTokens(value string) bool {
	for part := range strings.SplitSeq(value, ",") {
		if !IsToken(strings.Trim(part, " \t")) {
			return false
		}
	}
	return true
}
