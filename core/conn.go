package socketio

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/apperror"
	"github.com/gosio/gosio/core/internal/backlog"
	"github.com/gosio/gosio/core/internal/past"
	"github.com/gosio/gosio/core/parser"
)

// conn is the connection of one client: an Engine.IO session, and the sockets that
// share it, one per namespace. It implements engine.Receiver.
type conn struct {
	srv       *Server
	sess      *engine.Session
	handshake *Handshake

	// Used by whoever reads only.
	decoder parser.Decoder
	custom  Decoder // of Options.Parser, instead; nil: decoder

	mu       sync.Mutex
	sockets  []*Socket     // connecting and connected; most clients have one
	past     *past.Past    // namespaces that it is not in; made on demand
	timer    *engine.Timer // ends a connection that is in no namespace
	attached *deadline     // ends one whose attachments do not come
	backlog  backlog.Backlog
	closed   bool
	barred   bool // close was called: none of its sockets is to be recovered
}

// The ways in which a client breaks the protocol. Each closes the connection.
var (
	errNotJoined     = errors.New("socketio: packet for a namespace that was not joined")
	errJoinedTwice   = errors.New("socketio: namespace joined twice")
	errDirection     = errors.New("socketio: packet that only servers send")
	errAuthTooLarge  = errors.New("socketio: auth payload is too large (Limits.Auth)")
	errNamespaces    = errors.New("socketio: too many namespaces (Limits.Namespaces)")
	errNoAttachments = errors.New("socketio: attachments did not arrive in time (Limits.AttachmentTimeout)")
)

func newConn(srv *Server, s *engine.Session, h *Handshake) *conn {
	c := &conn{srv: srv, sess: s, handshake: h, decoder: parser.Decoder{Limits: &srv.limits}}
	if srv.opts.Parser != nil {
		if c.custom = srv.opts.Parser.NewDecoder(&srv.limits); c.custom == nil {
			c.custom = noDecoder{}
		}
	}
	c.timer = srv.engine.AfterFunc(srv.opts.ConnectTimeout, c.closeIdle)
	return c
}

// LogValue implements slog.LogValuer for the log of the engine: the address of the
// client.
func (c *conn) LogValue() slog.Value { return slog.StringValue(apperror.Clip(c.handshake.Address)) }

// old reports a client of Socket.IO 2.x, which speaks revision 3 of Engine.IO: see
// Options.AllowEIO3.
func (c *conn) old() bool { return c.sess.Protocol() == 3 }

// socketID returns the id of a new socket. An old client derives the id from that of
// the session.
func (c *conn) socketID(ns *Namespace) string {
	switch {
	case !ns.srv.opts.AllowEIO3 || !c.old():
		return newID()
	case ns.name == parser.DefaultNamespace:
		return c.sess.ID()
	}
	return ns.name + "#" + c.sess.ID()
}

// closeIdle ends a connection that is in no namespace for too long.
func (c *conn) closeIdle() {
	c.mu.Lock()
	busy := slices.ContainsFunc(c.sockets, (*Socket).connected)
	if busy { // about to be noted; forget starts the time anew
		c.timer = nil
	}
	c.mu.Unlock()
	if !busy {
		c.sess.Close()
	}
}

// socket returns the socket of a namespace. left reports that the socket has left: the
// client may have sent the packet before it learned that. The reference closes the
// connection then, and so disconnects the client from all namespaces.
func (c *conn) socket(namespace string) (s *Socket, left bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s = c.socketLocked(namespace); s != nil {
		return s, false
	}
	return nil, c.past.Has(namespace)
}

func (c *conn) socketLocked(namespace string) *Socket {
	for _, s := range c.sockets {
		if s.ns.name == namespace {
			return s
		}
	}
	return nil
}

// forget removes a socket from the connection, and reports whether the socket was
// there. It starts ConnectTimeout for a connection without sockets.
func (c *conn) forget(s *Socket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.sockets, s)
	if i < 0 {
		return false
	}
	c.sockets = slices.Delete(c.sockets, i, i+1)
	c.departLocked(s.ns.name)
	if len(c.sockets) == 0 && !c.closed && c.timer == nil {
		c.timer = c.srv.engine.AfterFunc(c.srv.opts.ConnectTimeout, c.closeIdle)
	}
	return true
}

// joined stops ConnectTimeout if the connection has a connected socket.
func (c *conn) joined() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil && slices.ContainsFunc(c.sockets, (*Socket).connected) {
		c.timer.Stop()
		c.timer = nil
	}
}

// departLocked remembers a namespace that the connection has left, for which the client
// may still send packets.
func (c *conn) departLocked(namespace string) {
	if c.past == nil {
		c.past = new(past.Past)
	}
	c.past.Depart(namespace, min(c.srv.opts.Limits.Namespaces, 1024))
}

// awaitAttachments starts or stops Limits.AttachmentTimeout.
func (c *conn) awaitAttachments(pending bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !pending && c.attached != nil:
		c.attached.Stop()
		c.attached = nil
	case pending && c.attached == nil && !c.closed:
		wait := c.srv.opts.Limits.AttachmentTimeout
		by := time.Now().Add(wait) // before the timer runs, or it might find itself early
		c.attached = &deadline{c.srv.engine.AfterFunc(wait, c.noAttachments), by}
	}
}

// deadline is a timer that can be extended.
type deadline struct {
	*engine.Timer
	by time.Time // an earlier call is stale
}

// extendAttachmentsLocked restarts Limits.AttachmentTimeout.
func (c *conn) extendAttachmentsLocked() {
	c.attached.by = time.Now().Add(c.srv.opts.Limits.AttachmentTimeout)
	c.attached.Reset(c.srv.opts.Limits.AttachmentTimeout)
}

// noAttachments closes a connection whose attachments are late, unless the server has
// not read the connection meanwhile.
func (c *conn) noAttachments() {
	c.mu.Lock()
	if c.attached != nil && (c.backlog.Held() || c.past.Pausing()) {
		c.extendAttachmentsLocked()
	}
	stale := c.attached == nil || time.Now().Before(c.attached.by)
	c.mu.Unlock()
	if stale {
		return
	}
	c.sess.Fail(errNoAttachments)
}

// close disconnects all sockets of the connection, and closes the connection after the
// queued messages are sent.
func (c *conn) close() {
	c.mu.Lock()
	c.barred = true
	sockets := slices.Clone(c.sockets)
	c.mu.Unlock()
	for _, s := range sockets {
		s.leaveNamespace()
	}
	c.sess.Close()
}

// isBarred reports whether the application has closed the connection. A socket that is
// about to join must not recover a session then.
func (c *conn) isBarred() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.barred
}
