package engine

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gosio/gosio/core/engine/internal/outbox"
	"github.com/gosio/gosio/core/engine/internal/query"
	"github.com/gosio/gosio/core/engine/parser"
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
	if opened = srv.open(s, r, nil, nil); !opened {
		e := errShuttingDown()
		if !srv.table.isClosed() {
			e = errBusy("Limits.Connections")
		}
		srv.report.refuseAt(slog.LevelDebug, w, r, e)
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
	c := newWebSocket(s, conn, nil)
	if opened = srv.open(s, r, c, conn.Head); opened {
		if delay > 0 {
			c.opening = time.AfterFunc(delay, c.writer.begin)
		}
		c.start(r, conn.Early)
	}
}

// newSession makes a session for a handshake.
func (srv *Server) newSession(r *http.Request, q query.Query, id string) *Session {
	s := &Session{
		srv: &srv.shared, id: id, pin: strings.Clone(srv.opts.pin(r)), // a piece of the header would hold on to all of it
		base64: q.Base64, v3: q.EIO == "3", opened: srv.clock.Now(), refs: 1, budget: outbox.Budget{Limit: srv.opts.SendBuffer},
		part: partOf(id),
	}
	return s
}

// open gives the session its transport, nil for polling, queues its open packet
// there, and introduces it to the Handler. Nothing is sent before the caller has
// started the connection or answered the poll; head is what goes first.
func (srv *Server) open(s *Session, r *http.Request, ws *wsConn, head []byte) bool {
	handshake := parser.Handshake{
		SID: s.id, PingInterval: srv.opts.PingInterval, PingTimeout: srv.opts.PingTimeout,
		MaxPayload: max(srv.opts.MaxHTTPBufferSize, 0),
	}
	if ws == nil {
		handshake.Upgrades = srv.opts.upgrades()
		s.polling = &polling{s: s, queue: outbox.Queue{Budget: &s.budget}}
	} else {
		s.ws.Store(ws)
		ws.writer.state = writeHeld
		s.refs++
	}
	queue := s.queueLocked() // nobody else knows the session yet
	if head != nil {
		queue.Push(outbox.Message{Frame: head, Answer: true})
	}
	queue.Push(outbox.TextPacket(string(handshake.Append([]byte{'0'}))))
	return srv.introduce(s, r)
}

// introduce shows the session to the Handler, which may send to it, close it
// and hand it to other goroutines at once. It reports false if the server is
// shutting down, or has as many sessions as it may have. One reference is held meanwhile, so that the session is not
// forgotten before it is entered.
func (srv *Server) introduce(s *Session, r *http.Request) bool {
	recv := srv.handler.Connect(s, r)
	s.mu.Lock()
	s.recv = recv
	early := s.early
	s.mu.Unlock()
	if early != nil { // closed before there was a Receiver to tell
		recv.Closed(early.reason, early.err)
	}
	if !srv.table.add(s) {
		s.shut(ReasonServerShuttingDown, nil, false)
		s.release(s.ws.Load())
		return false
	}
	s.mu.Lock()
	s.startHeartbeatLocked()
	s.mu.Unlock()
	s.unref()
	return true
}
