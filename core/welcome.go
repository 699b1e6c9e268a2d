package socketio

import (
	"errors"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/inbox"
	"github.com/gosio/gosio/core/parser"
)

// The server sends the CONNECT packet when the hooks of OnConnect have run: a client
// that then acts, over another connection for example, finds the rooms and values that
// the hooks have given the socket. In the reference the event loop has the same effect.
// Until then s.held has the CONNECT packet and all packets behind it, in order.

const (
	// welcomeDelay is the time after which the CONNECT packet is sent even if hooks
	// run.
	welcomeDelay = time.Second
	// maxHeld is how many packets may wait behind the CONNECT packet.
	maxHeld = 64
)

// errDropped: a volatile packet was not kept.
var errDropped = errors.New("socketio: no room for a volatile event")

// joinedAs returns the payload of the CONNECT packet. The id does not change after
// accept.
func joinedAs(s *Socket) []byte {
	switch {
	case s.conn.old(): // which knows its id
		return nil
	case s.track != nil:
		return []byte(`{"sid":"` + s.id + `","pid":"` + s.track.pid + `"}`)
	}
	return []byte(`{"sid":"` + s.id + `"}`)
}

// accept holds back the CONNECT packet, the missed events, and all packets that are
// sent from now on.
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

// welcomed reports whether the CONNECT packet has been sent. It waits for mu while
// releaseHeldLocked sends that: the client may have it, and act, before holding is false.
func welcomed(s *Socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected() && !s.holding.Load()
}

// holdBack holds back a packet behind the CONNECT packet. It reports false if the
// CONNECT packet has been sent: then the caller sends the packet. It returns the errors
// of engine.Layer.Enqueue, and errDropped for a volatile packet if maxHeld packets
// wait.
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

// releaseHeldLocked sends the packets that are held back. mu is held meanwhile, so that
// no other packet overtakes them. They are dropped if the client has left: it may have
// joined again.
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
		if e := enqueueHeld(s, f); e != nil {
			err = e // and go on: what is sent until the session ends must not leave a gap
		}
	}
	s.holding.Store(false)
	return err
}

// enqueueWith queues an event that has a key, or of which somebody wants to know when it is
// written. The caller ends a session that is too slow.
func enqueueWith(s *Socket, f *frames, volatile bool) error {
	var k *engine.Newest
	if f.newest != nil {
		k = &f.newest.queued
	}
	switch {
	case f.written == nil:
		return (*engine.Layer)(s.sess).EnqueueNewest(k, volatile, f.messages(s.conn)...)
	case f.binary == nil:
		return (*engine.Layer)(s.sess).EnqueueMarked((*writeMark)(f.written), k, volatile, f.text)
	}
	return (*engine.Layer)(s.sess).EnqueueMarked((*writeMark)(f.written), k, volatile, f.messages(s.conn)...)
}

func enqueueHeld(s *Socket, f *frames) error {
	if f.newest != nil || f.written != nil {
		return enqueueWith(s, f, false)
	}
	return (*engine.Layer)(s.conn.sess).Enqueue(f.messages(s.conn)...)
}

// welcome sends the CONNECT packet and the packets behind it, unless they have been
// sent.
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
