package socketio

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"hash/maphash"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/inbox"
	"github.com/gosio/gosio/core/internal/roster"
)

// The states of a socket; it only ever moves forward.
const (
	connecting int32 = iota // middleware runs
	connected
	disconnected
)

// Socket is one client in one namespace. Its methods may be called
// concurrently. Its handlers run one after another, in the order in which the
// client sent the events.
type Socket struct {
	// What a broadcast needs, together: see engine.Session.Warm.
	ns      *Namespace
	conn    *conn
	sess    *engine.Session // conn's
	state   atomic.Int32
	holding atomic.Bool           // see welcome.go
	own     atomic.Pointer[scope] // nil: never used
	track   *track                // for recovery; nil: off

	id        string
	handshake *Handshake

	seat     roster.Seat[*Socket] // guarded by ns.rooms.mu
	admitted bool                 // by the middleware; used by the dispatcher only

	mu       sync.Mutex
	inbox    inbox.Queue
	waits    bool                // for its turn, guarded by conn.mu
	early    []frames            // emitted by middleware; sent after CONNECT
	held     []frames            // see welcome.go
	rooms    []string            // joined by middleware, then: those at disconnect
	known    map[string]struct{} // rooms that middleware has joined, while they are many
	handlers handlers
	values   []value
	identity string
	ctx      context.Context
	cancel   context.CancelCauseFunc
	reason   Reason // of the disconnect
	acks     map[uint64]chan<- ackResult
}

func newSocket(ns *Namespace, c *conn, h *Handshake) *Socket {
	s := &Socket{ns: ns, conn: c, sess: c.sess, id: c.socketID(ns), handshake: h}
	if ns.recovery != nil {
		s.track = ns.recovery.newTrack()
		s.track.barred = c.old() // its client cannot ask for it
	}
	return s
}

// newID returns a public socket id: 15 random bytes are 20 characters, the
// length by which servers in a cluster recognise ids.
func newID() string {
	var b [15]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// ID returns the public id of the socket: 20 characters. A client that reconnects has a
// socket with a new id, unless its connection state is recovered: then the socket has a
// new id while middleware runs, and the former id from then on. With Options.Recovery
// middleware must not store the id; hooks of OnConnect may.
func (s *Socket) ID() string {
	if s.track == nil {
		return s.id
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// Recovered reports whether the socket continues a session whose connection was lost,
// with the id, the rooms, the values and the missed events of that session. Recovered
// returns false in middleware. See [Recovery].
func (s *Socket) Recovered() bool { return s.track != nil && s.track.recovered.Load() }

// Namespace returns the namespace the socket is in.
func (s *Socket) Namespace() *Namespace { return s.ns }

// Handshake returns a snapshot of the request that has opened the connection.
func (s *Socket) Handshake() *Handshake { return s.handshake }

// Transport returns the name of the transport in use: "polling", "websocket" or
// "webtransport".
func (s *Socket) Transport() string { return s.sess.Transport() }

// Subprotocol returns the WebSocket subprotocol that Options.Subprotocol has chosen; ""
// if there is none, and on polling.
func (s *Socket) Subprotocol() string { return s.sess.Subprotocol() }

// Connected reports whether the socket has joined and not left.
func (s *Socket) Connected() bool { return s.connected() }

func (s *Socket) connected() bool { return s.state.Load() == connected }

// Context returns a context that ends when the socket is disconnected, with a
// [*DisconnectError] as its cause. Handlers get this context, or a context derived from
// it. Use context.WithoutCancel to finish work for a client that has disconnected.
func (s *Socket) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		s.ctx, s.cancel = context.WithCancelCause(context.Background())
		if s.state.Load() == disconnected {
			s.cancel(&DisconnectError{s.reason})
		}
	}
	return s.ctx
}

// SetIdentity stores the identity of the client, such as a user's id. Authentication
// middleware calls it.
func (s *Socket) SetIdentity(id string) {
	s.mu.Lock()
	changed := s.identity != id
	s.identity = id
	s.mu.Unlock()
	if o := s.ns.srv.observer.Load(); o != nil && changed && s.connected() {
		o.value(ValueEvent{Socket: s, Identity: true})
	}
}

// Identity returns the identity that SetIdentity has stored, or "".
func (s *Socket) Identity() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identity
}

// Snapshot returns the socket as [Broadcast.FetchSockets] does. A socket in middleware
// has the rooms and values that it has so far.
func (s *Socket) Snapshot() RemoteSocket {
	info, data := socketInfo(s)
	return RemoteSocket{ns: s.ns, local: s, info: &info, data: data}
}

// On registers a handler for this socket only, which replaces the namespace's handler
// of the event. Otherwise On is like [Namespace.On].
func (s *Socket) On(event string, handler any) (off func()) {
	h := newHandler(event, handler)
	h.scope = inSocket
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handlers.addLocked(event, h, &s.mu)
}

// Siblings returns all sockets of the connection, one for each namespace that the
// client has joined, with this socket.
func (s *Socket) Siblings() []*Socket {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.conn.sockets), func(o *Socket) bool { return !o.connected() })
}

// connections makes the numbers of [Socket.Connection].
var connections = maphash.MakeSeed()

// Connection returns a number that identifies the connection of the socket in this
// process. Use the number to count a client once that joins several namespaces, or that
// leaves a namespace and joins again. The number is no secret.
func (s *Socket) Connection() uint64 { return connectionOf(s.sess) }

func connectionOf(s *engine.Session) uint64 { return maphash.String(connections, s.ID()) }

// Protocol returns the revision of Engine.IO that the client uses: 4, or 3 for a client
// of Socket.IO 2.x (Options.AllowEIO3).
func (s *Socket) Protocol() int { return s.conn.sess.Protocol() }

// LogValue implements slog.LogValuer: the id. For a client of Socket.IO 2.x, whose id
// is the secret id of its session, it is a part of a hash of the id.
func (s *Socket) LogValue() slog.Value {
	if s.conn.old() {
		return s.conn.sess.LogValue()
	}
	return slog.StringValue(s.ID())
}

// attrs names the socket in a log line.
func (s *Socket) attrs(more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{slog.Any("namespace", s.ns), slog.Any("socket", s)}, more...)
}

// Once is like On for a handler that runs once. See [Namespace.Once].
func (s *Socket) Once(event string, handler any) (off func()) {
	return s.handlers.once(event, handler, inSocket, &s.mu)
}

// OnAny adds a listener to all incoming events of this socket. See [Namespace.OnAny].
func (s *Socket) OnAny(f func(s *Socket, in *Incoming)) (off func()) {
	notNil("OnAny", f == nil)
	return ownScope(s).incoming.Add(f)
}

// OnAnyOutgoing adds a listener to all outgoing events of this socket, broadcasts
// included. See [Namespace.OnAnyOutgoing].
func (s *Socket) OnAnyOutgoing(f func(s *Socket, out *Outgoing)) (off func()) {
	notNil("OnAnyOutgoing", f == nil)
	return ownScope(s).outgoing.Add(f)
}

// UseEvent adds middleware around the handlers of this socket, inside of that of the
// namespace. Otherwise UseEvent is like [Namespace.UseEvent].
func (s *Socket) UseEvent(m func(next EventHandler) EventHandler) {
	notNil("UseEvent", m == nil)
	ownScope(s).events.Add(m)
}

// guard runs a hook of the application.
func (s *Socket) guard(what string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(what, p)
			s.closePanicked()
		}
	}()
	f()
}

// panicked logs a panic once, with its stack; it goes no further.
func (s *Socket) panicked(what string, p any, attrs ...slog.Attr) {
	s.ns.srv.notePanic(what, p, s.attrs(attrs...)...)
}

func (s *Socket) closePanicked() {
	if s.ns.srv.opts.ClosePanicked {
		s.conn.close()
	}
}

// value is one entry of a socket's few values.
type value struct {
	key, val any
	granted  bool // first set before the socket had joined: the handshake's, see recovery_grant.go
}

// distantKey is the name of a shared key whose value has come with a session from
// another server, as JSON: until the key itself is used.
type distantKey string

func (k distantKey) sharedAs() string { return string(k) }

// is reports whether two values are of one key.
func (v value) is(w value) bool { return v.key == w.key || v.distant(w.key) || w.distant(v.key) }

// distant reports whether the value has come from another server for a key.
func (v value) distant(key any) bool {
	d, ok := v.key.(distantKey)
	return ok && string(d) == key.(interface{ sharedAs() string }).sharedAs()
}
