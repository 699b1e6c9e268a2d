package engine

import (
	"math"
	"time"

	"github.com/gosio/gosio/core/engine/internal/clock"
	"github.com/gosio/gosio/core/engine/internal/outbox"
	"github.com/gosio/gosio/core/engine/parser"
)

// The heartbeat: the server pings, the client answers.
// See https://socket.io/docs/v4/engine-io-protocol/#heartbeat.
//
// Each session has one timer, for whatever is due next: a ping, the pong, the first
// request after a polling handshake, or, when the session has ended, the end of its
// transport.

var pingMessage, pongMessage = outbox.TextPacket("2"), outbox.TextPacket("3")

// startHeartbeatLocked runs when the session opens.
func (s *Session) startHeartbeatLocked() {
	if s.state.Load() != stateOpen {
		return
	}
	s.pingAt = s.opened.Add(s.firstBeat())
	next := s.pingAt
	if first := s.firstPollBy(); first > 0 && first < next {
		next = first
	}
	s.armLocked(next)
}

// firstBeat is the time after which the server sends its first ping or, when
// the client sends the pings, gives up waiting for one.
func (s *Session) firstBeat() time.Duration {
	if s.v3 {
		return time.Duration(clock.Time(s.srv.opts.PingInterval).Add(s.srv.opts.PingTimeout))
	}
	return s.srv.opts.PingInterval
}

// firstPollBy is the time by which a polling client must have come back; zero
// if it has, or need not.
func (s *Session) firstPollBy() clock.Time {
	if s.ws.Load() != nil || s.polling.contact != contactNone || s.srv.opts.FirstPollTimeout < 0 {
		return 0
	}
	return s.opened.Add(s.srv.opts.FirstPollTimeout)
}

func (s *Session) onTimer() {
	s.mu.Lock()
	now := s.srv.clock.Now()
	if s.deadline == 0 || now < s.deadline { // stopped, or set anew meanwhile
		s.mu.Unlock()
		return
	}
	if s.peerLateLocked(now) {
		if s.extendLocked(now) {
			s.mu.Unlock()
			return
		}
	} else {
		s.srv.clock.NoteTimer(s.deadline, now)
	}
	if s.state.Load() != stateOpen {
		s.mu.Unlock()
		s.cut() // the peer did not help to close in time
		return
	}
	if s.beat.awaited() {
		if s.readerWaitsLocked() {
			s.armLocked(now.Add(s.srv.opts.PingTimeout))
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		s.shut(ReasonPingTimeout, nil, false)
		return
	}
	if first := s.firstPollBy(); first > 0 && now >= first {
		s.mu.Unlock()
		s.shut(ReasonPingTimeout, nil, false)
		return
	}
	if now < s.pingAt { // the client has polled in time
		s.armLocked(s.pingAt)
		s.mu.Unlock()
		return
	}
	if s.v3 {
		s.pingLateLocked(now)
		return
	}
	s.pingLocked(now)
}

// peerLateLocked reports whether the timer is to end the session because of its peer.
func (s *Session) peerLateLocked(now clock.Time) bool {
	first := s.firstPollBy()
	return s.state.Load() != stateOpen || s.beat.awaited() || first > 0 && now >= first || s.v3 && now >= s.pingAt
}

// extendLocked gives the peer more time if this process may be why it is late, and
// reports whether it did. It releases mu while it looks at the connection.
func (s *Session) extendLocked(now clock.Time) bool {
	due := s.deadline
	more := s.srv.clock.Extend(due, now, &s.extensions, nil)
	if ws := s.ws.Load(); more == 0 && ws != nil && s.extensions < clock.MaxExtensions && s.state.Load() == stateOpen {
		s.mu.Unlock()
		unread := ws.writer.link.Unread()
		s.mu.Lock()
		if s.deadline != due { // set anew meanwhile
			return true
		}
		if unread {
			s.extensions++
			more = clock.MinGrace
		}
	}
	if more > 0 {
		s.armLocked(now.Add(more))
	}
	return more > 0
}

// readerWaitsLocked reports whether this side has not yet read what the client has sent,
// because the application's handlers take their time or a POST is in flight.
func (s *Session) readerWaitsLocked() bool {
	return s.held || s.polling != nil && s.polling.post != postNone
}

// pingLocked sends a ping and waits for the pong. It releases mu.
func (s *Session) pingLocked(now clock.Time) {
	s.beat.Store(beatPinged)
	s.extensions, s.pingAt = 0, now
	s.armLocked(now.Add(s.srv.opts.PingTimeout))
	s.queueLocked().Push(pingMessage)
	ready := s.wakeLocked()
	s.mu.Unlock()
	s.srv.flush.add(ready)
}

// takeBeat takes a ping or a pong: who sends which depends on the protocol.
func (s *Session) takeBeat(t parser.Type) error {
	switch {
	case t == parser.TypePing && s.v3:
		s.answerPing()
	case t == parser.TypePong && !s.v3:
		s.pong()
	default:
		return fail(ReasonTransportError, "invalid heartbeat direction")
	}
	return nil
}

// pong takes the client's answer to a ping. A pong without a ping is ignored: it must
// not start anything (CVE-2026-48802).
func (s *Session) pong() {
	if !s.beat.awaited() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() != stateOpen || !s.beat.awaited() {
		return
	}
	s.beat.Store(beatResting)
	now := s.srv.clock.Now()
	s.trip = uint32(min(max(time.Duration(now-s.pingAt).Microseconds(), 1), math.MaxUint32))
	s.pingAt = now.Add(s.srv.opts.PingInterval)
	s.armLocked(s.pingAt)
}

// answerPing answers a client's ping, unless a pong is the last message in the queue:
// pings must not fill it.
func (s *Session) answerPing() {
	s.mu.Lock()
	if s.state.Load() != stateOpen {
		s.mu.Unlock()
		return
	}
	s.pingAt, s.extensions = s.srv.clock.In(s.firstBeat()), 0
	s.armLocked(s.pingAt)
	var ready *writer
	if q := s.queueLocked(); !q.EndsWith(&pongMessage) {
		q.Push(pongMessage)
		ready = s.wakeLocked()
	}
	s.mu.Unlock()
	s.srv.flush.add(ready)
}

// pingLateLocked ends a session whose client has sent no ping in time. It releases mu.
func (s *Session) pingLateLocked(now clock.Time) {
	if s.readerWaitsLocked() {
		s.pingAt = now.Add(s.srv.opts.PingTimeout)
		s.armLocked(s.pingAt)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	s.shut(ReasonPingTimeout, nil, false)
}

// traffic extends the ping timeout, once: other packets show that the peer is alive, but
// only a pong shows that it can still answer.
func (s *Session) traffic() {
	if s.beat.Load() != beatPinged {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() != stateOpen || !s.beat.CompareAndSwap(beatPinged, beatExtended) {
		return
	}
	s.armLocked(s.srv.clock.In(s.srv.opts.PingTimeout))
}

// setHeld tells the heartbeat whether the reader waits for the application.
func (s *Session) setHeld(held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
	s.graceV3Locked(held)
	if !held && s.beat.awaited() && s.state.Load() == stateOpen {
		s.armLocked(s.srv.clock.In(s.srv.opts.PingTimeout)) // its pong may be waiting to be read
	}
}

// graceV3Locked gives a client of protocol 3 more time, PingTimeout, if its pings were
// not read because the reader waited for the application.
func (s *Session) graceV3Locked(held bool) {
	if !s.v3 || held {
		return
	}
	if by := s.srv.clock.In(s.srv.opts.PingTimeout); s.pingAt < by {
		s.pingAt = by // the timer sees it when it fires
	}
}
