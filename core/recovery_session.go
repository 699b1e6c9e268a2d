package socketio

import (
	linked "container/list"
	"slices"
	"sync/atomic"
	"time"
)

// track is what recovery knows of a socket. recovery.mu guards it but for
// moves and horizon, which rooms.mu does.
type track struct {
	log        *eventLog
	pid        string // the session's private id
	ticket     uint64 // of the CONNECT: a later one wins
	recovered  atomic.Bool
	outcome    RecoveryOutcome // used by the dispatcher only
	barred     bool            // not to be kept: told to leave, or see EndSession
	granted    []string        // the rooms that middleware has joined
	conditions []condition     // of RecoverIf; guarded by the socket's mu
	left       chan struct{}   // closed when the hooks of OnDisconnect have run; nil: not kept
	session    *session
	history
}

// history is what was sent to a socket, and where it was then: by position,
// and only as far as it takes to know whether the log has it all.
type history struct {
	start uint64 // position at CONNECT: no offset from before is this session's
	last  uint64 // the last event that was sent to it; start if there is none
	base  uint64 // one that was sent to it, or start; next followed it
	next  uint64

	moves   []move // latest joins and leaves, in order
	horizon uint64 // of those before it some are forgotten
}

// move is a socket's way into a room or out of it; it holds for the events
// behind its position.
type move struct {
	pos    uint64
	room   string
	joined bool
}

func (m *move) apply(rooms map[string]struct{}) { m.set(rooms, m.joined) }

func (m *move) set(rooms map[string]struct{}, in bool) {
	if in {
		rooms[m.room] = struct{}{}
	} else {
		delete(rooms, m.room)
	}
}

func (r *recovery) newTrack() *track {
	return &track{log: &r.log, ticket: r.ticket.Add(1)}
}

// begin starts the history of a socket that has everything up to a position.
func (h *history) begin(pos uint64) { h.start, h.last, h.base, h.next = pos, pos, pos, pos }

// sent notes an event that was sent to the socket. A client that was quiet for
// long still has the offset of an event that the log no longer has: base. It
// is enough that the log has what came after it.
func (t *track) sent(pos uint64) {
	if t.last == t.base || t.last < t.log.first.Load() {
		t.base, t.next = t.last, pos
	}
	t.last = pos
}

// maxMoves bounds the joins and leaves that are remembered of one socket.
const maxMoves = 1024

// move notes a join or a leave. Called with rooms.mu held.
func (t *track) move(room string, joined bool) {
	if len(t.moves) == cap(t.moves) && len(t.moves) > 0 { // it is about to grow: see what can go
		first := t.log.first.Load()
		stale := slices.IndexFunc(t.moves, func(m move) bool { return m.pos >= first })
		if stale < 0 {
			stale = len(t.moves)
		}
		if len(t.moves)-stale >= maxMoves {
			stale = len(t.moves) - maxMoves/2
			t.horizon = t.moves[stale-1].pos
		}
		t.moves = slices.Delete(t.moves, 0, stale)
	}
	t.moves = append(t.moves, move{t.log.last.Load(), room, joined})
}

// covered reports whether the log, whose oldest entry is first, has all that
// was sent to the socket behind an offset and until it has left at end, and
// all that was sent to anybody since.
func (h *history) covered(offset, end, first uint64) bool {
	switch {
	case end+1 < first:
		return false
	case offset >= h.last:
		return true
	case max(offset+1, first) <= h.horizon:
		return false
	}
	return offset+1 >= first || offset >= h.base && h.next >= first
}

// roomsAt returns the rooms that a socket, at last in these, was in for the
// event at a position, and the index of the first move after that.
func (h *history) roomsAt(last []string, pos uint64) (rooms map[string]struct{}, next int) {
	rooms = make(map[string]struct{}, len(last))
	for _, name := range last {
		rooms[name] = struct{}{}
	}
	next = len(h.moves)
	for next > 0 && h.moves[next-1].pos >= pos {
		next--
		h.moves[next].set(rooms, !h.moves[next].joined)
	}
	return rooms, next
}

// session is what is kept of a socket that has lost its connection.
type session struct {
	pid, id    string
	rooms      []string
	at         time.Duration
	end        uint64 // position at which it left
	left       chan struct{}
	identity   string   // set when left is closed, as are
	values     []value  // the application's values
	granted    []string // of rooms
	conditions []condition
	track      history

	of   *recovery
	size int64           // what it counts
	kept *linked.Element // of share.sessions; nil: it is not there any more
}

// sessionOverhead is what a session counts beside its texts.
const sessionOverhead = 512

func (s *session) measure() int64 {
	n := sessionOverhead + int64(len(s.pid)+len(s.id)+len(s.identity)+64*(len(s.values)+len(s.conditions)))
	for _, names := range [][]string{s.rooms, s.granted} {
		for _, name := range names {
			n += int64(len(name)) + 16
		}
	}
	for i := range s.track.moves {
		n += int64(len(s.track.moves[i].room)) + 40
	}
	return n
}

// recoverable are the reasons after which a client may come back to its session.
func (r Reason) recoverable() bool {
	switch r {
	case TransportClose, TransportError, PingTimeout, ForcedClose, ServerShuttingDown:
		return true
	}
	return false
}

// detach takes a socket that has been disconnected out of its rooms and keeps
// its session. Called with mu held.
func (r *recovery) detach(s *Socket, reason Reason) (deleted []string) {
	names, deleted := r.ns.rooms.take(s)
	s.mu.Lock()
	s.rooms = append(s.rooms, names...)
	s.mu.Unlock()
	t := s.track
	delete(r.live, t.pid)
	if t.barred || r.ended || !reason.recoverable() || s.conn.isBarred() {
		return deleted
	}
	t.left = make(chan struct{})
	sess := &session{
		pid: t.pid, id: s.id, rooms: names, at: r.now(), end: r.log.last.Load(), left: t.left, granted: t.granted, of: r,
	}
	r.ns.rooms.mu.Lock() // a Join that comes too late still writes to it
	sess.track = t.history
	sess.track.moves = slices.Clone(t.moves)
	r.ns.rooms.mu.Unlock()
	t.session = sess
	r.stored[t.pid] = r.oldest.PushBack(sess)
	r.kept.Add(1) // a child stays for those who may come back; the socket still has it
	if !r.share.add(sess) {
		r.forget(sess)
	}
	for r.oldest.Len() > r.opts.MaxSessions {
		r.forget(r.oldest.Front().Value.(*session))
	}
	r.arm()
	return deleted
}

// forget drops a session, if it is there. Another one may have its pid by now.
// Called with mu held.
func (r *recovery) forget(sess *session) {
	if e := r.stored[sess.pid]; e != nil && e.Value == sess {
		r.oldest.Remove(e)
		delete(r.stored, sess.pid)
		r.share.drop(sess)
		r.kept.Add(-1)
		r.freed = true
	}
}

// departed completes a socket's session when its last handler and its hooks
// have run: what they have stored belongs to it.
func (r *recovery) departed(s *Socket) {
	r.mu.Lock()
	defer r.unlock()
	t := s.track
	if t.session == nil {
		return
	}
	s.mu.Lock()
	t.session.identity, t.session.conditions = s.identity, t.conditions
	for _, v := range s.values {
		if !v.granted {
			t.session.values = append(t.session.values, v)
		}
	}
	s.mu.Unlock()
	r.share.resize(t.session)
	close(t.left)
	t.session = nil
}

// expired reports whether a session was kept long enough.
func (r *recovery) expired(sess *session, now time.Duration) bool {
	return now-sess.at > r.opts.MaxDisconnection
}

// arm sees to it that what is kept is dropped in time. Called with mu held.
func (r *recovery) arm() {
	if r.timer == nil && !r.ended {
		r.timer = time.AfterFunc(min(r.opts.MaxDisconnection, r.log.maxAge)+time.Millisecond, r.sweep)
	}
}

// sweep drops what is too old.
func (r *recovery) sweep() {
	r.mu.Lock()
	defer r.unlock()
	now := r.now()
	r.log.evict(now)
	for e := r.oldest.Front(); e != nil && r.expired(e.Value.(*session), now); e = r.oldest.Front() {
		r.forget(e.Value.(*session))
	}
	next := time.Duration(-1)
	if e := r.oldest.Front(); e != nil {
		next = e.Value.(*session).at + r.opts.MaxDisconnection
	}
	if r.log.len() > 0 {
		if at := r.log.at(r.log.first.Load()).at + r.log.maxAge; next < 0 || at < next {
			next = at
		}
	}
	if next < 0 {
		r.timer = nil
		return
	}
	r.timer.Reset(max(next-now, 0) + time.Millisecond)
}

// end forgets everything: nobody comes back to a server that has shut down.
func (r *recovery) end() {
	r.mu.Lock()
	defer r.unlock()
	r.ended = true
	for e := r.oldest.Front(); e != nil; e = r.oldest.Front() {
		r.forget(e.Value.(*session))
	}
	r.log.maxPackets = 0
	r.log.evict(r.now())
	if r.timer != nil {
		r.timer.Stop()
	}
}
