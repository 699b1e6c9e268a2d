package socketio

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/internal/inbox"
	"github.com/gosio/gosio/core/parser"
)

// join runs the middleware and, if it agrees, lets the socket in. It reports
// whether that was so: a disconnect job is then to come. A client that has gone
// before is not asked who it is.
func (s *Socket) join() (in bool) {
	if s.state.Load() != connecting {
		return false
	}
	start := observeBegin(s.ns.srv)
	err := errPanicked
	s.guard("middleware", func() {
		e := s.ns.introduce()
		if e == nil {
			e = s.admit()
		}
		if e == nil {
			e = s.ns.connect()
		}
		err = e
	})
	if err != nil {
		observeStep(s, &NamespaceEvent{Step: NamespaceStepRefused, Err: err}, start)
		s.refuse(err)
		return false
	}
	if !s.enterSubscribed() {
		return false
	}
	s.conn.joined()
	observeStep(s, &NamespaceEvent{Step: NamespaceStepJoined}, start)
	return true
}

// enterSubscribed enters the namespace, anew or recovered, when the adapter has
// subscribed to what the socket needs.
func (s *Socket) enterSubscribed() (in bool) {
	defer awaitSubscriptions(s)() // also when a listener to rooms ends the goroutine
	if s.ns.recovery != nil {
		return recoverOrEnter(s)
	}
	return s.enter()
}

// admit runs the middleware for a socket. When that takes too long the client
// is refused, though the middleware may go on: it holds the dispatcher until it
// returns, and what it returns then does not matter.
func (s *Socket) admit() error {
	middleware := s.ns.allMiddleware()
	if len(middleware) == 0 {
		return nil
	}
	limit := s.ns.srv.opts.Limits.MiddlewareTimeout
	ctx, cancel := context.WithTimeout(s.Context(), limit)
	defer cancel()
	late := time.AfterFunc(min(limit, forever)+lastWord, func() {
		s.refuse(errTimedOut)
		s.dropEvents()
	})
	defer late.Stop()
	for _, m := range middleware {
		err := m.Handshake(ctx, s)
		if ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())) {
			return errTimedOut
		}
		if err != nil {
			return err
		}
	}
	if !late.Stop() {
		return errTimedOut
	}
	return nil
}

// errTimedOut refuses a client whose middleware has taken too long.
var errTimedOut = &ConnectError{Message: "Connection timed out"}

// lastWord is the time that middleware has for an answer of its own when its
// context has ended.
const lastWord = 100 * time.Millisecond

// enter puts the socket into its namespace. It reports false if the client is
// gone.
func (s *Socket) enter() bool {
	s.mu.Lock()
	rooms := s.rooms
	s.rooms = nil
	s.mu.Unlock()
	// Reachable before the client knows: what it causes when it does, somebody's
	// broadcast included, must find it. Until then broadcasts wait in early.
	s.ns.rooms.add(s)
	_ = s.ns.rooms.join(s, rooms, s.ns.srv.opts.Limits.Rooms) // counted when the middleware joined
	if s.state.Load() == connecting {
		accept(s)
	}
	late, live := s.admitNow()
	if !live {
		s.leaveAll()
		return false
	}
	_ = s.Join(late...)
	if !s.connected() {
		s.leaveAll() // its close has run before Join
	}
	return true
}

// admitNow sends what middleware has emitted and makes the socket connected.
// It returns the rooms that it was told to join meanwhile, and false if the
// client is gone. No lock is held while sending: that may disconnect a slow client.
func (s *Socket) admitNow() (rooms []string, live bool) {
	for {
		s.mu.Lock()
		if s.state.Load() != connecting {
			s.mu.Unlock()
			return nil, false
		}
		early := s.early
		s.early = nil
		if len(early) == 0 {
			rooms, s.rooms = s.rooms, nil
			s.admitted = true
			s.state.Store(connected)
			s.mu.Unlock()
			return rooms, true
		}
		s.mu.Unlock()
		for i := range early {
			_ = s.transmit(&early[i]) // a connection that is gone says so by its disconnect
		}
	}
}

// refuse answers a client whose connection to the namespace was turned down.
func (s *Socket) refuse(err error) {
	answer := refusalOf(err)                                              // before anything changes: the error may end the goroutine
	told := err == errPanicked || apperror.Find[ConnectError](err) != nil //nolint:errorlint // as it is
	if !told {
		err = apperror.Logged(err)
	}
	s.conn.forget(s)
	s.mu.Lock()
	live := s.state.Swap(disconnected) == connecting
	cancel := s.cancel
	s.mu.Unlock()
	if cancel != nil {
		cancel(ErrClosed)
	}
	if !live { // the client has gone, which the error is likely to be about
		return
	}
	if !told {
		s.ns.srv.note(slog.LevelWarn, "middleware", "socketio: middleware failed", s.attrs(slog.Any("error", err))...)
	}
	s.conn.reply(parser.ConnectError, s.ns.name, answer)
}

// dropEvents gives back what the events count that wait behind middleware
// which has refused them.
func (s *Socket) dropEvents() {
	s.mu.Lock()
	size := s.inbox.DropEvents()
	s.mu.Unlock()
	s.conn.unhold(size)
}

// observeBegin reads the clock if somebody wants to know.
func observeBegin(srv *Server) (t time.Time) {
	if srv.observer != nil {
		t = time.Now()
	}
	return t
}

// observeStep tells of a step of a socket whose middleware began at start.
func observeStep(s *Socket, e *NamespaceEvent, start time.Time) {
	o := s.ns.srv.observer
	if o == nil {
		return
	}
	e.Namespace, e.Socket, e.Err = s.ns, s, apperror.Readable(e.Err)
	if !start.IsZero() {
		e.Duration = time.Since(start)
	}
	if s.track != nil && e.Step == NamespaceStepJoined {
		e.Recovery = s.track.outcome
	}
	o.namespace(*e)
}

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
		s.conn.reply(parser.Disconnect, s.ns.name, nil)
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
