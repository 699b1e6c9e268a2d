package socketio

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/parser"
)

// join runs the middleware of the namespace and, if the middleware accepts the socket,
// puts the socket into the namespace. It reports whether the socket has joined: then a
// Disconnect job follows later. join does not run middleware for a client that has
// disconnected.
func join(s *Socket) (in bool) {
	if s.state.Load() != connecting {
		return false
	}
	start := observeBegin(s.ns.srv)
	err := errPanicked
	s.guard("middleware", func() {
		e := s.ns.introduce()
		if e == nil {
			e = admit(s)
		}
		if e == nil {
			e = s.ns.connect()
		}
		err = e
	})
	if err != nil {
		observeStep(s, &NamespaceEvent{Step: NamespaceStepRefused, Err: err}, start)
		refuse(s, err)
		return false
	}
	if !enterSubscribed(s) {
		return false
	}
	s.conn.joined()
	observeStep(s, &NamespaceEvent{Step: NamespaceStepJoined}, start)
	return true
}

// enterSubscribed waits until the adapter has subscribed to the rooms of the socket,
// and then puts the socket into the namespace, with a new or a recovered session.
func enterSubscribed(s *Socket) (in bool) {
	defer awaitSubscriptions(s)() // also when a listener to rooms ends the goroutine
	if s.ns.recovery != nil {
		return recoverOrEnter(s)
	}
	return enter(s)
}

// admit runs the middleware for a socket. After Limits.MiddlewareTimeout the client is
// refused, even if middleware has not returned. Middleware that has not returned holds
// the dispatcher, and its result is ignored.
func admit(s *Socket) error {
	middleware := s.ns.allMiddleware()
	if len(middleware) == 0 {
		return nil
	}
	done, live := awaitJoin(s)
	if !live {
		return ErrClosed
	}
	defer done()
	limit := s.ns.srv.opts.Limits.MiddlewareTimeout
	ctx, cancel := context.WithTimeout(s.Context(), limit)
	defer cancel()
	late := time.AfterFunc(min(limit, forever)+lastWord, func() {
		done() // others need not wait for it, too
		refuse(s, errTimedOut)
		dropEvents(s)
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

// awaitJoin waits until middleware may run for one more client, see Limits.Joins. done
// must be called when it has run, and may be called again. live is false if the client has
// disconnected meanwhile.
func awaitJoin(s *Socket) (done func(), live bool) {
	joins := s.ns.srv.joins
	if joins == nil {
		return func() {}, true
	}
	select {
	case joins <- struct{}{}:
	default:
		select {
		case joins <- struct{}{}:
		case <-s.Context().Done():
			return nil, false
		}
	}
	return sync.OnceFunc(func() { <-joins }), true
}

// errTimedOut is the refusal of a client whose middleware has taken too long.
var errTimedOut = &ConnectError{Message: "Connection timed out"}

// lastWord is the time that middleware has to return its own error after its context
// has ended.
const lastWord = 100 * time.Millisecond

// enter puts the socket into its namespace. It reports false if the client has
// disconnected.
func enter(s *Socket) bool {
	s.mu.Lock()
	rooms := takeEarlyLocked(s)
	s.mu.Unlock()
	// The socket is reachable before the client learns that it has joined, so that
	// broadcasts that the client then causes reach the socket. Until then early holds
	// the broadcasts.
	s.ns.rooms.add(s)
	_ = s.ns.rooms.join(s, rooms, s.ns.srv.opts.Limits.Rooms) // counted when the middleware joined
	if s.state.Load() == connecting {
		accept(s)
	}
	late, live := admitNow(s)
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

// admitNow sends the events that middleware has emitted, and makes the socket
// connected. It returns the rooms that the socket was told to join meanwhile, and false
// if the client has disconnected. It sends without a lock, because sending may
// disconnect a slow client.
func admitNow(s *Socket) (rooms []string, live bool) {
	for {
		s.mu.Lock()
		if s.state.Load() != connecting {
			s.mu.Unlock()
			return nil, false
		}
		early := s.early
		s.early = nil
		if len(early) == 0 {
			rooms = takeEarlyLocked(s)
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

// refuse sends CONNECT_ERROR to a client that middleware has refused.
func refuse(s *Socket, err error) {
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
	reply(s.conn, parser.ConnectError, s.ns.name, answer)
}

// dropEvents drops the events that wait behind the middleware of a refused socket, and
// takes them off the connection's backlog.
func dropEvents(s *Socket) {
	s.mu.Lock()
	size := s.inbox.DropEvents()
	s.mu.Unlock()
	s.conn.unhold(size)
}
