package engine

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gosio/gosio/core/engine/internal/outbox"
	"github.com/gosio/gosio/core/engine/internal/query"
)

// openPolling answers a handshake.
func (srv *Server) openPolling(w http.ResponseWriter, r *http.Request, q query.Query) {
	id, e := srv.table.newID(r, srv.opts.GenerateID)
	if e != nil {
		srv.report.refuseAt(slog.LevelError, w, r, e)
		return
	}
	opened := false
	defer func() {
		if !opened { // or Connect has panicked
			srv.table.unreserve(id)
		}
	}()
	srv.report.strays.opened.Add(1)
	s := srv.newSession(r, q, id)
	if opened = s.open(r, nil, nil); !opened {
		srv.report.refuseAt(slog.LevelDebug, w, r, errShuttingDown())
		return
	}
	if c := srv.opts.Cookie; c != nil {
		cookie := *c
		cookie.Value = s.id
		http.SetCookie(w, &cookie)
	}
	s.mu.Lock()
	s.polling.answerPollLocked(w, r, nil)
}

// openWebSocket opens a session directly on WebSocket.
func (srv *Server) openWebSocket(w http.ResponseWriter, r *http.Request, q query.Query) {
	id, e := srv.table.newID(r, srv.opts.GenerateID)
	if e != nil {
		srv.report.refuseAt(slog.LevelError, w, r, e)
		return
	}
	opened := false
	var conn accepted
	defer func() {
		if opened {
			return
		}
		srv.table.unreserve(id)
		if conn.Conn != nil { // shutting down, or Connect has panicked; the client finds out by itself
			_ = conn.SetDeadline(time.Now().Add(srv.opts.CloseTimeout))
			_, _ = conn.Write(conn.Head)
			_ = conn.Close()
		}
	}()
	delay := srv.opts.openDelay(r.Header)
	conn, err := srv.acceptor.accept(w, r, delay == 0)
	if err != nil {
		return
	}
	s := srv.newSession(r, q, id)
	c := newWebSocket(s, conn, r.Header, nil)
	if opened = s.open(r, c, conn.Head); opened {
		if delay > 0 {
			c.opening = time.AfterFunc(delay, c.writer.begin)
		}
		c.start(r, conn.Early)
	}
}

// newSession makes a session for a handshake.
func (srv *Server) newSession(r *http.Request, q query.Query, id string) *Session {
	s := &Session{
		srv: srv, id: id, pin: strings.Clone(srv.opts.pin(r)), // a piece of the header would hold on to all of it
		base64: q.Base64, v3: q.EIO == "3", opened: srv.clock.Now(), refs: 1, budget: outbox.Budget{Limit: srv.opts.SendBuffer},
	}
	return s
}
