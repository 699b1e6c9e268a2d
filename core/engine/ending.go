package engine

import (
	"context"
	"errors"
	"log/slog"

	"github.com/gosio/gosio/core/engine/internal/link"
	"github.com/gosio/gosio/internal/loglimit"
)

// Close ends the session with [ReasonForcedClose] after its queued messages are sent.
// Close returns at once.
func (s *Session) Close() { s.shut(ReasonForcedClose, nil, true) }

// Fail is like Close, for a client that has broken the protocol of the Receiver. The
// engine logs err and passes it to Receiver.Closed; err must not contain text of the
// client.
func (s *Session) Fail(err error) { s.shut(ReasonForcedClose, err, true) }

// shut ends the session and tells the Receiver. With flush, what is queued
// still goes out.
func (s *Session) shut(reason Reason, err error, flush bool) {
	if tell := s.leave(reason, err, flush, false); tell != nil {
		tell()
	}
}

// leave is the one transition out of stateOpen; byPost if a POST has broken the rules:
// see breakOff. It returns the function that tells the Receiver, in which the
// application may take its time; nil if the session has ended before.
func (s *Session) leave(reason Reason, err error, flush, byPost bool) (tell func()) {
	s.mu.Lock()
	if !s.state.CompareAndSwap(stateOpen, stateClosing) {
		s.mu.Unlock()
		return nil
	}
	s.refs++ // Shutdown waits for Closed, too
	s.extensions = 0
	s.stopHeartbeatLocked()
	if s.done != nil {
		close(s.done)
	}
	recv := s.recv
	if recv == nil {
		s.early = &failure{reason, err}
	}
	probe := s.takeProbeLocked(flush)
	s.ending = reason
	lost := 0
	if errors.Is(err, ErrSlowConsumer) {
		lost = max(s.queueLocked().Waiting(), 1)
	}
	var ready *writer
	gone := false
	if ws := s.ws.Load(); ws != nil {
		ready = s.closeWebSocketLocked(ws, reason, err, flush)
	} else {
		gone = s.polling.closeLocked(reason, flush, byPost)
	}
	s.mu.Unlock()

	s.srv.flush.add(ready)
	if probe != nil {
		probe.writer.link.Abort()
	}
	if s.polling != nil {
		s.polling.cutBody(s.srv.opts.CloseTimeout) // a POST that is on its way may come to its end, and its answer be read
	}
	if gone {
		s.release(nil)
	}
	return func() {
		defer s.unref() // also when the application ends this goroutine
		s.logClosed(recv, reason, err)
		s.dropped(DropCauseSlowConsumer, lost)
		if recv != nil {
			recv.Closed(reason, err)
		}
	}
}

// closeWebSocketLocked queues the close frame of a session's connection: with flush
// after what is queued, otherwise in its place. The session's timer aborts the
// connection if the peer takes too long.
func (s *Session) closeWebSocketLocked(ws *wsConn, reason Reason, err error, flush bool) *writer {
	blocked := !ws.writer.writableLocked()
	ready := ws.writer.closeLocked(closeCode(reason, err), flush)
	wait := s.srv.opts.CloseTimeout
	polite := reason == ReasonForcedClose || reason == ReasonServerShuttingDown
	if flush && polite && (blocked || s.budget.Used > link.ScratchSize) {
		wait = max(wait, s.srv.opts.WriteTimeout)
	}
	s.armLocked(s.srv.clock.In(wait))
	return ready
}

// transportFailed ends the session if it is on the connection of w, which cannot
// be written to. It returns what tells the Receiver, see leave.
func (s *Session) transportFailed(w *writer, err error) (tell func()) {
	s.mu.Lock()
	ws := s.ws.Load()
	s.mu.Unlock()
	switch {
	case ws == nil || &ws.writer != w:
		return nil
	case link.IsGone(err):
		return s.leave(ReasonTransportClose, nil, false, false)
	}
	return s.leave(ReasonTransportError, err, false, false)
}

// cut ends the session and its transport at once.
func (s *Session) cut() {
	defer func() {
		if s.polling != nil {
			s.polling.cutBody(0)
			s.polling.wakePoll() // breakOff leaves that to a POST, which the application may hold
		}
		if !s.release(nil) {
			s.ws.Load().writer.link.Abort() // its reader releases the session
		}
	}()
	s.shut(ReasonServerShuttingDown, nil, false)
}

// shortenLinger shortens the wait of a session that was closed before the server began
// to shut down.
func (s *Session) shortenLinger() {
	s.mu.Lock()
	defer s.mu.Unlock()
	by := s.srv.clock.In(s.srv.opts.CloseTimeout)
	if s.state.Load() == stateClosing && s.ws.Load() == nil && by < s.deadline {
		s.armLocked(by)
	}
}

// fail ends a connection that cannot be written to, and its session if that is
// on it.
func (w *writer) fail(err error) {
	if tell := w.s.transportFailed(w, err); tell != nil { // others wait for this goroutine
		go tell()
	}
	w.link.Abort()
	w.s.mu.Lock()
	w.end = max(w.end, endQueued)
	w.queue.Fail()
	w.moveLocked(writeIdle)
	w.s.mu.Unlock()
}

// release notes that the session's transport has ended: ws, or polling if ws is nil. It
// reports false if the session is on another transport, after an upgrade. The session
// leaves the table when the goroutines of its connections have ended, too.
func (s *Session) release(ws *wsConn) bool {
	s.mu.Lock()
	if s.ws.Load() != ws {
		s.mu.Unlock()
		return false
	}
	s.state.Store(stateReleased)
	s.stopHeartbeatLocked() // it would keep the session in memory
	probe := s.takeProbeLocked(false)
	last := s.refs == 0
	s.mu.Unlock()
	if probe != nil {
		probe.writer.link.Abort()
	}
	if last {
		s.srv.table.remove(s)
	}
	return true
}

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

// takeProbeLocked ends the upgrade in progress, and returns the connection that
// the caller aborts. With flush one that the client was told of stays: the client
// may have stopped polling already, and what it is owed can then reach it by the
// WebSocket only.
func (s *Session) takeProbeLocked(flush bool) *wsConn {
	p := s.probe
	if p == nil || (flush && p.state == probeAnswered) {
		return nil
	}
	s.probe = nil
	return p.conn // nil: still being accepted; serveUpgrade sees to it
}
