package engine

import (
	"net/http"
	"time"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/query"
)

// The upgrade from polling to WebSocket, as the server sees it: the client
// opens a WebSocket with its session id and sends "2probe"; we answer
// "3probe" and end the GET that waits, with a noop if there is nothing
// better; the client lets its requests end, sends "5", and from then on both
// sides use the WebSocket. Until then everything goes by polling, pings too.
// A client that sends "5" at once is done, too.
// See https://socket.io/docs/v4/engine-io-protocol/#upgrade.

// serveUpgrade accepts a WebSocket for an existing session.
func (srv *Server) serveUpgrade(s *Session, w http.ResponseWriter, r *http.Request) {
	if srv.opts.NoUpgrade {
		srv.report.refuse(w, r, &RequestError{Code: CodeBadRequest, Context: "upgrades are disabled"})
		return
	}
	s.upgrade(UpgradeTried, nil)
	p := &probe{s: s, base64: query.Parse(r.URL.RawQuery).Base64}
	if !p.claim() {
		s.upgrade(UpgradeFailed, errUpgradeTooLate)
		srv.turnAway(w, r)
		return
	}
	var conn accepted
	defer func() {
		if conn.Conn == nil { // or Options.Headers has panicked
			p.drop()
			s.upgrade(UpgradeFailed, errUpgradeRejected)
		}
	}()
	conn, err := srv.acceptor.accept(w, r, false)
	if err != nil {
		return
	}
	if c := newWebSocket(s, conn, r.Header, p); p.enter(c) {
		c.start(r, conn.Early)
	}
}

// turnAway accepts a WebSocket and closes it, as the reference does with one
// that comes for a session which has upgraded, is upgrading, or has ended.
func (srv *Server) turnAway(w http.ResponseWriter, r *http.Request) {
	conn, err := srv.acceptor.accept(w, r, false)
	if err != nil {
		return
	}
	_ = conn.SetDeadline(time.Now().Add(srv.opts.CloseTimeout))
	_, _ = conn.Write(frame.AppendClose(nil, frame.CodeNoStatus, ""))
	_ = conn.Close() // nothing is owed to it
}
