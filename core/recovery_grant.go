package socketio

import (
	"context"
	"slices"
	"sync/atomic"
)

// A socket's rooms and values have two sources. Those that it has got before it
// joined its namespace are the handshake's: they follow from who the client was
// then, and the middleware of the next handshake gives them anew, or does not.
// All others are the application's, and are restored.

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
			r.forget(sess)
		}
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

// condition is what RecoverIf takes.
type condition = func(ctx context.Context, next *Socket) bool

// meets asks the conditions of a session, and waits for the answer until the time
// is over. No lock is held.
func (s *Socket) meets(conditions []condition) bool {
	ctx, cancel := context.WithTimeout(s.Context(), s.ns.srv.opts.Limits.MiddlewareTimeout)
	answer := make(chan bool, 1)
	var parted atomic.Bool // one of the two is done, the dispatcher or the conditions
	s.ns.srv.work.add()
	go func() { // until the conditions have returned, whatever they wait for; Shutdown waits
		defer s.ns.srv.work.done()
		defer cancel()
		yes := false
		defer func() {
			answer <- yes
			if parted.Swap(true) {
				s.conn.giveTurn()
			}
		}()
		yes = s.asks(ctx, conditions)
	}()
	select {
	case yes := <-answer:
		return yes
	case <-ctx.Done():
	}
	s.conn.takeAnotherTurn() // for what is left behind: a client could have it be as much as it likes
	if parted.Swap(true) {
		s.conn.giveTurn()
	}
	return false
}

// asks calls the conditions.
func (s *Socket) asks(ctx context.Context, conditions []condition) (ok bool) {
	returned := false
	defer func() {
		if p := recover(); p != nil {
			ok = false
			s.panicked("RecoverIf", p)
		} else if !returned {
			s.ns.srv.noteExit(s.attrs()...)
		}
	}()
	for _, may := range conditions {
		if !may(ctx, s) || ctx.Err() != nil {
			returned = true
			return false
		}
	}
	returned = true
	return true
}

// grants returns the rooms that middleware has joined so far.
func (s *Socket) grants() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rooms)
}
