package engine

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/gosio/gosio/core/engine/internal/frame"
)

// The upgrade from polling to WebSocket, as the server sees it: the client
// opens a WebSocket with its session id and sends "2probe"; we answer
// "3probe" and end the GET that waits, with a noop if there is nothing
// better; the client lets its requests end, sends "5", and from then on both
// sides use the WebSocket. Until then everything goes by polling, pings too.
// A client that sends "5" at once is done, too.
// See https://socket.io/docs/v4/engine-io-protocol/#upgrade.

// serveUpgrade accepts a WebSocket for an existing session.
func (s *Session) serveUpgrade(w http.ResponseWriter, r *http.Request) {
	c := &wsConn{s: s, shard: s.srv.flush.next(), base64: parseQuery(r.URL.RawQuery).base64}
	if s.srv.opts.NoUpgrade {
		s.srv.refuse(w, r, &RequestError{Code: BadRequest, Context: "upgrades are disabled"})
		return
	}
	s.upgrade(UpgradeTried, nil)
	if !s.claimProbe(c) {
		s.upgrade(UpgradeFailed, errUpgradeTooLate)
		s.turnAway(w, r)
		return
	}
	var conn accepted
	defer func() {
		if conn.Conn == nil { // or Options.Headers has panicked
			s.dropProbe(c)
			s.upgrade(UpgradeFailed, errUpgradeRejected)
		}
	}()
	conn, err := s.srv.accept(w, r, false)
	if err != nil {
		return
	}
	c.deflation, _ = s.srv.deflate.negotiate(r.Header)
	c.subprotocol = conn.subprotocol
	if s.enter(c, conn.Conn) {
		c.start(r, conn.early)
	}
}

// enter gives a probe that has its place its connection. It reports false,
// and closes that, if the session has ended meanwhile.
func (s *Session) enter(c *wsConn, conn net.Conn) bool {
	s.mu.Lock()
	c.attach(conn)
	live := s.probe == c
	if live {
		s.refs++
		if d := s.srv.opts.UpgradeTimeout; d > 0 {
			c.expire = s.srv.AfterFunc(d, c.expired)
		}
	}
	s.mu.Unlock()
	if !live {
		_ = conn.Close()
		s.upgrade(UpgradeFailed, nil)
	}
	return live
}

// expired ends an upgrade that was not completed in time.
func (c *wsConn) expired() {
	if c.waits() {
		return
	}
	if c.s.dropProbe(c) {
		c.s.mu.Lock()
		c.late = true
		c.s.mu.Unlock()
		c.abort()
	}
}

// waits gives an upgrade more time whose next step may be there and not read, or
// that waits for this side's handlers (see waitPost).
func (c *wsConn) waits() bool {
	unread := c.unread()
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.probe != c || !c.s.held && (!unread || c.waited >= maxSpared) {
		return false
	}
	if !c.s.held {
		c.waited++
	}
	c.expire.Reset(leastAmends)
	return true
}

// turnAway accepts a WebSocket and closes it, as the reference does with one
// that comes for a session which has upgraded, is upgrading, or has ended.
func (s *Session) turnAway(w http.ResponseWriter, r *http.Request) {
	conn, err := s.srv.accept(w, r, false)
	if err != nil {
		return
	}
	_ = conn.SetDeadline(time.Now().Add(s.srv.opts.CloseTimeout))
	_, _ = conn.Write(frame.AppendClose(nil, frame.CodeNoStatus, ""))
	_ = conn.Close() // nothing is owed to it
}

// claimProbe makes c the session's one upgrade in progress.
func (s *Session) claimProbe(c *wsConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() != stateOpen || s.ws.Load() != nil || s.probe != nil {
		return false
	}
	s.probe = c
	s.seen = true
	return true
}

// dropProbe gives the place free again. It reports whether c had it.
func (s *Session) dropProbe(c *wsConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe != c {
		return false
	}
	s.probe = nil
	return true
}

// takeProbe ends the upgrade in progress, whose connection the caller aborts.
// With flush one that the client was told of stays: the client may have stopped
// polling already, and what it is owed can then reach it by the WebSocket only.
// Called with mu held.
func (s *Session) takeProbe(flush bool) *wsConn {
	c := s.probe
	if c == nil || (flush && c.probed) {
		return nil
	}
	s.probe = nil
	if c.conn == nil { // still being accepted; serveUpgrade sees to it
		return nil
	}
	return c
}

// errNotProbe closes a WebSocket on which a client does not follow the steps
// of the upgrade. The session stays on polling.
var errNotProbe = errors.New("engine: not a step of the upgrade")

// probing takes the steps of the upgrade. It runs on the probe's reader.
func (c *wsConn) probing(data []byte, binary bool) error {
	switch {
	case !binary && string(data) == "2probe":
		return c.answerProbe()
	case !binary && string(data) == "5": // also without a probe: the clients of PHP and .NET send none
		return c.promote()
	}
	return errNotProbe
}

func (c *wsConn) answerProbe() error {
	s := c.s
	s.mu.Lock()
	c.probed = true
	if s.poll != nil {
		s.poll.wakeUp()
	}
	s.mu.Unlock()
	return c.write(probeMessage)
}

// stopExpire ends the time limit of an upgrade.
func (c *wsConn) stopExpire() {
	if c.expire != nil {
		c.expire.Stop()
	}
}

// promote makes the probe the session's transport. What the client POSTed
// before comes first; what is queued follows on the WebSocket, and the close
// frame if the session was closed meanwhile.
func (c *wsConn) promote() error {
	c.quiet() // the client decides how long the POST takes
	s := c.s
	s.mu.Lock()
	s.waitPost()
	if s.probe != c {
		s.mu.Unlock()
		return errNotProbe
	}
	c.stopExpire()
	s.probe = nil
	s.ws.Store(c)
	c.main = true
	s.base64 = c.base64
	s.toKindLocked(s.queue)
	c.out = append(c.out, s.queue...)
	s.queue = nil
	if s.poll != nil { // the client should have let it end
		s.poll.wakeUp()
	}
	var ready *wsConn
	if s.state.Load() == stateOpen {
		ready = c.schedule()
	} else {
		ready = c.closeLocked(s.ending, nil, true)
	}
	s.mu.Unlock()
	if ready != nil {
		s.srv.flush.add(ready)
	}
	s.upgrade(UpgradeDone, nil)
	s.srv.log.Debug("engine: session upgraded", "session", sessionTag(s.id))
	return nil
}

// waitPost waits until no POST is in flight, whose packets were sent before
// the upgrade. When the session has ended it waits only for one whose packets
// are being taken: of the two the POST works on the Receiver, and one that has
// not begun will not (see startFeeding). Called with mu held, which it releases
// while it waits.
func (s *Session) waitPost() {
	for s.feeding || s.posting && s.state.Load() == stateOpen {
		if s.posted == nil {
			s.posted = make(chan struct{})
		}
		posted, ended := s.posted, s.endedLocked()
		if s.feeding {
			ended = nil
		}
		s.mu.Unlock()
		select {
		case <-posted:
		case <-ended:
		}
		s.mu.Lock()
	}
}

// endProbe is the end of a probe that did not become the transport: a close
// frame, if there is somebody to read it.
func (c *wsConn) endProbe(cause error) {
	s := c.s
	s.dropProbe(c)
	c.stopExpire()
	s.mu.Lock()
	s.queued -= sizeOf(c.out)
	clear(c.out)
	c.out = c.out[:0]
	var ready *wsConn
	if cause != nil && !c.closing {
		m := rawFrame(frame.AppendClose(nil, closeCode(TransportError, cause), ""))
		s.queued += int64(len(m.frame))
		c.out = append(c.out, m)
		ready = c.schedule()
	}
	c.closing = true
	if c.late {
		cause = errUpgradeTimeout
	}
	s.mu.Unlock()
	s.upgrade(UpgradeFailed, cause)
	if ready != nil {
		s.srv.flush.add(ready)
	}
}
