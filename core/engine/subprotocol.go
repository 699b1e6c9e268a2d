package engine

import (
	"net/http"
	"slices"
	"strings"
)

// maxOffered and maxSubprotocol bound what Options.Subprotocol is shown, and what
// the 101 sends back.
const maxOffered, maxSubprotocol = 32, 256

// subprotocol chooses one that the client offers, "" for none.
// See RFC 6455 section 4.2.2.
func (a *acceptor) subprotocol(r *http.Request) string {
	values := r.Header["Sec-Websocket-Protocol"]
	if len(values) == 0 {
		return ""
	}
	var offered []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if name := strings.Trim(part, " \t"); isToken(name) && len(name) <= maxSubprotocol && len(offered) < maxOffered {
				offered = append(offered, name)
			}
		}
	}
	if len(offered) == 0 {
		return ""
	}
	chosen := offered[0]
	if f := a.opts.Subprotocol; f != nil {
		if chosen = f(r, slices.Clone(offered)); !slices.Contains(offered, chosen) {
			return ""
		}
	}
	return strings.Clone(chosen) // a piece of the header would hold on to all of it
}

// isToken reports whether s is a token: RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
