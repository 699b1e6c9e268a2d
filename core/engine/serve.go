package engine

import (
	"net/http"
	"time"

	"github.com/gosio/gosio/core/engine/internal/frame"
	"github.com/gosio/gosio/core/engine/internal/query"
	"github.com/gosio/gosio/internal/loglimit"
)

// ServeHTTP serves handshakes, polls, POSTs and upgrades. A WebSocket session
// goes on after it returns, unless the request's context comes from
// [RunOnCaller].
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !srv.CheckOrigin(w, r) {
		return
	}
	q := query.Parse(r.URL.RawQuery)
	s, err := srv.gate.check(r, q)
	switch {
	case err != nil:
		if err.Code == CodeBadHandshakeMethod {
			w.Header().Set("Allow", http.MethodGet)
		}
		if err.Status == http.StatusServiceUnavailable {
			w.Header().Set("Connection", "close")
		}
		srv.report.refuseAt(err.level(), w, r, err)
	case s == nil && q.Transport == Polling:
		srv.openPolling(w, r, q)
	case s == nil:
		srv.openWebSocket(w, r, q)
	case q.Transport == WebSocket:
		srv.serveUpgrade(s, w, r)
	case r.Method == http.MethodGet:
		s.polling.servePoll(w, r)
	case r.Method == http.MethodPost:
		s.polling.servePost(w, r)
	default: // the reference answers 500
		w.Header().Set("Allow", "GET, POST")
		srv.report.refuse(w, r, &RequestError{Code: CodeBadRequest, Context: "method " + loglimit.Clip(r.Method), Status: http.StatusMethodNotAllowed})
	}
}

// serveUpgrade accepts a WebSocket for an existing session.
func (srv *Server) serveUpgrade(s *Session, w http.ResponseWriter, r *http.Request) {
	if srv.opts.NoUpgrade {
		srv.report.refuse(w, r, &RequestError{Code: CodeBadRequest, Context: "upgrades are disabled"})
		return
	}
	s.upgrade(UpgradeStepTried, nil)
	p := &probe{s: s, base64: query.Parse(r.URL.RawQuery).Base64}
	if !p.claim() {
		s.upgrade(UpgradeStepFailed, errUpgradeTooLate)
		srv.turnAway(w, r)
		return
	}
	var conn accepted
	defer func() {
		if conn.Conn == nil { // or Options.Headers has panicked
			p.drop()
			s.upgrade(UpgradeStepFailed, errUpgradeRejected)
		}
	}()
	conn, err := srv.acceptor.accept(w, r, false)
	if err != nil {
		return
	}
	if c := newWebSocket(s, conn, p); p.enter(c) {
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
