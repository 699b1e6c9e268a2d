package socketio

import (
	linked "container/list"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/crowd"
	"github.com/gosio/gosio/core/internal/history"
)

// Recovery configures connection state recovery: a client that loses its
// connection and comes back in time goes on with its session. It keeps its id, the
// rooms and the values of keys that the application has given it, and gets the events
// that it has missed, each once and in order, before anything new. On the client
// socket.recovered is then true, here [Socket.Recovered]. In all other cases
// the client gets a fresh session, as without recovery. Zero values mean the
// defaults, negative ones no limit. All bounds but MaxDisconnection are per
// namespace. See
// https://socket.io/docs/v4/connection-state-recovery.
//
// Recovered are events of [Socket.Emit] and of broadcasts; not volatile ones,
// and not those that wait for an acknowledgement, which fail with the
// connection. Of events that replace each other ([Broadcast.Latest]) the newest are. One for which Emit has failed with [ErrSlowConsumer] is recovered, too.
// [Broadcast.SocketsJoin], SocketsLeave and DisconnectSockets reach
// clients that are away, too. Each event carries one more argument, a string: the
// client's offset, which stock clients hand to their listeners as well.
//
// Middleware always runs, and the identity that it gives the socket must be the
// one of the session; otherwise the session is fresh. What middleware decides holds
// for one handshake: rooms that it has joined and values that it has set are not
// restored, the middleware of the new handshake joins and sets them anew. Events that
// were missed in a room which the new middleware does not join are not replayed. Rooms
// and values that a socket got later, from hooks of OnConnect on, are the
// application's: they are restored, and so are those of [Broadcast.SocketsJoin].
// Handlers of [Socket.On] and acknowledgements under way are not. More conditions
// are for [Socket.RecoverIf]. [Namespace.OnConnect] hooks run after a recovery as
// after any connect. Before them the OnDisconnect hooks of the lost connection have
// ended. When that takes longer than 5 s the session is fresh.
//
// A session is kept after the reasons [ReasonTransportClose], [ReasonTransportError],
// [ReasonPingTimeout], [ReasonForcedClose] and [ReasonServerShuttingDown], but not when
// [Socket.EndSession], [Socket.Disconnect] or [Broadcast.DisconnectSockets] has
// ended it, here or on another server; when the client comes
// back before this server has noticed the loss, its old connection is closed with
// TransportClose. It is not recovered after an offset that was not kept long enough,
// nor when what was missed would fill more than half of Limits.SendBuffer.
//
// The children of a parent share MaxBytes and MaxSessionBytes: over MaxBytes the one
// whose events fill most gives way. Each has the other bounds for itself, and stays for as long as one
// of its sessions is kept; when there are more than Limits.ChildNamespaces, the one
// goes first that nobody has been in for longest.
//
// Sessions and events are in this server's memory. With an Adapter that shares a log,
// see [adapter.Sequencer], every server has the events of all in the same order, and what
// Emit sends comes to this server's clients, too, when the log has it: Emit does not wait
// for that, and so does not fail with [ErrSlowConsumer]. If the adapter is an
// [adapter.SessionStore] as well, a client is recovered by any server, with the values of
// shared keys ([NewSharedKey]). A session stays with its own server if a hook or
// handler has set a value of another key, or a condition of [Socket.RecoverIf]. With any other Adapter a client
// is recovered when it comes back to the same server, with the events of all. It is not
// when the adapter has lost some since the last event that the client has got, see
// [Namespace.OnGap].
type Recovery struct {
	// MaxDisconnection is the time that a session is kept. Default 2 min.
	MaxDisconnection time.Duration
	// MaxPackets bounds the events kept. Default 10,000.
	MaxPackets int
	// MaxBytes bounds the events kept, in bytes. Default 16 MB.
	MaxBytes int64
	// MaxSessions bounds the sessions kept. Over it the oldest of the address that has
	// most goes, so that one client cannot push out the sessions of others. IPv6
	// addresses count by their first 64 bits. Default 100,000.
	MaxSessions int
	// MaxSessionBytes bounds the sessions kept, in bytes: the names of their rooms,
	// which clients may choose, above all; values of keys count 64 bytes each. Over
	// it the oldest of the address with most goes, of all children of a parent.
	// Default 64 MB.
	MaxSessionBytes int64
}

// forever is no limit of time. It can be added to another time.
const forever = noTime / 4

func (o Recovery) withDefaults() *Recovery {
	orDefault(&o.MaxDisconnection, 2*time.Minute, forever)
	o.MaxDisconnection = min(o.MaxDisconnection, forever)
	orDefault(&o.MaxPackets, 10_000, noLimit)
	orDefault(&o.MaxBytes, 16<<20, int64(noLimit))
	orDefault(&o.MaxSessions, 100_000, noLimit)
	orDefault(&o.MaxSessionBytes, 64<<20, int64(noLimit))
	return &o
}

// recovery is the connection state recovery of one namespace.
type recovery struct {
	ns     *Namespace
	opts   *Recovery
	epoch  string // begins the offsets of this log and of no other
	began  time.Time
	ticket atomic.Uint64

	// mu makes one step of an event's position and its way into the queues,
	// and of a socket's comings and goings. Nothing under it blocks or calls the
	// application.
	mu       sync.Mutex
	log      history.Log[frames]
	live     map[string]*Socket         // by pid
	stored   map[string]*linked.Element // by pid
	oldest   linked.List                // of *session, by time
	crowd    crowd.Crowd[*session]      // the same, by address; each has size 1
	slow     []*engine.Session          // to be ended when mu is released
	kept     atomic.Int64               // how many are stored
	freed    bool                       // some are not any more: a child may have to go when mu is released
	after    []func()                   // to be called when mu is released
	timer    *time.Timer                // drops what is too old; nil: nothing is kept
	due      time.Duration              // when timer does that
	expected map[string]time.Duration   // rooms that sessions were put into while they were away, until when
	gap      uint64                     // position of the last one that the adapter has reported
	ended    bool                       // the server has shut down, or the child is removed
	share    *share                     // of bounds; a child's is its parent's
	maxAge   time.Duration              // of events
	seq      sequence                   // of an adapter with a log
	shelf    shelf                      // the same
}

// detection is the time that a loss may go unnoticed with the default heartbeat.
const detection = 45 * time.Second

func newRecovery(ns *Namespace) *recovery {
	o := &ns.srv.opts
	notice := detection
	if o.PingInterval > 0 && o.PingTimeout > 0 {
		notice = min(o.PingInterval, forever) + min(o.PingTimeout, forever)
	}
	keep := o.Recovery.MaxDisconnection + min(notice, forever) // what was in flight is older than the disconnect
	r := &recovery{
		ns: ns, opts: o.Recovery, epoch: randomText(4), began: time.Now(),
		ended: ns.srv.over.Load(), live: make(map[string]*Socket), stored: make(map[string]*linked.Element),
	}
	r.shelf.of = r
	sh := new(share)
	r.share, r.maxAge = sh, keep
	r.log.Init(history.Limits{Entries: o.Recovery.MaxPackets, Bytes: o.Recovery.MaxBytes, Age: keep}, &sh.events)
	if o.Adapter != nil {
		r.log.Skip(logStart)
	}
	return r
}

// logStart leaves room for the numbers of what other servers have kept.
const logStart = 1 << 32

func randomText(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails: crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

// keepsAny reports whether sessions are kept: they are in rooms, too, and miss nothing that
// is for them. Under mu a socket has become a session, or has not.
func (r *recovery) keepsAny() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept.Load() > 0
}

func (r *recovery) now() time.Duration { return time.Since(r.began) }

// unlock releases mu, ends the connections whose queues have run over, lets go of
// the namespace for sessions that are not kept any more, and does what is to be done after.
func (r *recovery) unlock() {
	slow, freed, after := r.slow, r.freed, r.after
	r.slow, r.freed, r.after = nil, false, nil
	r.mu.Unlock()
	r.share.keep(r.ns, r.opts)
	if freed && r.ns.parent != nil && r.kept.Load() == 0 {
		r.ns.settle()
	}
	for _, sess := range slow {
		(*engine.Layer)(sess).Overflow()
	}
	for _, f := range after {
		f()
	}
}

// send sends to one connected socket.
func (r *recovery) send(s *Socket, f *frames) error {
	r.mu.Lock()
	if !s.connected() || s.track.parted {
		r.unlock()
		return ErrClosed
	}
	if r.seq.by != nil && (f.open || !r.seq.steps.Empty()) {
		st := r.ownLocked(s, f)
		r.unlock()
		r.handOverOwn(st)
		return nil
	}
	defer r.unlock()
	return r.putLocked(s, f)
}

// ownLocked queues what is for one socket, when there is a log. An event goes to all
// servers: the socket may be on another one by then.
func (r *recovery) ownLocked(s *Socket, f *frames) *waiting {
	own := *f // which else would be on the heap of all who send
	st := &waiting{Value: step{f: &own, s: s}}
	if !f.open {
		r.queueLocked(st)
		return st
	}
	p := f.packet()
	st.Value.op = &adapter.Operation{
		Type: adapter.OpBroadcast, Target: adapter.Target{Rooms: []string{s.id}, Own: true},
		Packet: f.newest.carry(adapter.Packet{Data: p.Data, Attachments: p.Attachments, NoCompress: f.plain}),
	}
	r.numberLocked(st)
	return st
}

// handOverOwn gives what ownLocked has queued to the adapter. An error is one of the
// others': the socket is here.
func (r *recovery) handOverOwn(st *waiting) {
	if st.Value.op != nil {
		_ = r.handOver(st)
	}
}

// putLocked queues what is for one socket only and, if it is an event without
// acknowledgement, keeps it.
func (r *recovery) putLocked(s *Socket, f *frames) error {
	if !f.open {
		return r.postLocked(s, f)
	}
	pos := r.log.Last() + 1
	stampLocked(r, f, pos, "")
	err := r.postLocked(s, f)
	if errors.Is(err, ErrClosed) {
		return err // not kept: the caller is told that it does not arrive
	}
	r.log.Take()
	e := entry{Event: *f, Size: f.size(), Own: s.id}
	e.Event.written = nil
	r.keepLocked(e)
	s.track.sent(pos, "", "")
	return err
}

// entry is one event, or one operation on sockets, in the log.
type entry = history.Entry[frames]

// eventOf is an event that has its offset.
func eventOf(t *adapter.Target, f *frames, position string) entry {
	e := entry{Event: *f, Size: f.size(), Position: position}
	if t.Own && len(t.Rooms) == 1 {
		e.Own = t.Rooms[0]
	} else {
		e.Rooms, e.Except = t.Rooms, t.Except
	}
	return e
}

// entryOf is an operation on sockets, for those that are away.
func entryOf(op *adapter.Operation) entry {
	e := entry{Rooms: op.Target.Rooms, Except: op.Target.Except, Moves: op.Rooms}
	switch op.Type {
	case adapter.OpJoin:
		e.Kind = history.KindJoin
	case adapter.OpLeave:
		e.Kind = history.KindLeave
	default:
		e.Kind = history.KindEnd
	}
	return e
}

// keepLocked adds an entry for the position that was taken last.
func (r *recovery) keepLocked(e entry) {
	e.Event.legacy = nil // for clients that do not come back
	if e.Position == "" && e.Kind == history.KindEvent {
		r.seq.alone = r.log.Last()
	}
	now := r.now()
	r.log.Add(e, now)
	r.armLocked(now, now+r.maxAge)
}

// postLocked queues frames.
func (r *recovery) postLocked(s *Socket, f *frames) error {
	if f.void {
		return nil
	}
	held, err := holdBack(s, f, false)
	switch {
	case held:
	case f.newest != nil || f.written != nil:
		err = enqueueWith(s, f, false)
	case f.binary == nil:
		err = (*engine.Layer)(s.sess).Enqueue(f.text)
	default:
		err = (*engine.Layer)(s.sess).Enqueue(f.messages(s.conn)...)
	}
	err = sendError(err)
	if errors.Is(err, ErrSlowConsumer) {
		r.slow = append(r.slow, s.sess)
	}
	return err
}

// sendVolatile sends what is not kept. Its offset says what is true: the
// client has everything that was queued for it before.
func (r *recovery) sendVolatile(s *Socket, f *frames) (sent bool) {
	r.mu.Lock()
	defer r.unlock()
	if !s.connected() || s.track.parted {
		return false
	}
	if !r.seq.steps.Empty() {
		own := *f
		own.volatile = true
		r.queueLocked(&waiting{Value: step{f: &own, s: s}})
		return true
	}
	if f.open {
		stampLocked(r, f, r.log.Last(), "")
	}
	return s.transmitVolatile(f)
}

// deliver sends to the sockets of this server that the target means. position is the
// event's in the log that the servers of a cluster share, or none.
func (r *recovery) deliver(t *adapter.Target, f *frames, position string, of *tally) (n int) {
	list := matched.Get().(*[]*Socket)
	told := *f // as the application has sent it, without an offset
	r.mu.Lock()
	sockets, n := r.deliverLocked(place{position: position}, t, f, (*list)[:0], of)
	r.unlock()
	tellAll(sockets, &told)
	clear(sockets)
	*list = sockets
	matched.Put(list)
	return n
}

// deliverLocked appends the sockets to dst. n is how many have got the event into their
// queue.
func (r *recovery) deliverLocked(at place, t *adapter.Target, f *frames, dst []*Socket, of *tally) (sockets []*Socket, n int) {
	sockets, pos := r.matchLocked(at, t, f, dst)
	for i, s := range sockets {
		warm(sockets, i)
		if s.track.parted {
			of.recipient(s, ErrClosed)
			continue
		}
		f.written = of.mark()
		var err error // one that is gone, or too slow, is told by its own disconnect
		if !f.volatile {
			err = r.postLocked(s, f)
		} else if !s.transmitVolatile(f) {
			err = errDropped
		}
		if err == nil {
			n++
		}
		of.recipient(s, err)
		if pos > 0 && !f.volatile {
			s.track.sent(pos, at.position, r.seq.at)
		}
	}
	f.written = nil
	return sockets, n
}

// tellAll tells the listeners of sockets of an event.
func tellAll(sockets []*Socket, told *frames) {
	for _, s := range sockets {
		if s.tells() {
			s.tell(told)
		}
	}
}

// matchLocked finds the sockets that a broadcast is for. One that can be recovered
// takes a position, and is kept even if nobody is there.
func (r *recovery) matchLocked(at place, t *adapter.Target, f *frames, dst []*Socket) (sockets []*Socket, pos uint64) {
	if at.position != "" {
		defer r.reachLocked(at.position)
	}
	if f.volatile || !f.open {
		if f.open {
			stampLocked(r, f, r.log.Last(), at.position)
		}
		r.ns.rooms.mu.RLock()
		defer r.ns.rooms.mu.RUnlock()
		return meantLocked(r, at, t, 0, dst), 0
	}
	sockets, pos = r.takeLocked(at, t, dst)
	stampLocked(r, f, pos, at.position)
	r.keepLocked(eventOf(t, f, at.position))
	return sockets, pos
}

// takeLocked finds the sockets of a target and takes the next position at the same
// moment: who joins or leaves does so before or after it.
func (r *recovery) takeLocked(at place, t *adapter.Target, dst []*Socket) (sockets []*Socket, pos uint64) {
	r.ns.rooms.mu.RLock()
	defer r.ns.rooms.mu.RUnlock()
	pos = r.log.Take()
	return meantLocked(r, at, t, pos, dst), pos
}

// operate does an operation on rooms and connections, for sockets that are
// away, too.
func (r *recovery) operate(op *adapter.Operation, position string) {
	r.mu.Lock()
	defer r.unlock()
	r.operateLocked(place{position: position}, op)
}

func (r *recovery) operateLocked(at place, op *adapter.Operation) {
	if at.position != "" {
		defer r.reachLocked(at.position)
	}
	limit := r.ns.srv.opts.Limits.Rooms
	if op.Type == adapter.OpJoin && slices.ContainsFunc(op.Rooms, r.ns.srv.opts.Limits.tooLong) {
		return
	}
	sockets, pos := r.takeLocked(at, &op.Target, nil)
	e := entryOf(op)
	e.Position = at.position
	r.keepLocked(e)
	before := r.seq.steps.Before(at.seq, op.Rooms)
	pinAwayLocked(r, at, pos, &before, op.Rooms)
	if op.Type == adapter.OpJoin {
		expectRoomsLocked(r, op.Rooms)
	}
	for _, s := range sockets {
		rooms := stillMoved(s, op.Rooms, &before)
		switch op.Type {
		case adapter.OpJoin:
			_ = r.ns.rooms.enter(s, rooms, limit, true) // a full socket stays where it is
		case adapter.OpLeave:
			for _, name := range rooms {
				r.ns.rooms.exit(s, name)
			}
		case adapter.OpDisconnect:
			s.track.barred, s.track.parted = true, true
		}
	}
	r.after = append(r.after, r.ns.rooms.tell)
	if op.Type == adapter.OpDisconnect {
		r.after = append(r.after, func() {
			for _, s := range sockets {
				s.Disconnect(op.Close)
			}
		})
	}
}
