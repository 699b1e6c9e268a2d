package socketio

import (
	"errors"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/inbox"
	"github.com/gosio/gosio/core/parser"
)

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
func joinedAs(s *Socket) []byte {
	switch {
	case s.conn.old(): // which knows its id
		return nil
	case s.track != nil:
		return []byte(`{"sid":"` + s.id + `","pid":"` + s.track.pid + `"}`)
	}
	return []byte(`{"sid":"` + s.id + `"}`)
}

// accept holds the CONNECT packet, and with it what is sent from now on.
func accept(s *Socket, missed ...frames) {
	f, ok := sealedPacket(s.ns.srv, parser.Packet{Type: parser.Connect, Namespace: s.ns.name, Data: joinedAs(s)})
	s.mu.Lock()
	s.held = missed
	if ok {
		s.held = append([]frames{f}, missed...)
	}
	s.holding.Store(true)
	s.mu.Unlock()
}

// told reports whether the client may know that it has joined.
func told(s *Socket) bool { return s.connected() && !s.holding.Load() }

// holdBack keeps a packet for a client that does not know yet that it has joined.
// It reports false when it does: it is to be sent. It fails as
// engine.Session.Enqueue does. A volatile packet that finds no room is dropped.
func holdBack(s *Socket, f *frames, volatile bool) (held bool, err error) {
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
		err = releaseHeldLocked(s)
	}
	return true, err
}

// releaseHeldLocked sends what is held. Called with mu held, so that nothing overtakes it.
// A client that has left by itself is told nothing: it may have joined again.
func releaseHeldLocked(s *Socket) error {
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
func welcome(s *Socket) {
	if !s.holding.Load() {
		return
	}
	s.mu.Lock()
	err := releaseHeldLocked(s)
	s.mu.Unlock()
	if errors.Is(err, engine.ErrSlowConsumer) {
		(*engine.Layer)(s.conn.sess).Overflow()
	}
}

// greet runs the hooks of OnConnect and then welcomes the client.
func greet(s *Socket, j *inbox.Job) {
	hooks := s.ns.connectHooks()
	if len(hooks) > j.Hook {
		patience := time.AfterFunc(welcomeDelay, func() { welcome(s) })
		defer patience.Stop()
	}
	for j.Hook < len(hooks) {
		hook := hooks[j.Hook]
		j.Hook++
		s.guard("connect", func() { hook(s) })
	}
	j.Kind = inbox.Done
	welcome(s)
}
