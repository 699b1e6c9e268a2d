package engine

import (
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
	if s.srv.opts.NoUpgrade {
		s.srv.refuse(w, r, &RequestError{Code: BadRequest, Context: "upgrades are disabled"})
		return
	}
	s.upgrade(UpgradeTried, nil)
	p := &probe{s: s, base64: parseQuery(r.URL.RawQuery).base64}
	if !p.claim() {
		s.upgrade(UpgradeFailed, errUpgradeTooLate)
		s.turnAway(w, r)
		return
	}
	var conn accepted
	defer func() {
		if conn.Conn == nil { // or Options.Headers has panicked
			p.drop()
			s.upgrade(UpgradeFailed, errUpgradeRejected)
		}
	}()
	conn, err := s.srv.accept(w, r, false)
	if err != nil {
		return
	}
	if c := newWebSocket(s, conn, r.Header, p); p.enter(c) {
		c.start(r, conn.early)
	}
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

// waitPostLocked waits until no POST is in flight, whose packets were sent before
// the upgrade. When the session has ended it waits only for one whose packets
// are being taken: of the two the POST works on the Receiver, and one that has
// not begun will not (see startFeeding). It releases mu while it waits.
func (s *Session) waitPostLocked() {
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
