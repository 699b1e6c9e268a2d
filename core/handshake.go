package socketio

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/internal/upstream"
)

// Handshake is a snapshot of the HTTP request that has opened a connection, without the
// body, with the auth payload for one namespace. It must not be changed.
type Handshake struct {
	// Auth is the payload the client sent for this namespace: a JSON object,
	// or nil. See [Handshake.DecodeAuth].
	Auth json.RawMessage
	// Method, URL and Host are those of the request; the URL is as it came,
	// path and query.
	Method, URL, Host string
	// Address is the client's IP address as the framework in front sees it,
	// so its proxy settings apply; without one it is the peer's. Of a
	// Unix socket it is "@", as net/http has it, with every framework: what its
	// proxy puts into a header has to be read by the framework or by middleware.
	Address string
	// RemoteAddr is the peer of the TCP connection, host:port; of a Unix socket
	// mostly "@".
	RemoteAddr string
	// Time is when the request came.
	Time time.Time
	// Secure reports TLS on the connection to this server.
	Secure bool
	// TLS is the state of that TLS connection, as net/http has it: the client's
	// certificates are in PeerCertificates, and in VerifiedChains if the server's
	// tls.Config.ClientAuth has them verified. nil without TLS, and so behind a
	// proxy that ends it. It is shared with other sockets: only read it.
	//
	// It is that of the handshake. Where a certificate says who somebody is, let
	// Options.Pin return that, or whoever learns a session's id can go on with it
	// over a connection with another certificate, or with none.
	TLS *tls.ConnectionState

	header string // lines of "Key: value", far smaller than a map
	values map[any]any
}

// UpstreamValue returns what middleware in front of the server has stored
// under the key: with the framework's own means, as far as its integration can
// see them, or in the request's context. It is for Options.Pin and
// Options.AllowRequest; on a socket, [Handshake.Value] is the same.
func UpstreamValue(r *http.Request, key any) any {
	if up, ok := upstream.Of(r.Context()); ok {
		if v, ok := up.Values[key]; ok {
			return v
		}
	}
	return r.Context().Value(key)
}

// newHandshake takes the snapshot.
func newHandshake(r *http.Request, keys []any) *Handshake {
	h := &Handshake{
		Method: strings.Clone(r.Method), URL: strings.Clone(r.URL.RequestURI()), Host: strings.Clone(r.Host),
		RemoteAddr: strings.Clone(r.RemoteAddr), Time: time.Now(), Secure: r.TLS != nil, TLS: r.TLS,
		header: packHeader(r.Header),
	}
	h.Address = strings.Clone(AddressOf(r)) // a piece of the header would hold on to all of it
	if up, ok := upstream.Of(r.Context()); ok {
		h.values = up.Values
	}
	for _, key := range keys {
		v := r.Context().Value(key)
		if v == nil {
			continue
		}
		if h.values == nil {
			h.values = make(map[any]any, len(keys))
		}
		if _, set := h.values[key]; !set {
			h.values[key] = v
		}
	}
	return h
}

// AddressOf returns what Handshake.Address is of a connection that begins with this
// request: for Options.AllowRequest.
func AddressOf(r *http.Request) string {
	if up, ok := upstream.Of(r.Context()); ok && up.Address != "" {
		return up.Address
	}
	return hostOf(r.RemoteAddr)
}

// hostOf is a net/http.Request.RemoteAddr without its port. Some middleware has
// left that away, and a Unix socket has none.
func hostOf(addr string) string {
	if _, err := netip.ParseAddr(addr); err == nil {
		return addr
	}
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// with returns the handshake of another namespace on the same connection.
func (h *Handshake) with(auth []byte) *Handshake {
	if len(auth) == 0 {
		return h
	}
	c := *h
	c.Auth = append(json.RawMessage(nil), auth...)
	return &c
}

// packHeader keeps a header in one string: values cannot hold line breaks.
func packHeader(header http.Header) string {
	var b strings.Builder
	n := 0
	for key, values := range header {
		for _, v := range values {
			n += len(key) + len(v) + 2
		}
	}
	b.Grow(n)
	for key, values := range header {
		for _, v := range values {
			b.WriteString(key)
			b.WriteByte('\n')
			b.WriteString(v)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// Header returns a copy of the request's header.
func (h *Handshake) Header() http.Header {
	header := make(http.Header)
	for rest := h.header; rest != ""; {
		var key, value string
		key, rest, _ = strings.Cut(rest, "\n")
		value, rest, _ = strings.Cut(rest, "\n")
		header[key] = append(header[key], value)
	}
	return header
}

// Query returns the query parameters of the request's URL, with those of the protocol.
func (h *Handshake) Query() url.Values {
	u, err := url.ParseRequestURI(h.URL)
	if err != nil {
		return url.Values{}
	}
	return u.Query()
}

// DecodeAuth decodes the auth payload, JSON, into dst. Without a payload DecodeAuth
// does not change dst and returns nil.
func (h *Handshake) DecodeAuth(dst any) error {
	if h.Auth == nil {
		return nil
	}
	return json.Unmarshal(h.Auth, dst)
}

// Value returns what middleware in front of the server has stored under the
// key: what the integration copied from its framework, or a value of the
// request context whose key is in Options.ContextKeys.
func (h *Handshake) Value(key any) any { return h.values[key] }

// String returns the method and the path, without query, header and auth payload, which
// contain credentials.
func (h *Handshake) String() string {
	path, _, _ := strings.Cut(h.URL, "?")
	return h.Method + " " + apperror.Clip(path)
}

// LogValue implements slog.LogValuer like String.
func (h *Handshake) LogValue() slog.Value {
	return slog.GroupValue(slog.String("request", h.String()), slog.String("address", apperror.Clip(h.Address)))
}

// Request builds a request like the one the connection began with, for libraries that
// read cookies or headers from one. Its body is empty and its context has the values
// that [Handshake.Value] knows.
func (h *Handshake) Request() *http.Request {
	u, err := url.ParseRequestURI(h.URL)
	if err != nil {
		u = &url.URL{Path: "/"}
	}
	r := &http.Request{
		Method: h.Method, URL: u, RequestURI: h.URL, Host: h.Host, RemoteAddr: h.RemoteAddr,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h.Header(), Body: http.NoBody, TLS: h.TLS,
	}
	return r.WithContext(handshakeContext{context.Background(), h})
}

// handshakeContext gives the kept values to code that expects a context.
type handshakeContext struct {
	context.Context
	h *Handshake
}

func (c handshakeContext) Value(key any) any { return c.h.values[key] }
