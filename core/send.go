package socketio

import (
	"context"
	"errors"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/eio3"
	"github.com/gosio/gosio/core/parser"
)

// send queues a packet. Packets of middleware wait until the CONNECT packet is sent,
// which must be first.
func (s *Socket) send(f *frames) error {
	state := s.state.Load()
	if state != disconnected && s.tells() {
		s.tell(f)
	}
	switch state {
	case disconnected:
		return ErrClosed
	case connecting:
		s.mu.Lock()
		if s.state.Load() == connecting {
			s.early = append(s.early, *f)
			s.mu.Unlock()
			return nil
		}
		s.mu.Unlock()
	}
	if s.ns.recovery != nil {
		return s.ns.recovery.send(s, f)
	}
	return s.transmit(f)
}

// tells reports whether there is a listener to outgoing events.
func (s *Socket) tells() bool {
	if c := s.own.Load(); c != nil && !c.outgoing.Empty() {
		return true
	}
	return !s.ns.scope.outgoing.Empty() || s.ns.parent != nil && !s.ns.parent.scope.outgoing.Empty()
}

// tell calls the listeners to outgoing events. Their panics are logged.
func (s *Socket) tell(f *frames) {
	out := f.outgoing()
	if out == nil {
		return
	}
	out.to, out.heard = s, f.heard
	for at := range scopes {
		if c := scopeOf(s, at); c != nil {
			for _, f := range c.outgoing.All() {
				s.guard("OnAnyOutgoing", func() { (*f)(s, out) })
			}
		}
	}
}

func (s *Socket) transmit(f *frames) error {
	held, err := holdBack(s, f, false)
	switch {
	case held:
	case f.newest != nil || f.written != nil:
		err = enqueueWith(s, f, false)
	case f.binary == nil:
		err = s.sess.Send(f.text)
	default:
		err = s.sess.Send(f.messages(s.conn)...)
	}
	if (held || f.newest != nil || f.written != nil) && errors.Is(err, engine.ErrSlowConsumer) {
		(*engine.Layer)(s.sess).Overflow()
	}
	return sendError(err)
}

func (s *Socket) sendVolatile(f *frames) (sent bool) {
	if s.connected() && s.tells() {
		s.tell(f)
	}
	if s.ns.recovery != nil {
		return s.ns.recovery.sendVolatile(s, f)
	}
	return s.connected() && s.transmitVolatile(f)
}

func (s *Socket) transmitVolatile(f *frames) (sent bool) {
	if f.void {
		return false
	}
	if held, err := holdBack(s, f, true); held {
		if err == errDropped { //nolint:errorlint // as it is
			observeDropped(s, f)
		}
		return err == nil
	}
	if f.newest != nil || f.written != nil {
		return enqueueWith(s, f, true) == nil
	}
	if f.binary == nil {
		return s.sess.SendVolatile(f.text)
	}
	return s.sess.SendVolatile(f.messages(s.conn)...)
}

// observeDropped tells the Observer of a volatile event that holdBack has dropped.
func observeDropped(s *Socket, f *frames) {
	if o := s.ns.srv.observer.Load(); o != nil {
		o.dropped(DropEvent{Policy: DropPolicyWelcome, Messages: 1 + len(f.binary)})
	}
}

// reply sends a packet that is no event.
func reply(c *conn, t parser.Type, namespace string, data []byte) {
	if t == parser.ConnectError && c.old() {
		data = eio3.Refusal(data)
	}
	if f, ok := sealedPacket(c.srv, parser.Packet{Type: t, Namespace: namespace, Data: data}); ok {
		_ = c.sess.Send(f.messages(c)...) // a connection that is gone needs no answer
	}
}

// Writable reports whether the client keeps up: at most 64 KB of what was sent over its
// connection, to all its namespaces, wait on this server. It is for data of which a slow
// client is to get less; [Broadcast.Volatile] skips single events.
func (s *Socket) Writable() bool {
	low, err := (*engine.Layer)(s.sess).Low()
	return s.state.Load() != disconnected && low == nil && err == nil
}

// Queued returns how many bytes wait to be written to the client's connection, for all
// its namespaces: what was sent before Queued returns 0 was taken by the operating system
// or, on polling, was written as the response to a poll.
func (s *Socket) Queued() int64 { return (*engine.Layer)(s.sess).Queued() }

// RoundTrip returns how long the client has taken to answer the last ping that it has
// answered: from the moment that the server has sent the ping until it has read the pong. So
// what waits in between counts, such as larger messages before the ping, or handlers that
// the connection is not read for. The server pings each PingInterval; until the first answer
// RoundTrip returns 0. It is always 0 for a client of Socket.IO 2.x, which sends the pings
// itself. Pings are of the connection: the sockets of several namespaces share them.
func (s *Socket) RoundTrip() time.Duration { return (*engine.Layer)(s.sess).RoundTrip() }

// WaitWritable waits until [Socket.Writable] is true: call it before each part of a stream,
// and a client of any speed gets the whole stream without filling Limits.SendBuffer. A part
// should be no larger than a few hundred KB. WaitWritable returns [ErrClosed] when the
// socket is disconnected, and the cause of ctx when that ends first. A client that takes
// nothing for Limits.WriteTimeout is disconnected meanwhile. Handlers may call WaitWritable;
// the next events of the socket wait for them, as ever.
func (s *Socket) WaitWritable(ctx context.Context) error {
	gone := s.Context().Done()
	welcome(s)                      // this may be a hook of its own
	(*engine.Layer)(s.sess).Yield() // or the reader's own goroutine, which writes, too
	for {
		low, err := (*engine.Layer)(s.sess).Low()
		switch {
		case err != nil, s.state.Load() == disconnected: // the session ends before its sockets
			return ErrClosed
		case low == nil:
			return nil
		}
		select {
		case <-low:
		case <-gone:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
