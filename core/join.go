package socketio

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/apperror"
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
		s.accept()
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
	var size int64
	s.mu.Lock()
	if s.inbox != nil {
		s.inbox.jobs = slices.DeleteFunc(s.inbox.jobs, func(j job) bool {
			if j.kind != jobEvent {
				return false
			}
			size += s.sizeOf(&j)
			return true
		})
	}
	s.mu.Unlock()
	s.conn.unhold(size)
}

// A client learns that it has joined when the hooks of OnConnect have run: what
// it causes then, by another connection for instance, finds the rooms and values
// that they have given the socket. The reference gets this from its event loop.
// Until then the CONNECT packet and all that follows it are held, in order.

const (
	// welcomeDelay is the time after which a client is told all the same.
	welcomeDelay = time.Second
	// maxHeld is how many packets may wait for it.
	maxHeld = 64
)

// errDropped: a volatile packet was not kept.
var errDropped = errors.New("socketio: no room for a volatile event")

// joinedAs is the payload of the CONNECT packet. The id of a socket that has been
// accepted does not change.
func (s *Socket) joinedAs() []byte {
	switch {
	case s.conn.old(): // which knows its id
		return nil
	case s.track != nil:
		return []byte(`{"sid":"` + s.id + `","pid":"` + s.track.pid + `"}`)
	}
	return []byte(`{"sid":"` + s.id + `"}`)
}

// accept holds the CONNECT packet, and with it what is sent from now on.
func (s *Socket) accept(missed ...frames) {
	f, ok := sealedPacket(s.ns.srv, parser.Packet{Type: parser.Connect, Namespace: s.ns.name, Data: s.joinedAs()})
	s.mu.Lock()
	s.held = missed
	if ok {
		s.held = append([]frames{f}, missed...)
	}
	s.holding.Store(true)
	s.mu.Unlock()
}

// told reports whether the client may know that it has joined.
func (s *Socket) told() bool { return s.connected() && !s.holding.Load() }

// hold keeps a packet for a client that does not know yet that it has joined.
// It reports false when it does: it is to be sent. It fails as
// engine.Session.Enqueue does. A volatile packet that finds no room is dropped.
func (s *Socket) hold(f *frames, volatile bool) (held bool, err error) {
	if !s.holding.Load() {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.holding.Load() {
		return false, nil
	}
	if volatile && len(s.held) >= maxHeld {
		return true, errDropped
	}
	s.held = append(s.held, *f)
	if len(s.held) > maxHeld {
		err = s.releaseHeldLocked()
	}
	return true, err
}

// releaseHeldLocked sends what is held. Called with mu held, so that nothing overtakes it.
// A client that has left by itself is told nothing: it may have joined again.
func (s *Socket) releaseHeldLocked() error {
	if !s.holding.Load() {
		return nil
	}
	held := s.held
	s.held = nil
	if s.state.Load() == disconnected {
		held = nil
	}
	var err error
	for i := range held { // one by one: they are bounded as if they had been sent at once
		f := &held[i]
		if e := (*engine.Layer)(s.conn.sess).Enqueue(f.messages(s.conn)...); e != nil {
			err = e // and go on: what is sent until the session ends must not leave a gap
		}
	}
	s.holding.Store(false)
	return err
}

// welcome tells the client that it has joined, if it does not know yet.
func (s *Socket) welcome() {
	if !s.holding.Load() {
		return
	}
	s.mu.Lock()
	err := s.releaseHeldLocked()
	s.mu.Unlock()
	if errors.Is(err, engine.ErrSlowConsumer) {
		(*engine.Layer)(s.conn.sess).Overflow()
	}
}

// greet runs the hooks of OnConnect and then welcomes the client.
func (s *Socket) greet(j *job) {
	hooks := s.ns.connectHooks()
	if len(hooks) > j.hook {
		patience := time.AfterFunc(welcomeDelay, s.welcome)
		defer patience.Stop()
	}
	for j.hook < len(hooks) {
		hook := hooks[j.hook]
		j.hook++
		s.guard("connect", func() { hook(s) })
	}
	j.kind = jobDone
	s.welcome()
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
