package engine

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"
)

// query holds the parameters that mean something to the engine.
// See https://socket.io/docs/v4/engine-io-protocol/#handshake.
type query struct {
	eio, transport, sid string
	base64              bool
	jsonp               bool
	repeated            bool // one of them came twice, or in disguise
}

// parseQuery scans the raw query without building a map: it runs on every
// poll. Values are unescaped only where they need it.
func parseQuery(raw string) query {
	var q query
	var eio, transport, sid, b64 bool
	first := func(seen *bool) {
		q.repeated = q.repeated || *seen
		*seen = true
	}
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "EIO":
			first(&eio)
			q.eio = unescape(value)
		case "transport":
			first(&transport)
			q.transport = unescape(value)
		case "sid":
			first(&sid)
			q.sid = unescape(value)
		case "b64":
			first(&b64)
			q.base64 = value == "1" || value == "true"
		case "j":
			q.jsonp = true
		default:
			q.repeated = q.repeated || disguised(key)
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

// IsHandshake reports whether the request opens a session: it names none.
// Middleware in front of the server, which sees every poll, can use it to do
// expensive work once.
func IsHandshake(r *http.Request) bool { return parseQuery(r.URL.RawQuery).sid == "" }

// headerHas reports whether a comma-separated header has the token, in any case.
func headerHas(h http.Header, name, token string) bool {
	for _, v := range h[name] {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// IsUpgrade reports whether the request asks for a WebSocket. It is for
// integrations that have to serve those another way.
func IsUpgrade(r *http.Request) bool {
	return headerHas(r.Header, "Connection", "upgrade") && headerHas(r.Header, "Upgrade", "websocket")
}

// gate decides which requests get in.
type gate struct {
	opts    *Options
	table   *table
	report  *reporter
	origins seenOrigins
}

// check applies the rules that hold for every request, in the reference's
// order, and finds the session that the request names. A nil session and a
// nil error mean a handshake.
func (g *gate) check(r *http.Request, q query) (*Session, *RequestError) {
	if !g.opts.allows(q.transport) || q.transport == WebTransport { // that comes by ServeStream
		return nil, &RequestError{Code: CodeTransportUnknown, Context: "transport " + clip(q.transport)}
	}
	if q.repeated && q.sid != "" {
		return nil, &RequestError{Code: CodeBadRequest, Context: "repeated query parameter"}
	}
	upgrade := IsUpgrade(r)
	if upgrade && q.transport != WebSocket {
		return nil, &RequestError{Code: CodeBadRequest, Context: "upgrade request for transport " + q.transport}
	}
	if q.sid == "" {
		return nil, g.checkHandshake(r, q, upgrade)
	}
	s, err := g.find(r, q.sid)
	if err != nil {
		return nil, err
	}
	// An upgrade with another revision confused a server into crashing once:
	// CVE-2026-102599.
	if q.eio != s.revision() {
		return nil, &RequestError{Code: CodeBadRequest, Context: "protocol revision differs from the session's"}
	}
	if !upgrade && (q.transport == WebSocket || q.transport != s.Transport()) {
		return nil, &RequestError{Code: CodeBadRequest, Context: "session is on " + s.Transport()}
	}
	return s, nil
}

// find returns the session with this id, if it is the requester's.
func (g *gate) find(r *http.Request, sid string) (*Session, *RequestError) {
	s := g.table.get(sid)
	if s == nil || s.state.Load() == stateReleased {
		return nil, &RequestError{Code: CodeSessionIDUnknown, Context: "unknown sid"}
	}
	if subtle.ConstantTimeCompare([]byte(g.opts.pin(r)), []byte(s.pin)) == 0 {
		return nil, &RequestError{Code: CodeForbidden, Context: "the session belongs to another user"}
	}
	return s, nil
}

// checkHandshake applies the rules for requests that open a session.
func (g *gate) checkHandshake(r *http.Request, q query, upgrade bool) *RequestError {
	switch {
	case r.Method != http.MethodGet:
		return &RequestError{Code: CodeBadHandshakeMethod, Context: "method " + clip(r.Method)}
	case q.transport == WebSocket && !upgrade:
		return &RequestError{Code: CodeBadRequest, Context: "transport websocket without an upgrade"}
	}
	if e := g.checkRevision(q); e != nil {
		return e
	}
	return g.admit(r)
}

// admit asks the application, and refuses everybody while shutting down.
func (g *gate) admit(r *http.Request) *RequestError {
	if g.table.isClosed() {
		return errShuttingDown()
	}
	if g.opts.AllowRequest == nil {
		return nil
	}
	err := g.opts.AllowRequest(r)
	switch {
	case err != nil:
	case g.table.isClosed(): // meanwhile
		return errShuttingDown()
	default:
		return nil
	}
	if e, ok := err.(*RequestError); ok { //nolint:errorlint // a wrapped one is not meant for the peer
		if e == nil { // is no leave: who returns it means a failure, or has mistaken it for nil
			e = &RequestError{Code: CodeForbidden, Context: "AllowRequest: a nil *RequestError"}
		}
		return e
	}
	return &RequestError{Code: CodeForbidden, Context: err.Error()}
}

// checkRevision decides whether a handshake's protocol is spoken here.
func (g *gate) checkRevision(q query) *RequestError {
	switch {
	case q.repeated:
	case q.eio == "4":
		return nil
	case q.eio == "3" && g.opts.AllowEIO3:
		if q.jsonp { // its answers are scripts, which any page could read
			return &RequestError{Code: CodeBadRequest, Message: "JSONP is not supported", Context: "JSONP"}
		}
		return nil
	case q.eio == "3":
		return &RequestError{Code: CodeUnsupportedProtocolVersion, Context: "EIO 3: a client of Socket.IO 2.x; Options.AllowEIO3 lets it in"}
	}
	return &RequestError{Code: CodeUnsupportedProtocolVersion, Context: "EIO " + clip(q.eio)}
}

// checkStream applies the rules of check that hold before there is a stream.
func (g *gate) checkStream(r *http.Request, q query) *RequestError {
	switch {
	case !g.opts.allows(WebTransport), q.transport != "" && q.transport != WebTransport:
		return &RequestError{Code: CodeTransportUnknown, Context: "transport " + clip(q.transport)}
	case q.repeated:
		return &RequestError{Code: CodeBadRequest, Context: "repeated query parameter"}
	case q.eio != "" && q.eio != "4": // the protocol asks for no query here
		return &RequestError{Code: CodeUnsupportedProtocolVersion, Context: "EIO " + clip(q.eio)}
	case q.sid == "":
		return g.admit(r)
	}
	_, err := g.find(r, q.sid)
	return err
}
