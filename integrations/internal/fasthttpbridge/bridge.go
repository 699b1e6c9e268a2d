// Package fasthttpbridge carries requests from fasthttp to a Socket.IO server,
// which speaks net/http. The mounts for Fiber share it.
//
// What fasthttp hands out lies in buffers that it reuses for the next request on
// the connection, strings too: everything is copied. fasthttp's own adaptor runs
// a goroutine and a pipe for each request.
package fasthttpbridge

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/integrations/mount"
)

// NewRequest returns a copy of the request, with ctx as its context. The body is
// not copied: the server reads it before the handler returns. NewRequest fails if
// net/http cannot parse the URI, although fasthttp could.
func NewRequest(fctx *fasthttp.RequestCtx, ctx context.Context) (*http.Request, error) { //nolint:revive // the request is what it is about
	uri := string(fctx.RequestURI())
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: string(fctx.Method()), URL: u, RequestURI: uri, Host: string(fctx.Host()),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header),
		RemoteAddr: fctx.RemoteAddr().String(), TLS: fctx.TLSConnectionState(),
	}
	if !fctx.Request.Header.IsHTTP11() {
		r.Proto, r.ProtoMinor = "HTTP/1.0", 0
	}
	for key, value := range fctx.Request.Header.All() {
		// fiber.Config.DisableHeaderNormalizing leaves names as they came.
		if k := http.CanonicalHeaderKey(string(key)); k != fasthttp.HeaderHost { // net/http has it in a field
			r.Header[k] = append(r.Header[k], string(value))
		}
	}
	// Of several lines of these, fasthttp keeps the last. The server, which refuses such
	// a request, has to see that there were several.
	for _, name := range []string{fasthttp.HeaderHost, fasthttp.HeaderContentType, fasthttp.HeaderContentLength} {
		if n := lines(fctx.Request.Header.RawHeaders(), name); n > 1 {
			r.Header[name] = make([]string, n)
		}
	}
	if fctx.Request.IsBodyStream() { // StreamRequestBody, and it is long
		r.Body = io.NopCloser(fctx.RequestBodyStream())
		r.ContentLength = int64(fctx.Request.Header.ContentLength())
	} else {
		body := fctx.Request.Body()
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return r.WithContext(ctx), nil
}

// lines counts the lines of a header that have this name.
func lines(raw []byte, name string) (n int) {
	for line := range bytes.Lines(raw) {
		key, _, _ := bytes.Cut(line, []byte{':'})
		if strings.EqualFold(string(key), name) {
			n++
		}
	}
	return n
}

// IsHandshake is [socketio.IsHandshake] for the request of a middleware.
func IsHandshake(fctx *fasthttp.RequestCtx) bool {
	_, query, _ := strings.Cut(string(fctx.RequestURI()), "?") // read as the server will read it
	return socketio.IsHandshake(&http.Request{Method: string(fctx.Method()), URL: &url.URL{RawQuery: query}})
}

// Below is [mount.Below] with paths compared as Fiber's router does: A to Z are other
// letters than a to z with fiber.Config.CaseSensitive only.
func Below(prefix, path string, caseSensitive bool) bool {
	if !caseSensitive {
		prefix, path = lower(prefix), lower(path)
	}
	return mount.Below(prefix, path)
}

func lower(path string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, path)
}

// Address returns the client's address. ip is what Fiber's c.IP returned: the text
// of a proxy's header, unless fiber.Config.EnableIPValidation is set. Of a list
// Address takes the last element, which the proxy has added: a client may have sent
// the others. It returns an empty string, which means the peer's address, if that is
// no IP address, and for a Unix socket, for which Fiber says 0.0.0.0.
func Address(fctx *fasthttp.RequestCtx, ip string) string {
	if _, tcp := fctx.RemoteAddr().(*net.TCPAddr); !tcp && ip == "0.0.0.0" {
		return ""
	}
	last := strings.TrimSpace(ip[strings.LastIndexByte(ip, ',')+1:])
	addr, err := netip.ParseAddr(last)
	if err != nil {
		with, err := netip.ParseAddrPort(last) // some proxies tell the port
		if err != nil {
			return ""
		}
		addr = with.Addr()
	}
	return addr.Unmap().WithZone("").String() // one client has one address; a zone is any text
}

// Values copies the user values out of fctx, which fasthttp uses again. It leaves
// contexts out: they are the framework's own, or refer to it.
func Values(fctx *fasthttp.RequestCtx) map[any]any {
	values := make(map[any]any)
	fctx.VisitUserValuesAll(func(key, v any) {
		switch t := v.(type) {
		case context.Context:
			return
		case string:
			v = strings.Clone(t)
		case []byte:
			v = bytes.Clone(t)
		}
		if k, ok := key.(string); ok {
			key = strings.Clone(k)
		}
		values[key] = v
	})
	return values
}

// Serve has srv answer the request that [NewRequest] made of fctx, with what
// find returns. A refusal is an answer, too: nothing is left to do for the
// framework. logf is for errors; a panic goes no further.
func Serve(fctx *fasthttp.RequestCtx, srv *socketio.Server, r *http.Request, logf func(format string, args ...any), find func() mount.Upstream) {
	r = mount.Prepare(srv, r, find)
	if mount.IsUpgrade(r) {
		hijack(fctx, srv, r, logf)
	} else {
		Contain(fctx, logf, func() { respond(fctx, srv, r) })
	}
}

// respond serves a request that is no upgrade, on fasthttp's goroutine.
func respond(fctx *fasthttp.RequestCtx, srv *socketio.Server, r *http.Request) {
	w := &response{fctx: fctx, header: make(http.Header)}
	if r.Method == http.MethodGet && !socketio.IsHandshake(r) {
		ctx, stop := watch(r.Context(), fctx.Conn())
		defer stop()
		r = r.WithContext(ctx)
	}
	srv.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK) // if nothing was written
	w.bound()
}

// response collects a response; fasthttp sends it when the handlers return.
type response struct {
	fctx    *fasthttp.RequestCtx
	header  http.Header
	written bool
	part    time.Duration // to take each part of the body; 0: any
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.header }

// Write implements http.ResponseWriter.
func (w *response) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.fctx.Response.AppendBody(b)
	return len(b), nil
}

// WriteHeader implements http.ResponseWriter. A header of the server's replaces one
// that middleware has set, but for Set-Cookie and Vary, to which it is added.
func (w *response) WriteHeader(code int) {
	if w.written {
		return
	}
	w.written = true
	w.fctx.Response.SetStatusCode(code)
	h := &w.fctx.Response.Header
	for key, values := range w.header {
		switch key {
		case fasthttp.HeaderVary:
			values = []string{vary(string(h.Peek(key)), values)}
			h.Del(key)
		case fasthttp.HeaderSetCookie:
		default:
			h.Del(key)
		}
		for _, v := range values {
			h.Add(key, v)
		}
	}
}

// vary adds to the value of a Vary header what it does not have.
func vary(header string, more []string) string {
	for _, name := range more {
		has := false
		for v := range strings.SplitSeq(header, ",") {
			has = has || strings.EqualFold(strings.TrimSpace(v), name)
		}
		switch {
		case has:
		case header == "":
			header = name
		default:
			header += ", " + name
		}
	}
	return header
}

// SetReadDeadline is for http.ResponseController: it bounds the time of a body
// that is streamed.
func (w *response) SetReadDeadline(t time.Time) error {
	return w.fctx.Conn().SetReadDeadline(t)
}

// SetWriteDeadline is for http.ResponseController: the server sets one before each part of
// a body. It counts when fasthttp writes.
func (w *response) SetWriteDeadline(t time.Time) error {
	if !t.IsZero() {
		w.part = time.Until(t)
	}
	return nil
}

// RefusePolling answers a handshake where several processes share the port:
// each connection may reach another one, and only one of them would know the
// session. The answer is the server's own without polling.
func RefusePolling(fctx *fasthttp.RequestCtx) {
	fctx.Response.SetStatusCode(http.StatusBadRequest)
	fctx.Response.Header.SetContentType("application/json")
	fctx.Response.SetBodyString(`{"code":0,"message":"Transport unknown"}`)
}
