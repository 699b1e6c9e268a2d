package socketio

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/roster"
	"github.com/gosio/gosio/core/parser"
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
	inbox    *inbox
	running  bool                // a dispatcher takes jobs from inbox, or is going to
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

// ID is the socket's public id: 20 characters. It is new after a reconnection,
// unless the connection state is recovered: then the socket that middleware has
// seen under an id of its own gets back the one that it had before. Do not keep
// the id in middleware when Options.Recovery is set; hooks of OnConnect may.
func (s *Socket) ID() string {
	if s.track == nil {
		return s.id
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id
}

// Recovered reports whether the socket goes on with a session that had lost
// its connection: with its id, rooms and values, and the events that it had
// missed. It is false in middleware. See [Recovery].
func (s *Socket) Recovered() bool { return s.track != nil && s.track.recovered.Load() }

// Namespace returns the namespace the socket is in.
func (s *Socket) Namespace() *Namespace { return s.ns }

// Handshake returns what the socket's connection began with.
func (s *Socket) Handshake() *Handshake { return s.handshake }

// Transport is the name of the transport in use: "polling" or "websocket".
func (s *Socket) Transport() string { return s.sess.Transport() }

// Subprotocol is the WebSocket subprotocol of the connection, as
// Options.Subprotocol has chosen it; "" if there is none, and on polling.
func (s *Socket) Subprotocol() string { return s.sess.Subprotocol() }

// Connected reports whether the socket has joined and not left.
func (s *Socket) Connected() bool { return s.connected() }

func (s *Socket) connected() bool { return s.state.Load() == connected }

// Context ends when the socket is disconnected; its cause is then a
// [*DisconnectError]. Handlers get it, or one derived from it. To finish work
// for a client that has left, use context.WithoutCancel.
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

// SetIdentity says who the client is; authentication middleware calls it.
func (s *Socket) SetIdentity(id string) {
	s.mu.Lock()
	s.identity = id
	s.mu.Unlock()
}

// Identity is who the client is, or empty.
func (s *Socket) Identity() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identity
}

// On registers a handler for this socket only. It shadows the namespace's
// handler of the same event. Otherwise it is like [Namespace.On].
func (s *Socket) On(event string, handler any) (off func()) {
	h := newHandler(event, handler)
	h.scope = inSocket
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handlers.addLocked(event, h, &s.mu)
}

// Join puts the socket into rooms. It fails when it is in too many, when a
// name is too long, and with [ErrClosed] when it is disconnected. With an adapter that
// subscribes by room, Join of a room that this server does not have yet returns when
// that is confirmed, after 5 seconds at the latest: call it in a goroutine of its own
// from listeners of [Namespace.OnRoom] and hooks of [Namespace.OnGap], which may run on
// the adapter's. Without such an adapter Join never blocks.
func (s *Socket) Join(rooms ...string) error {
	if slices.ContainsFunc(rooms, s.ns.srv.opts.Limits.tooLong) {
		return ErrRoomName // before the adapter hears of it
	}
	if subs := s.ns.rooms.subs; subs != nil && s.connected() && !s.ns.rooms.full(s, s.ns.srv.opts.Limits.Rooms) {
		subs.Await(s.Context(), rooms...)
		defer subs.Release(rooms...)
	}
	return s.joinNow(rooms)
}

// joinNow is Join that waits for nobody.
func (s *Socket) joinNow(rooms []string) error {
	if slices.ContainsFunc(rooms, s.ns.srv.opts.Limits.tooLong) {
		return ErrRoomName
	}
	limit := s.ns.srv.opts.Limits.Rooms
	s.mu.Lock()
	switch s.state.Load() {
	case disconnected:
		s.mu.Unlock()
		return ErrClosed
	case connecting:
		defer s.mu.Unlock()
		for _, r := range rooms {
			if r != s.id && !joinEarlyLocked(s, r, limit) {
				return ErrTooManyRooms
			}
		}
		return nil
	}
	s.mu.Unlock()
	if err := s.ns.rooms.join(s, rooms, limit); err != nil {
		return err
	}
	if !s.connected() { // it left meanwhile; nothing may stay behind
		s.leaveAll()
		return ErrClosed
	}
	return nil
}

// leaveAll takes a disconnected socket out of its rooms, which Rooms still
// tells. Join and close may both come to do it. Listeners of the rooms hear of it
// last: they may end the goroutine.
func (s *Socket) leaveAll() {
	rooms := s.ns.rooms.remove(s)
	s.mu.Lock()
	s.rooms = append(s.rooms, rooms...)
	s.mu.Unlock()
	s.ns.rooms.tell()
}

// Leave takes the socket out of rooms.
func (s *Socket) Leave(rooms ...string) {
	s.mu.Lock()
	if s.state.Load() == connecting {
		leaveEarlyLocked(s, rooms)
	}
	s.mu.Unlock()
	if r := s.ns.recovery; r.sequenced() && leaveBehind(r, s, slices.Clone(rooms)) {
		return
	}
	for _, r := range rooms {
		s.ns.rooms.leave(s, r)
	}
}

// Rooms returns the rooms that the socket is in or, when it is disconnected,
// was in at the end. The one that it has for itself, named by its id, is not
// among them.
func (s *Socket) Rooms() []string {
	if s.connected() {
		return s.ns.rooms.of(s)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rooms)
}

// InRoom reports whether Rooms has the room, or the room is the socket's own.
func (s *Socket) InRoom(room string) bool {
	if room == s.ID() {
		return true
	}
	if s.connected() {
		return s.ns.rooms.has(s, room)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.rooms, room)
}

// Broadcast returns a broadcast to all sockets of the namespace but this one.
func (s *Socket) Broadcast() Broadcast { return s.ns.Except(s.ID()) }

// To returns a broadcast to the sockets in at least one of the rooms, but not
// to this one; with no room, to nobody.
func (s *Socket) To(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// In is To.
func (s *Socket) In(rooms ...string) Broadcast { return s.To(rooms...) }

// Except returns a broadcast to the sockets that are in none of the rooms,
// but not to this one.
func (s *Socket) Except(rooms ...string) Broadcast { return s.Broadcast().Except(rooms...) }

// Disconnect makes the socket leave its namespace, with
// [ReasonServerNamespaceDisconnect]; with closeConn, so do all sockets of its
// connection, which is then closed once what is queued is sent. The stock
// client does not reconnect by itself after that, and the session is not recovered.
func (s *Socket) Disconnect(closeConn bool) {
	if closeConn {
		s.conn.close()
		return
	}
	s.leaveNamespace()
}

// CloseTransport closes the client's connection, once what is queued is sent,
// without a word to its namespaces: to the stock client that is "transport
// close", and it reconnects by itself, with fresh auth. All sockets of the
// connection are disconnected with [ReasonForcedClose], and their sessions can be recovered
// unless [Socket.EndSession] was called.
func (s *Socket) CloseTransport() {
	s.welcome()
	s.sess.Close()
}

// Siblings returns the sockets, this one included, of the namespaces that the
// client has joined over the same connection.
func (s *Socket) Siblings() []*Socket {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.conn.sockets), func(o *Socket) bool { return !o.connected() })
}

func (s *Socket) leaveNamespace() {
	if !s.connected() { // middleware refuses by its error
		return
	}
	s.welcome() // it has to know what it leaves
	if s.close(ReasonServerNamespaceDisconnect) && s.conn.forget(s) {
		s.conn.reply(parser.Disconnect, s.ns.name, nil)
	}
}

// close is the one transition to disconnected. Events that came before still
// run, then the hooks of OnDisconnect. It reports whether this call was it.
func (s *Socket) close(reason Reason) bool {
	var was int32
	var cancel context.CancelCauseFunc
	if s.ns.recovery == nil {
		was, cancel = s.end(reason)
	} else {
		was, cancel = endOrdered(s, reason)
	}
	if was == disconnected {
		return false
	}
	defer func() { // also when a listener of the rooms ends this goroutine
		if cancel != nil {
			cancel(&DisconnectError{reason})
		}
		s.failAcks(&DisconnectError{reason})
		switch {
		case was == connected:
			s.enqueue(&job{kind: jobDisconnect, reason: reason})
		case s.conn.missTurn(s):
			s.discard()
		}
	}()
	switch {
	case was != connected:
	case s.ns.recovery == nil:
		s.leaveAll()
	default:
		s.ns.rooms.tell()
	}
	return true
}

// end changes the state only. It returns the one before.
func (s *Socket) end(reason Reason) (was int32, cancel context.CancelCauseFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was = s.state.Swap(disconnected)
	if was != disconnected {
		s.reason = reason
	}
	return was, s.cancel
}

// Protocol is the revision of Engine.IO that the client speaks: 4, or 3 for a
// client of Socket.IO 2.x, which Options.AllowEIO3 lets in.
func (s *Socket) Protocol() int { return s.conn.sess.Protocol() }

// LogValue implements slog.LogValuer: the id or, for a client of protocol 3,
// whose id is its session's, a piece of a hash of that.
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

// Once is On for a handler that runs once. See [Namespace.Once].
func (s *Socket) Once(event string, handler any) (off func()) {
	return s.handlers.once(event, handler, inSocket, &s.mu)
}

// OnAny adds a listener to all events that come in by this socket. See
// [Namespace.OnAny].
func (s *Socket) OnAny(f func(s *Socket, in *Incoming)) (off func()) {
	notNil("OnAny", f == nil)
	return s.ownScope().incoming.Add(f)
}

// OnAnyOutgoing adds a listener to all events that go out to this socket,
// broadcasts included. See [Namespace.OnAnyOutgoing].
func (s *Socket) OnAnyOutgoing(f func(s *Socket, out *Outgoing)) (off func()) {
	notNil("OnAnyOutgoing", f == nil)
	return s.ownScope().outgoing.Add(f)
}

// UseEvent adds middleware around the handlers of this socket's events, inside
// that of the namespace. Otherwise it is like [Namespace.UseEvent].
func (s *Socket) UseEvent(m func(next EventHandler) EventHandler) {
	notNil("UseEvent", m == nil)
	s.ownScope().events.Add(m)
}

// EndSession bars the socket's session from recovery: nobody goes on with it
// when the socket is disconnected, for whatever reason, or has been already. Call
// it when the client may not have back what it had, after a logout for instance,
// before [Socket.CloseTransport]. [Socket.Disconnect] and
// [Broadcast.DisconnectSockets] do so by themselves. In middleware it also gives
// the client a fresh session instead of the one that it asks for. Without
// Options.Recovery it does nothing. It may be called concurrently, more than once,
// and after the disconnect; when another socket has gone on with the session
// already, that one keeps it.
func (s *Socket) EndSession() {
	if s.track == nil {
		return
	}
	r := s.ns.recovery
	r.mu.Lock()
	defer r.unlock()
	s.track.barred = true
	if e := r.stored[s.track.pid]; e != nil {
		if sess := e.Value.(*session); sess.left == s.track.left {
			r.forgetLocked(sess)
		}
	} else if s.track.shared {
		s.track.shared = false
		r.withdraw(s.track.pid)
	}
}

// RecoverIf adds a condition for the recovery of this socket's session: when its
// connection is lost and a client comes back for it, may is asked with the new
// socket, which has passed its middleware and has the same identity, and whose rooms
// and values are those that its middleware has given it. Unless may returns true
// the client gets a fresh session. All conditions have to hold. They belong to
// this socket: the next one, also if it goes on with the session, sets its own.
//
// Use it for what was decided once and may not hold any more: has this token been
// revoked meanwhile, is the role still the same? may is called after the hooks of
// OnDisconnect have run, on a goroutine of its own, with no lock held. ctx ends
// when the new client is gone and after Limits.MiddlewareTimeout, which is a
// no; so is a panic. The client does not wait any longer: may should return then, and
// counts against Limits.Namespaces of the connection until it does. What may refers to is kept with the session, so let
// it refer to little. Without Options.Recovery RecoverIf does nothing.
func (s *Socket) RecoverIf(may func(ctx context.Context, next *Socket) bool) {
	if may == nil {
		panic("socketio: RecoverIf: the function is nil")
	}
	if s.track == nil {
		return
	}
	s.mu.Lock()
	s.track.conditions = append(s.track.conditions, may)
	s.mu.Unlock()
}
