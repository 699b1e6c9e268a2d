package engine

import (
	"time"

	"github.com/gosio/gosio/core/engine/internal/cors"
)

// CORS lists the web pages that may connect, and sets the CORS headers for browsers.
//
// A browser names a page's origin in the Origin header. The engine checks that
// header on every request, with a session id or without, because browsers send
// cookies with WebSocket handshakes and simple POSTs of any page: the origin must
// have the host and port of the request, or be listed here. Requests without an
// Origin header (native clients, servers) are allowed. The reference server
// never rejects an origin.
type CORS struct {
	// Origins are further allowed origins, "https://app.example:8443" each,
	// compared exactly, so they are written as browsers send them: in small
	// letters, without a default port, path or wildcard. NewServer panics on any
	// other. Hosts of apps and extensions, "safari-web-extension://…", may have
	// capitals, or be empty. "*" allows every page, and then Credentials must not be set.
	// "file://" allows clients that say they are a local file, as some for
	// microcontrollers do.
	Origins []string
	// Credentials tells browsers that pages of other origins may send cookies.
	Credentials bool
	// AllowedHeaders answers preflights; default: the headers asked for, if
	// these are names, and 1 KB at most.
	AllowedHeaders []string
	// ExposedHeaders are response headers that pages may read.
	ExposedHeaders []string
	// MaxAge is how long browsers may remember a preflight. Zero leaves it to
	// them.
	MaxAge time.Duration
	// TrustForwardedHost takes the X-Forwarded-Host header for the host that
	// a request goes to. Only for servers behind a proxy that sets it.
	TrustForwardedHost bool
}

// AllowsAll reports whether every origin is allowed, by "*".
func (c *CORS) AllowsAll() bool { return c.policy().AllowsAll() }

func (c *CORS) policy() *cors.Policy { return (*cors.Policy)(c) }
