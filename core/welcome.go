package socketio

import (
	"errors"
	"time"

	"github.com/gosio/gosio/core/engine"
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

// accept holds the CONNECT packet, and with it what is sent from now on.
func (s *Socket) accept(data string, missed ...frames) {
	f := seal(parser.Packet{Type: parser.Connect, Namespace: s.ns.name, Data: []byte(data)})
	s.mu.Lock()
	s.held = append([]frames{f}, missed...)
	s.holding.Store(true)
	s.mu.Unlock()
}

// hold keeps a packet for a client that does not know yet that it has joined.
// It reports false when it does: it is to be sent. It fails as
// engine.Session.Enqueue does.
func (s *Socket) hold(f *frames) (held bool, err error) {
	if !s.holding.Load() {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.holding.Load() {
		return false, nil
	}
	s.held = append(s.held, *f)
	if len(s.held) > maxHeld {
		err = s.letGo()
	}
	return true, err
}

// letGo sends what is held. Called with mu held, so that nothing overtakes it.
func (s *Socket) letGo() error {
	if !s.holding.Load() {
		return nil
	}
	var err error
	for i := range s.held { // one by one: they are bounded as if they had been sent at once
		f := &s.held[i]
		if err = s.conn.sess.Enqueue(append([]engine.Message{f.text}, f.binary...)...); err != nil {
			break
		}
	}
	s.held = nil
	s.holding.Store(false)
	return err
}

// welcome tells the client that it has joined, if it does not know yet.
func (s *Socket) welcome() {
	if !s.holding.Load() {
		return
	}
	s.mu.Lock()
	err := s.letGo()
	s.mu.Unlock()
	if errors.Is(err, engine.ErrSlowConsumer) {
		s.conn.sess.Overflow()
	}
}

// greet runs the hooks of OnConnect and then welcomes the client.
func (s *Socket) greet() {
	hooks := s.ns.connectHooks()
	if len(hooks) > 0 {
		patience := time.AfterFunc(welcomeDelay, s.welcome)
		defer patience.Stop()
	}
	for _, hook := range hooks {
		s.guard("connect", func() { hook(s) })
	}
	s.welcome()
}
