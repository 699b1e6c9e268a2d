package engine

import (
	"crypto/subtle"
	"log/slog"
	"net/http"

	"github.com/gosio/gosio/core/engine/internal/cors"
	"github.com/gosio/gosio/core/engine/internal/query"
	"github.com/gosio/gosio/internal/loglimit"
)

// gate decides which requests get in.
type gate struct {
	opts      *Options
	table     *table
	report    *reporter
	admission admission
	refused   cors.Seen // origins that were logged
}

// check applies the rules for every request, in the order of the reference server, and
// returns the session that the request names. A nil session and a nil error mean a
// handshake.
func (g *gate) check(r *http.Request, q query.Query) (*Session, *RequestError) {
	if !g.opts.allows(q.Transport) || q.Transport == WebTransport { // that comes by ServeStream
		return nil, &RequestError{Code: CodeTransportUnknown, Context: "transport " + loglimit.Clip(q.Transport)}
	}
	if q.Repeated && q.SID != "" {
		return nil, &RequestError{Code: CodeBadRequest, Context: "repeated query parameter"}
	}
	upgrade := IsUpgrade(r)
	if upgrade && q.Transport != WebSocket {
		return nil, &RequestError{Code: CodeBadRequest, Context: "upgrade request for transport " + q.Transport}
	}
	if q.SID == "" {
		return nil, g.checkHandshake(r, q, upgrade)
	}
	s, err := g.find(r, q.SID)
	if err != nil {
		return nil, err
	}
	// An upgrade with another revision than the session's has crashed a server:
	// CVE-2026-102599.
	if q.EIO != s.revision() {
		return nil, &RequestError{Code: CodeBadRequest, Context: "protocol revision differs from the session's"}
	}
	if !upgrade && (q.Transport == WebSocket || q.Transport != s.Transport()) {
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
func (g *gate) checkHandshake(r *http.Request, q query.Query, upgrade bool) *RequestError {
	switch {
	case r.Method != http.MethodGet:
		return &RequestError{Code: CodeBadHandshakeMethod, Context: "method " + loglimit.Clip(r.Method)}
	case q.Transport == WebSocket && !upgrade:
		return &RequestError{Code: CodeBadRequest, Context: "transport websocket without an upgrade"}
	}
	if e := g.checkRevision(q); e != nil {
		return e
	}
	return g.admit(r)
}

// admit waits for the turn of a handshake, asks Options.AllowRequest, and refuses all
// handshakes while shutting down.
func (g *gate) admit(r *http.Request) *RequestError {
	if g.table.isClosed() {
		return errShuttingDown()
	}
	if e := g.admission.begin(r); e != nil {
		return e
	}
	defer g.admission.end()
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
		if e == nil { // does not admit: its author means a failure, or has taken it for nil
			e = &RequestError{Code: CodeForbidden, Context: "AllowRequest: a nil *RequestError"}
		}
		return e
	}
	return &RequestError{Code: CodeForbidden, Context: textOf(err)}
}

// checkRevision decides whether a handshake's protocol is spoken here.
func (g *gate) checkRevision(q query.Query) *RequestError {
	switch {
	case q.Repeated:
	case q.EIO == "4":
		return nil
	case q.EIO == "3" && g.opts.AllowEIO3:
		if q.JSONP { // its answers are scripts, which any page could read
			return &RequestError{Code: CodeBadRequest, Message: "JSONP is not supported", Context: "JSONP"}
		}
		return nil
	case q.EIO == "3":
		return &RequestError{Code: CodeUnsupportedProtocolVersion, Context: "EIO 3: a client of Socket.IO 2.x; Options.AllowEIO3 lets it in"}
	}
	return &RequestError{Code: CodeUnsupportedProtocolVersion, Context: "EIO " + loglimit.Clip(q.EIO)}
}

// checkStream applies the rules of check that hold before there is a stream.
func (g *gate) checkStream(r *http.Request, q query.Query) *RequestError {
	switch {
	case !g.opts.allows(WebTransport), q.Transport != "" && q.Transport != WebTransport:
		return &RequestError{Code: CodeTransportUnknown, Context: "transport " + loglimit.Clip(q.Transport)}
	case q.Repeated:
		return &RequestError{Code: CodeBadRequest, Context: "repeated query parameter"}
	case q.EIO != "" && q.EIO != "4": // the protocol asks for no query here
		return &RequestError{Code: CodeUnsupportedProtocolVersion, Context: "EIO " + loglimit.Clip(q.EIO)}
	case q.SID == "":
		return g.admit(r)
	}
	_, err := g.find(r, q.SID)
	return err
}

// checkOrigin is [Server.CheckOrigin].
func (g *gate) checkOrigin(w http.ResponseWriter, r *http.Request) bool {
	if e := checkForm(g.opts, w, r); e != nil {
		g.report.refuseAt(e.level(), w, r, e)
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	policy := g.opts.CORS.policy()
	ok, foreign := policy.Allows(origin, r)
	if !ok {
		origin = loglimit.Clip(origin)
		if g.refused.First(origin) {
			g.report.log.Warn("engine: refused a page of another origin; if it is yours, add it to Options.CORS.Origins"+
				" (behind a proxy that changes the Host header, as a dev server's does with changeOrigin: true, let it pass Host on,"+
				" or set Options.CORS.TrustForwardedHost if it sets X-Forwarded-Host for every request)",
				"origin", origin, "host", loglimit.Clip(r.Host))
		}
		g.report.refuseAt(slog.LevelDebug, w, r, &RequestError{Code: CodeForbidden, Context: "origin " + origin})
		return false
	}
	if foreign {
		policy.SetHeaders(w.Header(), origin)
		if r.Method == http.MethodOptions {
			policy.Preflight(w.Header(), r)
			w.WriteHeader(http.StatusNoContent)
			return false
		}
	}
	return true
}
