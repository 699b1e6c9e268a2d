package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Code is the code of a refused request.
// See https://socket.io/docs/v4/engine-io-protocol/.
type Code int

// The codes of refused requests, with the numbers of the reference server.
const (
	CodeTransportUnknown           Code = 0
	CodeSessionIDUnknown           Code = 1
	CodeBadHandshakeMethod         Code = 2
	CodeBadRequest                 Code = 3
	CodeForbidden                  Code = 4
	CodeUnsupportedProtocolVersion Code = 5
)

// String returns the message that goes with the code.
func (c Code) String() string {
	switch c {
	case CodeTransportUnknown:
		return "Transport unknown"
	case CodeSessionIDUnknown:
		return "Session ID unknown"
	case CodeBadHandshakeMethod:
		return "Bad handshake method"
	case CodeBadRequest:
		return "Bad request"
	case CodeForbidden:
		return "Forbidden"
	case CodeUnsupportedProtocolVersion:
		return "Unsupported protocol version"
	}
	return "Code " + strconv.Itoa(int(c))
}

// RequestError says why a request was refused. Code and Message go to the
// peer, Context stays on this side.
type RequestError struct {
	Code Code
	// Message replaces the text of the code for the peer. An error that
	// Options.AllowRequest returns may carry one.
	Message string
	// Context says what was wrong, for the log and Options.OnRefused.
	Context string
	// Status is the HTTP status; zero means 400, or 403 for CodeForbidden.
	Status int

	read  bool // the request's body has been read
	bare  bool // the answer has no body
	retry int  // the Retry-After header, in seconds; 0: none
}

// Error implements error.
func (e *RequestError) Error() string {
	return fmt.Sprintf("engine: request refused: %s (%s)", e.message(), e.Context)
}

func (e *RequestError) message() string {
	if e.Message != "" {
		return e.Message
	}
	return e.Code.String()
}

func (e *RequestError) status() int {
	switch {
	case e.Status != 0:
		return e.Status
	case e.Code == CodeForbidden:
		return http.StatusForbidden
	}
	return http.StatusBadRequest
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
	message, _ := json.Marshal(clip(e.message())) // a string: cannot fail
	body := append([]byte(`{"code":`), strconv.Itoa(int(e.Code))...)
	body = append(body, `,"message":`...)
	body = append(append(body, message...), '}')
	h["Content-Type"] = headerJSON
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if e.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(e.retry))
	}
	w.WriteHeader(e.status())
	_, _ = w.Write(body) // the peer may be gone; nobody is left to tell
}

// refused tells of a request that is, or cannot be, answered otherwise.
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

// The states and failures that callers can ask for with errors.Is.
var (
	// ErrClosed is returned by Send on a session that has ended.
	ErrClosed = fmt.Errorf("engine: session is closed: %w", net.ErrClosed)
	// ErrSlowConsumer ends a session whose peer does not take its messages.
	ErrSlowConsumer = errors.New("engine: peer does not read fast enough (Limits.SendBuffer, Limits.WriteTimeout)")
)

// clip bounds what the network puts into a log line or a reply.
func clip(s string) string {
	const limit = 256
	if len(s) <= limit {
		return s
	}
	return s[:limit]
}
