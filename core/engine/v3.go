package engine

import (
	"net/http"
	"slices"
)

// Protocol 3, for clients of Socket.IO 2.x: see Options.AllowEIO3. A session
// of it differs in who sends the pings, in how payloads are put together, and
// in that bytes carry a packet type. All else, its limits and the upgrade
// included, is the same.
// See https://github.com/socketio/engine.io-protocol/tree/v3.

// octetStream is the content type of a binary payload. Clients compare it as it stands.
const octetStream = "application/octet-stream"

var headerOctets = []string{octetStream}

// checkRevision decides whether a handshake's protocol is spoken here.
func (srv *Server) checkRevision(q query) *RequestError {
	switch {
	case q.repeated:
	case q.eio == "4":
		return nil
	case q.eio == "3" && srv.opts.AllowEIO3:
		if q.jsonp { // its answers are scripts, which any page could read
			return &RequestError{Code: BadRequest, Message: "JSONP is not supported", Context: "JSONP"}
		}
		return nil
	case q.eio == "3":
		return &RequestError{Code: UnsupportedProtocolVersion, Context: "EIO 3: a client of Socket.IO 2.x; Options.AllowEIO3 lets it in"}
	}
	return &RequestError{Code: UnsupportedProtocolVersion, Context: "EIO " + clip(q.eio)}
}

// allowOctets lets pages of other origins POST binary payloads, for which their
// browsers ask first.
func (c *CORS) allowOctets() {
	if len(c.AllowedHeaders) > 0 && !slices.ContainsFunc(c.AllowedHeaders, func(name string) bool {
		return http.CanonicalHeaderKey(name) == "Content-Type"
	}) {
		c.AllowedHeaders = append(slices.Clip(c.AllowedHeaders), "Content-Type")
	}
}
