// Package query reads the parameters of the engine in the query of a request.
package query

import (
	"net/url"
	"strings"
)

// Query holds the parameters that mean something to the engine.
// See https://socket.io/docs/v4/engine-io-protocol/#handshake.
type Query struct {
	EIO, Transport, SID string
	Base64              bool // binary messages are to come as base64
	JSONP               bool
	Repeated            bool // a parameter comes twice, or with an escaped name
}

// Parse scans the raw query without building a map: it runs on every
// poll. Values are unescaped only where they need it.
func Parse(raw string) Query {
	var q Query
	var eio, transport, sid, b64 bool
	first := func(seen *bool) {
		q.Repeated = q.Repeated || *seen
		*seen = true
	}
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "EIO":
			first(&eio)
			q.EIO = unescape(value)
		case "transport":
			first(&transport)
			q.Transport = unescape(value)
		case "sid":
			first(&sid)
			q.SID = unescape(value)
		case "b64":
			first(&b64)
			q.Base64 = value == "1" || value == "true"
		case "j":
			q.JSONP = true
		default:
			q.Repeated = q.Repeated || disguised(key)
		}
	}
	return q
}

// disguised reports whether a name that is escaped is one of the engine's: others
// may read it so, here it stands for nothing.
func disguised(key string) bool {
	if !strings.ContainsAny(key, "%+") {
		return false
	}
	switch unescape(key) {
	case "EIO", "transport", "sid", "b64", "j":
		return true
	}
	return false
}

func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	u, err := url.QueryUnescape(s)
	if err != nil {
		return "%" // matches nothing
	}
	return u
}
