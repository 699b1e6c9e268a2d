package engine

import (
	"errors"

	"github.com/gosio/gosio/core/engine/internal/link"
)

// Close ends the session with [ReasonForcedClose] after what it has queued is sent.
// It returns at once.
func (s *Session) Close() { s.shut(ReasonForcedClose, nil, true) }

// Fail is Close for a client that has broken the Receiver's rules: err, which
// must not have anything from the client in it, is logged and given to Closed.
func (s *Session) Fail(err error) { s.shut(ReasonForcedClose, err, true) }

// shut ends the session and tells the Receiver. With flush, what is queued
// still goes out.
func (s *Session) shut(reason Reason, err error, flush bool) {
	if tell := s.leave(reason, err, flush, false); tell != nil {
		tell()
	}
}

// leave is the one transition out of stateOpen, byPost for a POST that has broken
// the rules: see breakOff. It returns what tells the Receiver, for which the
// application may take its time; nil if the session has been ended before.
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
		s.dropped(DropSlowConsumer, lost)
		if recv != nil {
			recv.Closed(reason, err)
		}
	}
}

// closeWebSocketLocked ends a session's connection politely: with flush after
// what is queued, otherwise at once. It is cut if that takes too long.
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

// cut closes what is left of a session at once.
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

// release says that the session's transport is gone: ws, or polling if that is
// nil. It reports false if the session is on another one: an upgrade may have
// come first. The session is forgotten when the goroutines of its connections
// have ended, too.
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

// unref gives a reference back.
func (s *Session) unref() {
	s.mu.Lock()
	last := s.unrefLocked()
	s.mu.Unlock()
	if last {
		s.srv.table.remove(s)
	}
}

// unrefLocked is unref for callers that hold mu: if it was the last they remove
// the session from the table.
func (s *Session) unrefLocked() (last bool) {
	s.refs--
	return s.refs == 0 && s.state.Load() == stateReleased
}

// ended returns a channel that is closed when the session ends.
func (s *Session) ended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endedLocked()
}

func (s *Session) endedLocked() <-chan struct{} {
	if s.done == nil {
		s.done = make(chan struct{})
		if s.state.Load() != stateOpen {
			close(s.done)
		}
	}
	return s.done
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
