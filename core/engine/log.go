package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/gosio/gosio/core/engine/internal/frame"
)

// What clients do shows in the log at level info where they are turned away
// and warn where they broke the protocol or went over a limit; all that is
// normal is at level debug. Clients cannot make the log grow as they like: of
// each kind of line there are logBurst, then one per logInterval that says how
// many were left out. No value that comes from a client has more than 256
// bytes, and session ids, headers and payloads are never among them.

const (
	logBurst    = 10
	logInterval = 10 * time.Second
	logKinds    = 64 // further ones count as one
)

// logBound is the memory of what was logged.
type logBound struct {
	mu    sync.Mutex
	kinds map[string]*logKind
}

type logKind struct {
	lines int       // that may still be logged
	at    time.Time // when lines was right
	left  int       // lines left out since the last one
}

// allow reports whether a line of this kind may be logged, and how many were
// left out before it.
func (b *logBound) allow(kind string) (left int, ok bool) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.kinds[kind]
	if k == nil {
		if b.kinds == nil {
			b.kinds = make(map[string]*logKind)
		}
		if len(b.kinds) >= logKinds {
			kind = ""
		}
		if k = b.kinds[kind]; k == nil {
			k = &logKind{lines: logBurst, at: now}
			b.kinds[kind] = k
		}
	}
	if n := int(now.Sub(k.at) / logInterval); n > 0 {
		k.lines = min(logBurst, k.lines+n)
		k.at = k.at.Add(time.Duration(n) * logInterval)
	}
	if k.lines == 0 {
		k.left++
		return 0, false
	}
	k.lines--
	left, k.left = k.left, 0
	return left, true
}

// note logs a line of a kind; what is left out at its level is still there at
// level debug.
func (srv *Server) note(level slog.Level, kind, msg string, attrs ...slog.Attr) {
	ctx := context.Background()
	if level > slog.LevelDebug && srv.log.Enabled(ctx, level) {
		left, ok := srv.noted.allow(kind)
		if !ok {
			level = slog.LevelDebug
		} else if left > 0 {
			attrs = append(attrs, slog.Int("left_out", left))
		}
	}
	srv.log.LogAttrs(ctx, level, msg, attrs...) //nolint:sloglint // callers give constants
}

// noteRefused logs a refused request.
func (srv *Server) noteRefused(level slog.Level, e *RequestError) {
	srv.note(level, "refused "+strconv.Itoa(int(e.Code)), "engine: request refused",
		slog.Int("code", int(e.Code)), slog.String("context", clip(e.Context)))
}

// noteClosed logs the end of a session.
func (s *Session) noteClosed(recv Receiver, reason Reason, err error) {
	level, kind, msg := slog.LevelDebug, "", "engine: session closed"
	if isBreach(reason, err) {
		level, kind, msg = slog.LevelWarn, "closed "+clip(err.Error()), "engine: client broke the protocol or a limit"
	}
	if level == slog.LevelDebug && !s.srv.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{slog.Any("session", sessionTag(s.id)), slog.String("reason", string(reason))}
	if err != nil {
		attrs = append(attrs, slog.String("error", clip(err.Error())))
	}
	if client, ok := recv.(slog.LogValuer); ok {
		attrs = append(attrs, slog.Any("client", client))
	}
	s.srv.note(level, kind, msg, attrs...)
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
	case err == nil, reason == TransportClose:
		return false
	case reason == ParseError, reason == ForcedClose: // the latter with the Receiver's error
		return true
	}
	return errors.Is(err, ErrSlowConsumer) || errors.As(err, &ours) || errors.As(err, &broken)
}
