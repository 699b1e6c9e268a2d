package socketio

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/parser"
)

// join runs the middleware and, if it agrees, lets the socket in. It reports
// whether that was so: a disconnect job is then to come. A client that has gone
// before is not asked who it is.
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

// enterSubscribed enters the namespace, anew or recovered, when the adapter has
// subscribed to what the socket needs.
func enterSubscribed(s *Socket) (in bool) {
	defer awaitSubscriptions(s)() // also when a listener to rooms ends the goroutine
	if s.ns.recovery != nil {
		return recoverOrEnter(s)
	}
	return enter(s)
}

// admit runs the middleware for a socket. When that takes too long the client
// is refused, though the middleware may go on: it holds the dispatcher until it
// returns, and what it returns then does not matter.
func admit(s *Socket) error {
	middleware := s.ns.allMiddleware()
	if len(middleware) == 0 {
		return nil
	}
	limit := s.ns.srv.opts.Limits.MiddlewareTimeout
	ctx, cancel := context.WithTimeout(s.Context(), limit)
	defer cancel()
	late := time.AfterFunc(min(limit, forever)+lastWord, func() {
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

// errTimedOut refuses a client whose middleware has taken too long.
var errTimedOut = &ConnectError{Message: "Connection timed out"}

// lastWord is the time that middleware has for an answer of its own when its
// context has ended.
const lastWord = 100 * time.Millisecond

// enter puts the socket into its namespace. It reports false if the client is
// gone.
func enter(s *Socket) bool {
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

// admitNow sends what middleware has emitted and makes the socket connected.
// It returns the rooms that it was told to join meanwhile, and false if the
// client is gone. No lock is held while sending: that may disconnect a slow client.
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

// dropEvents gives back what the events count that wait behind middleware
// which has refused them.
func dropEvents(s *Socket) {
	s.mu.Lock()
	size := s.inbox.DropEvents()
	s.mu.Unlock()
	s.conn.unhold(size)
}
