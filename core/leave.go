package socketio

import (
	"context"

	"github.com/gosio/gosio/core/internal/inbox"
	"github.com/gosio/gosio/core/parser"
)

// Disconnect makes the socket leave its namespace, with
// [ReasonServerNamespaceDisconnect]; with closeConn, so do all sockets of its
// connection, which is then closed once what is queued is sent. The stock
// client does not reconnect by itself after that, and the session is not recovered.
func (s *Socket) Disconnect(closeConn bool) {
	if closeConn {
		s.conn.close()
		return
	}
	s.leaveNamespace()
}

// CloseTransport closes the client's connection, once what is queued is sent,
// without a word to its namespaces: to the stock client that is "transport
// close", and it reconnects by itself, with fresh auth. All sockets of the
// connection are disconnected with [ReasonForcedClose], and their sessions can be recovered
// unless [Socket.EndSession] was called.
func (s *Socket) CloseTransport() {
	welcome(s)
	s.sess.Close()
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

// EndSession bars the socket's session from recovery: nobody goes on with it
// when the socket is disconnected, for whatever reason, or has been already. Call
// it when the client may not have back what it had, after a logout for instance,
// before [Socket.CloseTransport]. [Socket.Disconnect] and
// [Broadcast.DisconnectSockets] do so by themselves. In middleware it also gives
// the client a fresh session instead of the one that it asks for. Without
// Options.Recovery it does nothing. It may be called concurrently, more than once,
// and after the disconnect; when another socket has gone on with the session
// already, that one keeps it.
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
	} else if s.track.shared {
		s.track.shared = false
		r.withdraw(s.track.pid)
	}
}

// RecoverIf adds a condition for the recovery of this socket's session: when its
// connection is lost and a client comes back for it, may is asked with the new
// socket, which has passed its middleware and has the same identity, and whose rooms
// and values are those that its middleware has given it. Unless may returns true
// the client gets a fresh session. All conditions have to hold. They belong to
// this socket: the next one, also if it goes on with the session, sets its own.
//
// Use it for what was decided once and may not hold any more: has this token been
// revoked meanwhile, is the role still the same? may is called after the hooks of
// OnDisconnect have run, on a goroutine of its own, with no lock held. ctx ends
// when the new client is gone and after Limits.MiddlewareTimeout, which is a
// no; so is a panic. The client does not wait any longer: may should return then, and
// counts against Limits.Namespaces of the connection until it does. What may refers to is kept with the session, so let
// it refer to little. Without Options.Recovery RecoverIf does nothing.
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
