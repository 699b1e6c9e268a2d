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

// allowOctets lets pages of other origins POST binary payloads, for which their
// browsers ask first.
func (c *CORS) allowOctets() {
	if len(c.AllowedHeaders) > 0 && !slices.ContainsFunc(c.AllowedHeaders, func(name string) bool {
		return http.CanonicalHeaderKey(name) == "Content-Type"
	}) {
		c.AllowedHeaders = append(slices.Clip(c.AllowedHeaders), "Content-Type")
	}
}
