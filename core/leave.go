package socketio

import (
	"context"

	"github.com/gosio/gosio/core/internal/inbox"
	"github.com/gosio/gosio/core/parser"
)

// Disconnect disconnects the socket from its namespace with
// [ReasonServerNamespaceDisconnect]. With closeConn it disconnects all sockets of the
// connection, and closes the connection after the queued messages are sent. The stock
// client does not reconnect by itself after a Disconnect, and the session is not
// recovered.
func (s *Socket) Disconnect(closeConn bool) {
	if closeConn {
		s.conn.close()
		return
	}
	s.leaveNamespace()
}

// CloseTransport closes the connection of the client after the queued messages are
// sent, and sends no DISCONNECT packet. The stock client reports "transport close" and
// reconnects by itself, with a new auth payload. All sockets of the connection are
// disconnected with [ReasonForcedClose]. Their sessions can be recovered unless
// [Socket.EndSession] was called.
func (s *Socket) CloseTransport() {
	welcome(s)
	flushed(s.Siblings(), s.sess.Close)
}

func (s *Socket) leaveNamespace() {
	if !s.connected() { // middleware refuses by its error
		return
	}
	welcome(s) // it has to know what it leaves
	if s.close(ReasonServerNamespaceDisconnect) && s.conn.forget(s) {
		reply(s.conn, parser.Disconnect, s.ns.name, nil)
	}
}

// close is the one transition to disconnected. Events that came before still
// run, then the hooks of OnDisconnect. It reports whether this call was it.
func (s *Socket) close(reason Reason) bool {
	var was int32
	var cancel context.CancelCauseFunc
	if s.ns.recovery == nil {
		was, cancel = s.end(reason)
	} else {
		was, cancel = endOrdered(s, reason)
	}
	if was == disconnected {
		return false
	}
	defer func() { // also when a listener of the rooms ends this goroutine
		if cancel != nil {
			cancel(&DisconnectError{reason})
		}
		failAcks(s, &DisconnectError{reason})
		switch {
		case was == connected:
			enqueue(s, &inbox.Job{Kind: inbox.Disconnect, Reason: string(reason)})
		case s.conn.missTurn(s):
			discard(s)
		}
	}()
	switch {
	case was != connected:
	case s.ns.recovery == nil:
		s.leaveAll()
	default:
		s.ns.rooms.tell()
	}
	return true
}

// end changes the state only. It returns the one before.
func (s *Socket) end(reason Reason) (was int32, cancel context.CancelCauseFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was = s.state.Swap(disconnected)
	if was != disconnected {
		s.reason = reason
	}
	return was, s.cancel
}

// EndSession excludes the socket's session from recovery, whatever the reason of the
// disconnect. Call EndSession before [Socket.CloseTransport] when the client must not
// get its session back, after a logout for example. [Socket.Disconnect] and
// [Broadcast.DisconnectSockets] end the session by themselves. In middleware EndSession
// also gives the client a new session instead of the session that the client asks for.
// EndSession does nothing without Options.Recovery. It may be called concurrently, more
// than once, and after the disconnect; if another socket has continued the session
// already, EndSession does not change that.
func (s *Socket) EndSession() {
	if s.track == nil {
		return
	}
	r := s.ns.recovery
	r.mu.Lock()
	defer r.unlock()
	s.track.barred = true
	if e := r.stored[s.track.pid]; e != nil {
		if sess := e.Value.(*session); sess.left == s.track.left {
			r.forgetLocked(sess)
		}
	} else if s.track.shared != "" {
		r.shelf.withdraw(s.track.pid, s.track.shared)
		s.track.shared = ""
	}
}

// RecoverIf adds a condition for the recovery of this socket's session. When the
// connection is lost and a client asks for the session, the server calls may with the
// new socket, which has passed middleware and has the same identity, and has the rooms
// and values that middleware has given it. Unless may returns true, the client gets a
// new session. All conditions must hold. The conditions belong to this socket: a socket
// that continues the session has none until RecoverIf adds them.
//
// Use RecoverIf to check a former decision again: whether a token has been revoked, or
// a role has changed. The server calls may after the hooks of OnDisconnect have run, on
// a goroutine of its own, without a lock. ctx ends when the new client disconnects, and
// after Limits.MiddlewareTimeout: the condition does not hold then, and may should
// return; until then it counts against Limits.Namespaces of the connection. A panic
// means that the condition does not hold. The session keeps all values that may refers
// to in memory. RecoverIf does nothing without Options.Recovery.
func (s *Socket) RecoverIf(may func(ctx context.Context, next *Socket) bool) {
	if may == nil {
		panic("socketio: RecoverIf: the function is nil")
	}
	if s.track == nil {
		return
	}
	s.mu.Lock()
	s.track.conditions = append(s.track.conditions, may)
	s.mu.Unlock()
}
