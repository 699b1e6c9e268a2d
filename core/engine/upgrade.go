package engine

import (
	"github.com/gosio/gosio/core/engine/internal/clock"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// The upgrade from polling to WebSocket, as the server sees it: the client
// opens a WebSocket with its session id and sends "2probe"; we answer
// "3probe" and end the GET that waits, with a noop if there is nothing
// better; the client lets its requests end, sends "5", and from then on both
// sides use the WebSocket. Until then everything goes by polling, pings too.
// A client that sends "5" at once is done, too.
// See https://socket.io/docs/v4/engine-io-protocol/#upgrade.

// enter gives the probe its connection, which is to be read then. It reports
// false, and closes that, if the session has ended meanwhile.
func (p *probe) enter(c *wsConn) bool {
	s := p.s
	s.mu.Lock()
	p.conn = c
	live := s.probe == p
	if live {
		s.refs++
		if d := s.srv.opts.UpgradeTimeout; d > 0 {
			p.expire = s.srv.clock.AfterFunc(d, p.expired)
		}
	}
	s.mu.Unlock()
	if !live {
		_ = c.writer.link.Close()
		s.upgrade(UpgradeStepFailed, nil)
	}
	return live
}

// expired ends an upgrade that was not completed in time.
func (p *probe) expired() {
	if p.extend() {
		return
	}
	p.s.mu.Lock()
	dropped := p.dropLocked()
	if dropped {
		p.state = probeLate
	}
	p.s.mu.Unlock()
	if dropped {
		p.conn.writer.link.Abort()
	}
}

// extend gives an upgrade more time whose next step may be there and not read, or
// that waits for this side's handlers (see waitPostLocked).
func (p *probe) extend() bool {
	unread := p.conn.writer.link.Unread()
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.s.probe != p || !p.s.held && (!unread || p.extensions >= clock.MaxExtensions) {
		return false
	}
	if !p.s.held {
		p.extensions++
	}
	p.expire.Reset(clock.MinGrace)
	return true
}

// probeMessage answers the probe.
var probeMessage = outbox.TextPacket("3probe")

// message takes the steps of the upgrade. It runs on the reader of c, the probe's
// connection.
func (p *probe) message(c *wsConn, data []byte, binary bool) error {
	switch {
	case !binary && string(data) == "2probe":
		return p.answer(c)
	case !binary && string(data) == "5": // also without a probe: the clients of PHP and .NET send none
		return p.promote(c)
	}
	return errNotProbe
}

func (p *probe) answer(c *wsConn) error {
	s := p.s
	s.mu.Lock()
	p.state = max(p.state, probeAnswered)
	s.polling.wakeLocked()
	s.mu.Unlock()
	return c.writer.write(probeMessage)
}

// promote makes c the session's transport. What the client POSTed before comes
// first; what is queued follows on the WebSocket, and the close frame if the
// session was closed meanwhile.
func (p *probe) promote(c *wsConn) error {
	c.reader.activity.stop() // the client decides how long the POST takes
	s := p.s
	s.mu.Lock()
	s.polling.waitPostLocked()
	if !p.dropLocked() {
		s.mu.Unlock()
		return errNotProbe
	}
	p.stopExpire()
	s.ws.Store(c)
	c.probe = nil
	s.base64 = p.base64
	s.moveQueueLocked(&c.writer.queue)
	s.polling.wakeLocked() // the client should have let its poll end
	var ready *writer
	if s.state.Load() == stateOpen {
		ready = c.writer.scheduleLocked()
	} else {
		ready = s.closeWebSocketLocked(c, s.ending, nil, true)
	}
	s.mu.Unlock()
	s.srv.flush.add(ready)
	s.upgrade(UpgradeStepDone, nil)
	s.srv.log.Debug("engine: session upgraded", "session", sessionTag(s.id))
	return nil
}

// ended is the end of a probe that did not become the transport: a close frame,
// if there is somebody to read it.
func (p *probe) ended(c *wsConn, cause error) {
	s := p.s
	p.drop()
	p.stopExpire()
	s.mu.Lock()
	var ready *writer
	if cause != nil {
		ready = c.writer.closeLocked(closeCode(ReasonTransportError, cause), false)
	} else {
		c.writer.stopLocked()
	}
	if p.state == probeLate {
		cause = errUpgradeTimeout
	}
	s.mu.Unlock()
	s.upgrade(UpgradeStepFailed, cause)
	s.srv.flush.add(ready)
}
