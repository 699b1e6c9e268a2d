package auth

import (
	"fmt"
	"strings"

	socketio "github.com/gosio/gosio/core"
)

// Source is a place of the handshake where a token may be. Make one with
// [FromAuth], [FromHeader], [FromCookie], [FromQuery] or [FromFunc].
type Source struct {
	find   func(h *socketio.Handshake) (token string, found bool)
	cookie bool
}

// ambiguous stands for a value that is present and no token. No other source is
// searched then, and the token is refused as malformed.
const ambiguous = "\x00"

// FromAuth is a field of the auth payload: io({auth: {token}}) in the stock client.
// Each namespace of a connection has its own payload. A "Bearer " before the token is
// removed, as clients often copy the value of a header.
func FromAuth(field string) Source {
	checkName("FromAuth", field)
	return Source{find: func(h *socketio.Handshake) (string, bool) {
		if len(h.Auth) == 0 {
			return "", false
		}
		token, err := textMember(h.Auth, field)
		switch {
		case err != nil:
			return ambiguous, true
		case token == nil:
			return "", false
		}
		text := withoutScheme(*token)
		return text, text != ""
	}}
}

// withoutScheme removes a header's scheme from a token.
func withoutScheme(token string) string {
	if scheme, rest, ok := strings.Cut(token, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(rest)
	}
	return token
}

// FromHeader is a header of the connection's first request, after the scheme,
// such as "Bearer", whose case does not matter; an empty scheme takes the
// whole value. A header with another scheme is none of this source. Browsers
// cannot set headers on a WebSocket.
func FromHeader(name, scheme string) Source {
	checkName("FromHeader", name)
	switch {
	case !isToken(name):
		panic(fmt.Sprintf("auth: FromHeader: no header has the name %q: no token can be found", name))
	case scheme != "" && !isToken(scheme):
		panic(fmt.Sprintf("auth: FromHeader: no scheme is %q: no token can be found; write it without blanks, as \"Bearer\"", scheme))
	}
	return Source{find: func(h *socketio.Handshake) (string, bool) {
		var found []string
		for _, v := range h.Header().Values(name) {
			if scheme != "" {
				first, rest, _ := strings.Cut(v, " ")
				if !strings.EqualFold(first, scheme) {
					continue
				}
				v = rest
			}
			if v = strings.TrimSpace(v); v != "" {
				found = append(found, v)
			}
		}
		return only(found)
	}}
}

// FromCookie is a cookie of the connection's first request. A web page of any
// other site can make browsers send it, so CORS.Origins "*" panics together
// with it.
func FromCookie(name string) Source {
	checkName("FromCookie", name)
	if !isToken(name) {
		panic(fmt.Sprintf("auth: FromCookie: no cookie has the name %q: no token can be found", name))
	}
	return Source{cookie: true, find: func(h *socketio.Handshake) (string, bool) {
		var found []string
		for _, c := range h.Request().CookiesNamed(name) {
			if c.Value != "" {
				found = append(found, c.Value)
			}
		}
		return only(found)
	}}
}

// FromQuery is a parameter of the URL. URLs end up in the logs of proxies and
// servers, and with them the tokens: prefer [FromAuth].
func FromQuery(name string) Source {
	checkName("FromQuery", name)
	return Source{find: func(h *socketio.Handshake) (string, bool) {
		var found []string
		for _, v := range h.Query()[name] {
			if v != "" {
				found = append(found, v)
			}
		}
		return only(found)
	}}
}

// FromFunc is any other place. cookies tells whether browsers send what f
// reads by themselves, as they do with cookies.
func FromFunc(f func(h *socketio.Handshake) (token string, found bool), cookies bool) Source {
	return Source{find: f, cookie: cookies}
}

func checkName(what, name string) {
	if name == "" {
		panic("auth: " + what + " without a name: no token can be found")
	}
}

// isToken reports whether s is a token (RFC 9110 section 5.6.2), as the names of
// headers, of cookies and of schemes are.
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

// only returns the value if there is exactly one. Several values are ambiguous: which
// of them is valid must not depend on the order in which a proxy passes them on.
func only(values []string) (string, bool) {
	switch len(values) {
	case 0:
		return "", false
	case 1:
		return values[0], true
	}
	return ambiguous, true
}
