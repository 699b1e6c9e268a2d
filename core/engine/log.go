package engine

import (
	"context"
	"log/slog"

	"github.com/gosio/gosio/internal/loglimit"
)

// logClosed logs the end of the session.
func (s *Session) logClosed(recv Receiver, reason Reason, err error) {
	s.logUnheard(reason)
	level, kind, msg := slog.LevelDebug, "", "engine: session closed"
	if isBreach(reason, err) {
		level, kind, msg = slog.LevelWarn, "closed "+loglimit.Clip(err.Error()), "engine: client broke the protocol or a limit"
	}
	if level == slog.LevelDebug && !s.srv.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{slog.Any("session", sessionTag(s.id)), slog.String("reason", string(reason))}
	if err != nil {
		attrs = append(attrs, slog.String("error", loglimit.Clip(err.Error())))
	}
	if client, ok := recv.(slog.LogValuer); ok {
		attrs = append(attrs, slog.Any("client", client))
	}
	s.srv.report.note(level, kind, msg, attrs...)
}

// logUnheard logs the likely cause if a client has polled and nothing that it sends
// has arrived: a middleware in front of the server has refused it.
func (s *Session) logUnheard(reason Reason) {
	if reason != ReasonPingTimeout && reason != ReasonForcedClose { // the latter: nothing was joined in time
		return
	}
	s.mu.Lock()
	unheard := s.ws.Load() == nil && s.polling.contact == contactSeen
	s.mu.Unlock()
	if unheard {
		s.srv.report.note(slog.LevelWarn, "unheard", "engine: a client polled, and no POST of it has arrived; if that is so for all clients,"+
			" a middleware or proxy in front refuses the POSTs: one for CSRF or cross-origin requests, for content types"+
			" (text/plain is needed) or one that redirects; exclude the Socket.IO path from it")
	}
}
