package engine

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The form of requests: their size, the headers that may come only once, and which
// requests have a body. An attacker gets past a check if two parties, a proxy and this
// server or two parts of the server, read one request in two ways: requests that can be
// read in two ways are refused.

// once are the headers that may have only one value. Some frameworks and proxies would
// take the first value, others the last. The Host header is in Request.Host; it is in
// Header only if a front has found two.
var once = []string{
	"Origin", "Host", "Content-Type", "Content-Encoding", "Content-Length", "Sec-Websocket-Key", "Sec-Websocket-Version",
}

// checkForm applies the rules for the form of all requests.
func checkForm(o *Options, w http.ResponseWriter, r *http.Request) *RequestError {
	if limit := o.MaxHandshake; limit > 0 && sizeOfHead(r) > limit {
		return &RequestError{
			Code: CodeBadRequest, Message: "URL and header too large", Status: http.StatusRequestHeaderFieldsTooLarge,
			Context: fmt.Sprintf("URL and header over Limits.Handshake, %d bytes", limit),
		}
	}
	for _, name := range once {
		if len(r.Header[name]) > 1 {
			return &RequestError{Code: CodeBadRequest, Context: "repeated header " + name}
		}
	}
	if o.CORS.TrustForwardedHost && len(r.Header["X-Forwarded-Host"]) > 1 {
		return &RequestError{Code: CodeBadRequest, Context: "repeated header X-Forwarded-Host"}
	}
	if strayBody(o, w, r) {
		return &RequestError{Code: CodeBadRequest, Context: "a body where none belongs"}
	}
	return nil
}

// sizeOfHead is the size of a request's URL and header, in bytes, without line breaks.
func sizeOfHead(r *http.Request) int {
	n := max(len(r.RequestURI), len(r.URL.Path)+len(r.URL.RawQuery)) + len(r.Host)
	for key, values := range r.Header {
		for _, v := range values {
			n += len(key) + len(v)
		}
	}
	return n
}

// strayBody reports whether a request has a body that it must not have: a WebSocket
// would take the body for frames, and net/http would wait for the body of a GET, without
// a bound, before it answers. HTTP/2 does neither. The body of a GET has no meaning: one
// that is small and arrives at once is skipped.
func strayBody(o *Options, w http.ResponseWriter, r *http.Request) bool {
	switch {
	case r.ProtoMajor != 1:
		return false
	case IsUpgrade(r): // whose body a front may have left where it was
		return r.ContentLength != 0 || len(r.TransferEncoding) > 0 || r.Header.Get("Transfer-Encoding") != "" ||
			strings.Trim(r.Header.Get("Content-Length"), "0 ") != ""
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions:
		return false // a POST, or refused as what it is
	}
	return r.ContentLength != 0 && !skipBody(o, w, r)
}

// maxStray bounds, in bytes, a body that is skipped.
const maxStray = 64 << 10

// skipBody reads a body without a meaning, for at most CloseTimeout. It reports whether
// that was the whole body.
func skipBody(o *Options, w http.ResponseWriter, r *http.Request) bool {
	if r.ContentLength > maxStray || r.Header.Get("Expect") != "" { // it has not been sent yet
		return false
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(o.CloseTimeout)) // where there is none, the server's own holds
	n, err := io.Copy(io.Discard, io.LimitReader(r.Body, maxStray+1))
	if err != nil || n > maxStray {
		return false
	}
	_ = rc.SetReadDeadline(time.Time{}) // as above
	return true
}
