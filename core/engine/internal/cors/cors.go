// Package cors decides which web pages may connect, and tells their browsers.
// See https://fetch.spec.whatwg.org/#http-cors-protocol.
package cors

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosio/gosio/core/engine/internal/header"
)

// Policy has the fields of engine.CORS, which documents them.
type Policy struct {
	Origins            []string
	Credentials        bool
	AllowedHeaders     []string
	ExposedHeaders     []string
	MaxAge             time.Duration
	TrustForwardedHost bool
}

// AllowsAll reports whether every origin is allowed.
func (p *Policy) AllowsAll() bool { return slices.Contains(p.Origins, "*") }

// Validate panics on wiring that would be unsafe or could never match.
func (p *Policy) Validate() {
	if p.AllowsAll() && p.Credentials {
		panic(`socketio: CORS.Origins "*" together with CORS.Credentials lets every web page act as the signed-in user; list the origins`)
	}
	checkOrigins(p.Origins)
	checkNames("AllowedHeaders", p.AllowedHeaders)
	checkNames("ExposedHeaders", p.ExposedHeaders)
	if p.MaxAge < 0 {
		panic("socketio: CORS.MaxAge is negative: leave it out, or say for how long browsers may remember a preflight")
	}
}

// checkNames panics on a header that no browser could mean.
func checkNames(field string, names []string) {
	for _, name := range names {
		if !header.IsToken(name) {
			panic(fmt.Sprintf("socketio: CORS.%s: %q is not the name of a header; list each by itself", field, name))
		}
	}
}

// Clone returns a copy that shares nothing with p.
func (p *Policy) Clone() Policy {
	d := *p
	d.Origins, d.AllowedHeaders, d.ExposedHeaders = slices.Clone(p.Origins), slices.Clone(p.AllowedHeaders), slices.Clone(p.ExposedHeaders)
	return d
}

// Allows reports whether a page of this origin may talk to the server, and
// whether it is a foreign one that has to be told so.
func (p *Policy) Allows(origin string, r *http.Request) (ok, foreign bool) {
	if origin == "" || p.sameHost(origin, r) {
		return true, false
	}
	return p.AllowsAll() || slices.Contains(p.Origins, origin), true
}

// sameHost compares host and effective port. The scheme is left out, because
// behind a proxy that ends TLS this server does not know its own; but a page
// that came without TLS, which anybody on the way can write, is not the same
// as this server if that has TLS.
func (p *Policy) sameHost(origin string, r *http.Request) bool {
	scheme, rest, ok := strings.Cut(origin, "://")
	if !ok || (r.TLS != nil && scheme == "http") {
		return false
	}
	host := r.Host
	if p.TrustForwardedHost {
		if f := r.Header.Get("X-Forwarded-Host"); f != "" {
			first, _, _ := strings.Cut(f, ",")
			host = strings.TrimSpace(first)
		}
	}
	if sameName(rest, host) {
		return host != ""
	}
	oh, op := splitPort(rest, scheme)
	hh, hp := splitPort(host, scheme)
	return oh != "" && sameName(oh, hh) && op == hp
}

// sameName compares names of hosts, in which capitals of ASCII do not count. For
// strings.EqualFold all bytes that are no UTF-8 are the same, and some letters of other
// alphabets are the same as those of ASCII.
func sameName(a, b string) bool {
	return a == b || ascii(a) && ascii(b) && strings.EqualFold(a, b)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// splitPort returns the host and the port, the scheme's default if there is none.
func splitPort(hostport, scheme string) (host, port string) {
	if h, p, err := net.SplitHostPort(hostport); err == nil {
		return h, p
	}
	host, port = hostport, "80"
	if scheme == "https" || scheme == "wss" {
		port = "443"
	}
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	return host, port
}

// SetHeaders tells the browser of a foreign page that it may read the
// response. A framework's own CORS header is left alone where this server
// has nothing to say: two values would be invalid.
func (p *Policy) SetHeaders(h http.Header, origin string) {
	if p.AllowsAll() {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Set("Access-Control-Allow-Origin", origin)
		if !slices.Contains(h.Values("Vary"), "Origin") {
			h.Add("Vary", "Origin")
		}
	}
	if p.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(p.ExposedHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(p.ExposedHeaders, ","))
	}
}

// Preflight answers an OPTIONS request of a page whose origin is allowed.
// See https://fetch.spec.whatwg.org/#cors-preflight-fetch.
func (p *Policy) Preflight(h http.Header, r *http.Request) {
	h.Set("Access-Control-Allow-Methods", "GET,POST")
	if len(p.AllowedHeaders) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(p.AllowedHeaders, ","))
	} else if asked := r.Header.Get("Access-Control-Request-Headers"); isNames(asked) {
		h.Set("Access-Control-Allow-Headers", asked)
		h.Add("Vary", "Access-Control-Request-Headers")
	}
	if p.MaxAge > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(p.MaxAge/time.Second)))
	}
}

// maxNames bounds the list of headers that a page asks for.
const maxNames = 1 << 10

func isNames(list string) bool { return len(list) <= maxNames && header.IsTokens(list) }

// Seen remembers origins. It may be used concurrently.
type Seen struct {
	mu   sync.Mutex
	seen map[string]struct{}
}

// First reports whether the origin is new. After 256 origins none is, so that clients
// cannot fill the memory.
func (s *Seen) First(origin string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, old := s.seen[origin]; old || len(s.seen) >= 256 {
		return false
	}
	if s.seen == nil {
		s.seen = make(map[string]struct{})
	}
	s.seen[strings.Clone(origin)] = struct{}{} // it may be a piece of a header
	return true
}

// AllowHeader has preflights allow a further header, if they do not allow all that
// are asked for.
func (p *Policy) AllowHeader(name string) {
	if len(p.AllowedHeaders) > 0 && !slices.ContainsFunc(p.AllowedHeaders, func(allowed string) bool {
		return http.CanonicalHeaderKey(allowed) == name
	}) {
		p.AllowedHeaders = append(slices.Clip(p.AllowedHeaders), name)
	}
}
