package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/internal/loglimit"
)

// The log has a line at level info for a request that is refused, at warn for a client
// that has broken the protocol or a limit, and at debug for all else. Clients cannot make
// the log grow without a bound: package loglimit bounds the lines of each kind. No value
// that comes from a client has more than 256 bytes, and session ids, headers and payloads
// are never logged.

// reporter answers requests that are refused, and logs for the operator.
type reporter struct {
	log          *slog.Logger
	noted        loglimit.Limiter
	strays       strays
	onRefused    func(r *http.Request, e *RequestError)
	closeTimeout time.Duration
}

// note logs a line of a kind, see package loglimit.
func (p *reporter) note(level slog.Level, kind, msg string, attrs ...slog.Attr) {
	p.noted.Log(p.log, level, kind, msg, attrs...)
}

// noteRefused logs a refused request. If the operator is likely to have made a mistake,
// the level is warn, and a hint says which.
func (p *reporter) noteRefused(level slog.Level, e *RequestError) {
	attrs := []slog.Attr{slog.Int("code", int(e.Code)), slog.String("context", loglimit.Clip(e.Context))}
	if hint := hints[e.Code]; hint != "" && level == slog.LevelInfo {
		level, attrs = slog.LevelWarn, append(attrs, slog.String("hint", hint))
	}
	p.note(level, "refused "+strconv.Itoa(int(e.Code)), "engine: request refused", attrs...)
	if e.Code == CodeSessionIDUnknown {
		p.strays.note(p.log)
	}
}

// strays counts requests of sessions that this server does not know. Some are
// normal: their session has ended, or belonged to an earlier process. When
// most clients that connect cause them, the requests of one client are likely
// to reach several servers, which is logged once.
type strays struct {
	opened  atomic.Int64 // handshakes by polling: a WebSocket does not go astray
	unknown atomic.Int64
	told    atomic.Bool
}

// From so many requests and handshakes the share of strays is looked at.
const (
	manyStrays = 10
	manyOpened = 5
)

func (s *strays) note(log *slog.Logger) {
	n, opened := s.unknown.Add(1), s.opened.Load()
	if n < manyStrays || opened < manyOpened || 2*n < opened || s.told.Swap(true) {
		return
	}
	log.Warn("engine: about every client that connects sends requests of sessions that this server does not know;"+
		" if this is not the minute after a start, a load balancer sends the requests of one client to several servers:"+
		" it needs sticky sessions, or clients with transports: [\"websocket\"]", "unknown", n)
}

// hints say what a refusal is likely to mean.
var hints = map[Code]string{
	CodeTransportUnknown:           "the client uses a transport that Options.Transports does not list",
	CodeUnsupportedProtocolVersion: "Socket.IO 3 and 4 clients speak version 4; for 2.x clients there is Options.AllowEIO3",
}

// refuse is where every refused request is answered: the same JSON for
// polling and for WebSocket handshakes. The reference answers the latter with
// bare text, which no browser shows anyway.
func (p *reporter) refuse(w http.ResponseWriter, r *http.Request, e *RequestError) {
	p.refuseAt(slog.LevelInfo, w, r, e)
}

// refuseAt is refuse with the level of the line in the log: that of a request
// which has ended its session is only for debugging, as the session has a line.
func (p *reporter) refuseAt(level slog.Level, w http.ResponseWriter, r *http.Request, e *RequestError) {
	p.refused(level, r, e)
	if !e.read {
		p.leaveBody(w, r)
	}
	h := w.Header()
	h["Cache-Control"] = headerNoStore
	if e.bare {
		h.Set("Content-Length", "0")
		w.WriteHeader(e.status())
		return
	}
	text := e.message()                                    // fixed, or the application's: no client has written it
	message, _ := json.Marshal(text[:min(len(text), 256)]) // a string: cannot fail
	body := append([]byte(`{"code":`), strconv.Itoa(int(e.Code))...)
	body = append(body, `,"message":`...)
	body = append(append(body, message...), '}')
	h["Content-Type"] = headerJSON
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	w.WriteHeader(e.status())
	_, _ = w.Write(body) // the peer may be gone; nobody is left to tell
}

// refused logs a request that was refused, and calls Options.OnRefused. It does not
// answer the request.
func (p *reporter) refused(level slog.Level, r *http.Request, e *RequestError) {
	p.noteRefused(level, e)
	if f := p.onRefused; f != nil {
		f(r, e)
	}
}

// leaveBody is [Server.LeaveBody].
func (p *reporter) leaveBody(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 1 || r.ContentLength == 0 {
		return
	}
	w.Header().Set("Connection", "close")
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(p.closeTimeout)) // where there is none, the server's own holds
}

// noteRedirected logs the likely cause if a client polls twice at once.
func (p *reporter) noteRedirected(r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/") {
		return
	}
	p.note(slog.LevelWarn, "redirected", "engine: a session was polled twice at once, on a path without the slash at its end; if that is so"+
		" for all clients, a middleware redirects to that path, and browsers make a GET of each POST then: have it rewrite the path"+
		" (chi's StripSlashes), or exclude the Socket.IO path from it")
}

// sessionTag is a session id that is logged as a part of its hash: the id is a secret.
type sessionTag string

// LogValue implements slog.LogValuer.
func (t sessionTag) LogValue() slog.Value {
	sum := sha256.Sum256([]byte(t))
	return slog.StringValue(hex.EncodeToString(sum[:4]))
}
