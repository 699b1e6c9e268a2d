package socketio

import (
	linked "container/list"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/internal/history"
	"github.com/gosio/gosio/core/parser"
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
// connection. One for which Emit has failed with [ErrSlowConsumer] is recovered, too.
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
// Sessions and events are in this server's memory: with an Adapter a client
// is recovered when it comes back to the same server, with the events of all; not
// when the adapter has lost some since the last event that the client has got, see
// [Namespace.OnGap].
type Recovery struct {
	// MaxDisconnection is the time that a session is kept. Default 2 min.
	MaxDisconnection time.Duration
	// MaxPackets bounds the events kept. Default 10,000.
	MaxPackets int
	// MaxBytes bounds the events kept, in bytes. Default 16 MB.
	MaxBytes int64
	// MaxSessions bounds the sessions kept; over it the oldest goes. Default 100,000.
	MaxSessions int
	// MaxSessionBytes bounds the sessions kept, in bytes: the names of their rooms,
	// which clients may choose, above all; values of keys count 64 bytes each. Over
	// it the oldest goes, of all children of a parent. Default 64 MB.
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
	slow     []*engine.Session          // to be ended when mu is released
	kept     atomic.Int64               // how many are stored
	freed    bool                       // some are not any more: a child may have to go when mu is released
	timer    *time.Timer                // drops what is too old; nil: nothing is kept
	expected map[string]time.Duration   // rooms that sessions were put into while they were away, until when
	gap      uint64                     // position of the last one that the adapter has reported
	ended    bool                       // the server has shut down, or the child is removed
	share    *share                     // of bounds; a child's is its parent's
	maxAge   time.Duration              // of events
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
	sh := new(share)
	r.share, r.maxAge = sh, keep
	r.log.Init(history.Limits{Entries: o.Recovery.MaxPackets, Bytes: o.Recovery.MaxBytes, Age: keep}, &sh.events)
	return r
}

func randomText(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails: crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

func (r *recovery) now() time.Duration { return time.Since(r.began) }

// unlock releases mu, ends the connections whose queues have run over, and lets
// go of the namespace for sessions that are not kept any more.
func (r *recovery) unlock() {
	slow, freed := r.slow, r.freed
	r.slow, r.freed = nil, false
	r.mu.Unlock()
	r.share.keep(r.ns, r.opts)
	if freed && r.ns.parent != nil && r.kept.Load() == 0 {
		r.ns.settle()
	}
	for _, sess := range slow {
		(*engine.Layer)(sess).Overflow()
	}
}

// offsetRoom is what an offset takes at most: comma, quotes, epoch, position.
const offsetRoom = 24

// position reads an offset, as stamp writes it: the client has everything up
// to it. ours is false for one of another log: stock clients keep theirs over a
// fresh session until they get an event.
func (r *recovery) position(offset string) (pos uint64, ours bool, err error) {
	text, ours := strings.CutPrefix(offset, r.epoch)
	if !ours {
		return 0, false, nil
	}
	pos, err = strconv.ParseUint(text, 36, 64)
	return pos, true, err
}

// unsealed is seal for an event that gets its offset when it is sent.
func unsealed(p parser.Packet) frames {
	buf := engine.TextBuffer(len(p.Data) + len(p.Namespace) + 24 + offsetRoom)
	return reopen(p.Append(buf), p.Attachments)
}

// reopen takes the closing bracket off an event.
func reopen(buf []byte, attachments [][]byte) frames {
	f := frames{text: engine.Message(engine.Draft(buf[:len(buf)-1])), open: true}
	for _, a := range attachments {
		f.binary = append(f.binary, engine.Binary(a))
	}
	return f
}

// stamp completes an event with an offset. Stock clients take the last
// argument of any event for one if it is a string, so every event has one.
func (r *recovery) stamp(f *frames, pos uint64) {
	var room [offsetRoom]byte
	b := append(room[:0], `,"`...)
	b = append(b, r.epoch...)
	b = strconv.AppendUint(b, pos, 36)
	draft := engine.LayerMessage(f.text)
	f.text, f.open = draft.Seal(append(b, `"]`...)), false
	srv := r.ns.srv
	if srv.opts.Parser == nil || codeStamped(srv, r.ns.name, f) {
		return
	}
	// It could be encoded without an offset. In the standard form it would
	// end the connections of all who get it.
	f.text = draft.Seal([]byte{']'})
	f.void = !codeStamped(srv, r.ns.name, f)
}

// send sends to one connected socket.
func (r *recovery) send(s *Socket, f *frames) error {
	r.mu.Lock()
	defer r.unlock()
	if !s.connected() {
		return ErrClosed
	}
	return r.putLocked(s, f)
}

// putLocked queues what is for one socket only and, if it is an event without
// acknowledgement, keeps it.
func (r *recovery) putLocked(s *Socket, f *frames) error {
	if !f.open {
		return r.postLocked(s, f)
	}
	pos := r.log.Last() + 1
	r.stamp(f, pos)
	err := r.postLocked(s, f)
	if errors.Is(err, ErrClosed) {
		return err // not kept: the caller is told that it does not arrive
	}
	r.log.Take()
	r.keepLocked(entry{Event: *f, Size: f.size(), Own: s.id})
	s.track.sent(pos)
	return err
}

// entry is one event, or one operation on sockets, in the log.
type entry = history.Entry[frames]

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
	r.log.Add(e, r.now())
	r.armLocked()
}

// postLocked queues frames.
func (r *recovery) postLocked(s *Socket, f *frames) error {
	if f.void {
		return nil
	}
	held, err := s.hold(f, false)
	switch {
	case held:
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
	if !s.connected() {
		return false
	}
	if f.open {
		r.stamp(f, r.log.Last())
	}
	return s.transmitVolatile(f)
}

// deliver sends to the sockets of this server that the target means.
func (r *recovery) deliver(t *adapter.Target, f *frames) (n int) {
	list := matched.Get().(*[]*Socket)
	told := *f // as the application has sent it, without an offset
	r.mu.Lock()
	sockets, pos := r.matchLocked(t, f, (*list)[:0])
	for i, s := range sockets {
		warm(sockets, i)
		if f.volatile {
			if s.transmitVolatile(f) {
				n++
			}
			continue
		}
		if r.postLocked(s, f) == nil { // one that is gone, or too slow, is told by its own disconnect
			n++
		}
		if pos > 0 {
			s.track.sent(pos)
		}
	}
	r.unlock()
	for _, s := range sockets {
		if s.tells() {
			s.tell(&told)
		}
	}
	clear(sockets)
	*list = sockets
	matched.Put(list)
	return n
}

// matchLocked finds the sockets that a broadcast is for. One that can be recovered
// takes a position, and is kept even if nobody is there.
func (r *recovery) matchLocked(t *adapter.Target, f *frames, dst []*Socket) (sockets []*Socket, pos uint64) {
	if f.volatile || !f.open {
		if f.open {
			r.stamp(f, r.log.Last())
		}
		return r.ns.rooms.match(t, dst), 0
	}
	sockets, pos = r.takeLocked(t, dst)
	r.stamp(f, pos)
	r.keepLocked(entry{Event: *f, Size: f.size(), Rooms: t.Rooms, Except: t.Except})
	return sockets, pos
}

// takeLocked finds the sockets of a target and takes the next position at the same
// moment: who joins or leaves does so before or after it.
func (r *recovery) takeLocked(t *adapter.Target, dst []*Socket) (sockets []*Socket, pos uint64) {
	rs := &r.ns.rooms
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return rs.findLocked(t, dst), r.log.Take()
}

// operate does an operation on rooms and connections, for sockets that are
// away, too.
func (r *recovery) operate(op *adapter.Operation) {
	limit := r.ns.srv.opts.Limits.Rooms
	rooms := op.Rooms
	if op.Type == adapter.OpJoin && slices.ContainsFunc(rooms, r.ns.srv.opts.Limits.tooLong) {
		return
	}
	r.mu.Lock()
	sockets, _ := r.takeLocked(&op.Target, nil)
	r.keepLocked(entryOf(op))
	if op.Type == adapter.OpJoin {
		expectRooms(r, rooms)
	}
	for _, s := range sockets {
		switch op.Type {
		case adapter.OpJoin:
			_ = r.ns.rooms.enter(s, rooms, limit, true) // a full socket stays where it is
		case adapter.OpLeave:
			for _, name := range rooms {
				r.ns.rooms.exit(s, name)
			}
		case adapter.OpDisconnect:
			s.track.barred = true
		}
	}
	r.unlock()
	r.ns.rooms.tell()
	if op.Type == adapter.OpDisconnect {
		for _, s := range sockets {
			s.Disconnect(op.Close)
		}
	}
}
