package engine

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The form of requests: how large they are, what they may say once only, and
// which of them have a body. Two parties that read one request in two ways, a
// proxy and this server, or two parts of it, are how attackers get past one of
// them: what can be read so is refused.

// once are the headers that have one value. Some frameworks, and some proxies,
// would take the first, others the last. That of the host is in Request.Host; it
// is here if a front has found two.
var once = []string{
	"Origin", "Host", "Content-Type", "Content-Encoding", "Content-Length", "Sec-Websocket-Key", "Sec-Websocket-Version",
}

// checkForm applies the rules that hold for everything that is served.
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

// sizeOfHead is what a request's URL and header take, without the line breaks.
func sizeOfHead(r *http.Request) int {
	n := max(len(r.RequestURI), len(r.URL.Path)+len(r.URL.RawQuery)) + len(r.Host)
	for key, values := range r.Header {
		for _, v := range values {
			n += len(key) + len(v)
		}
	}
	return n
}

// strayBody reports whether a request has a body that must not be there: a
// WebSocket would take it for frames, and net/http would wait for that of a GET
// without a bound before it answers. HTTP/2 does neither. The body of a GET means
// nothing: one that is small and comes at once is passed over.
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
	return r.ContentLength != 0 && !passOver(o, w, r)
}

// maxStray bounds, in bytes, a body that is passed over.
const maxStray = 64 << 10

// passOver reads a body that means nothing, for CloseTimeout. It reports whether
// that was all of it.
func passOver(o *Options, w http.ResponseWriter, r *http.Request) bool {
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
