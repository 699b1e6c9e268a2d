package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/internal/loglimit"
)

// What clients do shows in the log at level info where they are turned away
// and warn where they broke the protocol or went over a limit; all that is
// normal is at level debug. Clients cannot make the log grow as they like: of
// each kind of line there are a few, see package loglimit. No value that comes from a client has more than 256
// bytes, and session ids, headers and payloads are never among them.

// reporter tells clients why a request is refused, and the operator what goes on.
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

// noteRefused logs a refused request. Where the operator is likely to have
// something to mend the level is warn, and a hint says what.
func (p *reporter) noteRefused(level slog.Level, e *RequestError) {
	attrs := []slog.Attr{slog.Int("code", int(e.Code)), slog.String("context", clip(e.Context))}
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
// to reach several servers, which is told once.
type strays struct {
	opened  atomic.Int64 // handshakes by polling: a WebSocket does not go astray
	unknown atomic.Int64
	told    atomic.Bool
}

// How many requests, of how many handshakes at least, make a pattern.
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

// noteClosed logs the end of a session.
func (p *reporter) noteClosed(s *Session, recv Receiver, reason Reason, err error) {
	p.noteUnheard(s, reason)
	level, kind, msg := slog.LevelDebug, "", "engine: session closed"
	if isBreach(reason, err) {
		level, kind, msg = slog.LevelWarn, "closed "+clip(err.Error()), "engine: client broke the protocol or a limit"
	}
	if level == slog.LevelDebug && !p.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{slog.Any("session", sessionTag(s.id)), slog.String("reason", string(reason))}
	if err != nil {
		attrs = append(attrs, slog.String("error", clip(err.Error())))
	}
	if client, ok := recv.(slog.LogValuer); ok {
		attrs = append(attrs, slog.Any("client", client))
	}
	p.note(level, kind, msg, attrs...)
}

// noteUnheard says what it is most of the time when a client polls and nothing
// that it sends arrives: a middleware in front has refused it.
func (p *reporter) noteUnheard(s *Session, reason Reason) {
	if reason != ReasonPingTimeout && reason != ReasonForcedClose { // the latter: nothing was joined in time
		return
	}
	s.mu.Lock()
	unheard := s.ws.Load() == nil && s.polling.contact == contactSeen
	s.mu.Unlock()
	if unheard {
		p.note(slog.LevelWarn, "unheard", "engine: a client polled, and no POST of it has arrived; if that is so for all clients,"+
			" a middleware or proxy in front refuses the POSTs: one for CSRF or cross-origin requests, for content types"+
			" (text/plain is needed) or one that redirects; exclude the Socket.IO path from it")
	}
}

// noteRedirected says what it may be when a client polls twice at once.
func (p *reporter) noteRedirected(r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/") {
		return
	}
	p.note(slog.LevelWarn, "redirected", "engine: a session was polled twice at once, on a path without the slash at its end; if that is so"+
		" for all clients, a middleware redirects to that path, and browsers make a GET of each POST then: have it rewrite the path"+
		" (chi's StripSlashes), or exclude the Socket.IO path from it")
}

// sessionTag is a session id as the log shows it: enough to tell sessions
// apart, and no use to somebody who reads it.
type sessionTag string

// LogValue implements slog.LogValuer.
func (t sessionTag) LogValue() slog.Value {
	sum := sha256.Sum256([]byte(t))
	return slog.StringValue(hex.EncodeToString(sum[:4]))
}

// breach is a rule that a client has broken, or a limit that it has gone over.
type breach string

// Error implements error.
func (b breach) Error() string { return "engine: " + string(b) }

// isBreach reports whether a session has ended by its client's fault. That its
// connection is gone is nobody's.
func isBreach(reason Reason, err error) bool {
	var ours breach
	var broken *frame.Error
	switch {
	case err == nil, reason == ReasonTransportClose:
		return false
	case reason == ReasonParseError, reason == ReasonForcedClose: // the latter with the Receiver's error
		return true
	}
	return errors.Is(err, ErrSlowConsumer) || errors.As(err, &ours) || errors.As(err, &broken)
}
