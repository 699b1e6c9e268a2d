package socketio

import (
	"bytes"
	"log/slog"

	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/internal/inbox"
	"github.com/gosio/gosio/core/parser"
)

// connect makes the socket for a CONNECT packet. Middleware runs on the dispatcher of
// the new socket, and events that follow at once wait behind the middleware. The
// reference closes the connection of a client that does not wait for the answer.
func (c *conn) connect(p *parser.Packet) error {
	if len(p.Data) > c.srv.opts.Limits.Auth {
		return errAuthTooLarge
	}
	if again, err := c.mayConnect(p); again || err != nil {
		return err
	}
	handshake := c.handshake.with(p.Data)
	ns := c.srv.holdFor(p.Namespace, handshake)
	if ns == nil {
		c.noNamespace(p.Namespace)
		return nil
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		ns.release()
		return nil
	}
	c.past.Forget(p.Namespace)
	s := newSocket(ns, c, handshake)
	c.sockets = append(c.sockets, s)
	connect := &inbox.Job{Kind: inbox.Connect, Packet: parser.Packet{Data: handshake.Auth}}
	c.backlog.Add(connect.Size())
	push(s, connect)
	turn := c.takeTurnLocked(s)
	c.mu.Unlock()
	if turn {
		startDispatcher(s)
	}
	return nil
}

// mayConnect checks a CONNECT packet. Only the reader adds sockets, so the result stays
// valid. again reports that the client has sent the same CONNECT packet before, as
// clients do that connect from two threads: such a client gets the same answer again.
// The reference closes the connection, or makes a second socket if the first has not
// joined yet. A CONNECT packet with another auth payload means that the client has left
// before it got an answer, without a DISCONNECT packet; after the answer it is an
// error.
func (c *conn) mayConnect(p *parser.Packet) (again bool, err error) {
	c.mu.Lock()
	s := c.socketLocked(p.Namespace)
	full := len(c.sockets) >= c.srv.opts.Limits.Namespaces
	c.mu.Unlock()
	switch {
	case s == nil && full:
		return false, errNamespaces
	case s == nil:
		return false, nil
	case bytes.Equal(s.handshake.Auth, p.Data):
		c.srv.log.Debug("socketio: second CONNECT for one namespace", "namespace", apperror.Clip(p.Namespace))
		if welcomed(s) {
			reply(c, parser.Connect, p.Namespace, joinedAs(s))
		}
		return true, nil
	case welcomed(s):
		return false, errJoinedTwice
	}
	c.forget(s)
	s.close(ReasonClientNamespaceDisconnect)
	return false, nil
}

// noNamespace refuses a client that has asked for a namespace that does not exist.
func (c *conn) noNamespace(name string) {
	c.mu.Lock()
	c.departLocked(name)
	c.past.Refuse()
	c.mu.Unlock()
	c.srv.note(slog.LevelWarn, "no namespace", "socketio: a client asks for a namespace that does not exist: Server.Of makes one before clients come",
		slog.String("namespace", apperror.Clip(name)))
	observeNoNamespace(c.srv)
	reply(c, parser.ConnectError, name, []byte(`{"message":"Invalid namespace"}`))
}

// observeNoNamespace tells of a client that has asked for one that does not exist.
func observeNoNamespace(srv *Server) {
	if o := srv.observer.Load(); o != nil {
		o.namespace(NamespaceEvent{Step: NamespaceStepRefused, Err: ErrNoNamespace})
	}
}
