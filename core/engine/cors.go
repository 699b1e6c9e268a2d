package engine

import (
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// CORS decides which web pages may connect, and tells their browsers.
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
	// other. "*" allows every page, and then Credentials must not be set.
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

// AllowsAll reports whether every origin is allowed.
func (c *CORS) AllowsAll() bool { return slices.Contains(c.Origins, "*") }

// validate panics on wiring that would be unsafe or could never match.
func (c *CORS) validate() {
	if c.AllowsAll() && c.Credentials {
		panic(`socketio: CORS.Origins "*" together with CORS.Credentials lets every web page act as the signed-in user; list the origins`)
	}
	checkOrigins(c.Origins)
}

// clone returns a copy that shares nothing.
func (c *CORS) clone() CORS {
	d := *c
	d.Origins, d.AllowedHeaders, d.ExposedHeaders = slices.Clone(c.Origins), slices.Clone(c.AllowedHeaders), slices.Clone(c.ExposedHeaders)
	return d
}

// allowed reports whether a page of this origin may talk to the server, and
// whether it is a foreign one that has to be told so.
func (c *CORS) allowed(origin string, r *http.Request) (ok, foreign bool) {
	if origin == "" || c.sameHost(origin, r) {
		return true, false
	}
	return c.AllowsAll() || slices.Contains(c.Origins, origin), true
}

// sameHost compares host and effective port. The scheme is left out, because
// behind a proxy that ends TLS this server does not know its own; but a page
// that came without TLS, which anybody on the way can write, is not the same
// as this server if that has TLS.
func (c *CORS) sameHost(origin string, r *http.Request) bool {
	scheme, rest, ok := strings.Cut(origin, "://")
	if !ok || (r.TLS != nil && scheme == "http") {
		return false
	}
	host := r.Host
	if c.TrustForwardedHost {
		if f := r.Header.Get("X-Forwarded-Host"); f != "" {
			first, _, _ := strings.Cut(f, ",")
			host = strings.TrimSpace(first)
		}
	}
	if strings.EqualFold(rest, host) {
		return host != ""
	}
	oh, op := splitPort(rest, scheme)
	hh, hp := splitPort(host, scheme)
	return oh != "" && strings.EqualFold(oh, hh) && op == hp
}

// splitPort returns the host and the port, the scheme's default if there is none.
func splitPort(hostport, scheme string) (host, port string) {
	if h, p, err := net.SplitHostPort(hostport); err == nil {
		return h, p
	}
	if scheme == "https" || scheme == "wss" {
		return strings.Trim(hostport, "[]"), "443"
	}
	return strings.Trim(hostport, "[]"), "80"
}

// setHeaders tells the browser of a foreign page that it may read the
// response. A framework's own CORS header is left alone where this server
// has nothing to say: two values would be invalid.
func (c *CORS) setHeaders(h http.Header, origin string) {
	if c.AllowsAll() {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Set("Access-Control-Allow-Origin", origin)
		if !slices.Contains(h.Values("Vary"), "Origin") {
			h.Add("Vary", "Origin")
		}
	}
	if c.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(c.ExposedHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(c.ExposedHeaders, ","))
	}
}

// preflight answers an OPTIONS request of a page whose origin is allowed.
// See https://fetch.spec.whatwg.org/#cors-preflight-fetch.
func (c *CORS) preflight(h http.Header, r *http.Request) {
	h.Set("Access-Control-Allow-Methods", "GET,POST")
	if len(c.AllowedHeaders) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(c.AllowedHeaders, ","))
	} else if asked := r.Header.Get("Access-Control-Request-Headers"); isNames(asked) {
		h.Set("Access-Control-Allow-Headers", asked)
		h.Add("Vary", "Access-Control-Request-Headers")
	}
	if c.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(c.MaxAge/time.Second)))
	}
}

// maxNames bounds the list of headers that a page asks for.
const maxNames = 1 << 10

// isNames reports whether a header's value is a list of tokens (RFC 9110 section
// 5.6.2), which may be sent back.
func isNames(list string) bool {
	if len(list) > maxNames {
		return false
	}
	for name := range strings.SplitSeq(list, ",") {
		name = strings.Trim(name, " \t")
		if name == "" || strings.ContainsFunc(name, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
		}) {
			return false
		}
	}
	return true
}

// seenOrigins remembers which refused origins have been logged already.
type seenOrigins struct {
	mu   sync.Mutex
	seen map[string]struct{}
}

// first reports whether the origin is new. Its memory is bounded: after 256
// origins it keeps silent.
func (s *seenOrigins) first(origin string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, old := s.seen[origin]; old || len(s.seen) >= 256 {
		return false
	}
	if s.seen == nil {
		s.seen = make(map[string]struct{})
	}
	s.seen[origin] = struct{}{}
	return true
}

// checkOrigin is [Server.CheckOrigin].
func (g *gate) checkOrigin(w http.ResponseWriter, r *http.Request) bool {
	if e := g.checkForm(w, r); e != nil {
		g.report.refuseAt(levelOf(e), w, r, e)
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	cors := &g.opts.CORS
	ok, foreign := cors.allowed(origin, r)
	if !ok {
		origin = clip(origin)
		if g.origins.first(origin) {
			g.report.log.Warn("engine: refused a page of another origin; if it is yours, add it to Options.CORS.Origins"+
				" (behind a proxy that changes the Host header, as a dev server's does with changeOrigin: true, let it pass Host on,"+
				" or set Options.CORS.TrustForwardedHost if it sets X-Forwarded-Host for every request)",
				"origin", origin, "host", clip(r.Host))
		}
		g.report.refuseAt(slog.LevelDebug, w, r, &RequestError{Code: CodeForbidden, Context: "origin " + origin})
		return false
	}
	if foreign {
		cors.setHeaders(w.Header(), origin)
		if r.Method == http.MethodOptions {
			cors.preflight(w.Header(), r)
			w.WriteHeader(http.StatusNoContent)
			return false
		}
	}
	return true
}
