package socketio

import (
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/crowd"
	"github.com/gosio/gosio/core/internal/history"
	"github.com/gosio/gosio/internal/subnet"
)

// track is what recovery knows of a socket. recovery.mu guards it but for the moves
// of its Track, which rooms.mu guards.
type track struct {
	log        *history.Log[frames]
	pid        string // the session's private id
	ticket     uint64 // of the CONNECT: a later one wins
	recovered  atomic.Bool
	outcome    RecoveryOutcome // used by the dispatcher only
	barred     bool            // not to be kept: told to leave, or see EndSession
	granted    []string        // the rooms that middleware has joined
	conditions []condition     // of RecoverIf; guarded by the socket's mu
	left       chan struct{}   // closed when the hooks of OnDisconnect have run; nil: not kept
	session    *session
	shared     string // the session was saved for all servers, with this origin
	begun      string // position in the log of all servers at which the socket has joined
	beganAt    uint64 // log.Last() then
	lastAt     string // of the last event that was sent to it
	lastPos    uint64
	parted     bool   // gets nothing any more: it is being told to leave
	alonePos   uint64 // of the last event that was sent to it and no other server has
	aloneAt    string // where the log of all servers was then
	unclear    string // an offset up to here may be one of before the socket, or of another log
	history.Track
}

func (r *recovery) newTrack() *track {
	return &track{log: &r.log, ticket: r.ticket.Add(1)}
}

// sent notes an event that was sent to the socket, with its position in the log that
// servers share, or none, and where that log is.
func (t *track) sent(pos uint64, position, at string) {
	t.Sent(pos, t.log.First())
	if position != "" {
		t.lastAt, t.lastPos = position, pos
	} else {
		t.aloneAt, t.alonePos = at, pos
	}
}

// moveLocked notes a join or a leave. rooms.mu is held.
func (t *track) moveLocked(room string, joined bool) {
	t.Move(room, joined, t.log.Last(), t.log.First())
}

// onceLocked notes in which room the socket was for one entry alone. rooms.mu is held.
func (t *track) onceLocked(pos uint64, room string, in bool) {
	t.Once(pos, room, in, t.log.First())
}

// session is what is kept of a socket that has lost its connection.
type session struct {
	history.Absence
	pid        string
	at         time.Duration
	left       chan struct{}
	identity   string   // set when left is closed, as are
	values     []value  // the application's values
	granted    []string // of rooms
	conditions []condition

	form     *adapter.Session // as other servers understand it; nil: only this one does
	stored   chan struct{}    // closed when it is with the adapter, or will not be; nil from then on
	owed     bool             // the adapter could not take it
	parting  bool             // forgotten because this server has ended: others may go on with it
	begun    string           // as in track, as are the next
	beganAt  uint64
	lastAt   string
	lastPos  uint64
	alonePos uint64
	aloneAt  string
	unclear  string
	endAt    string // where everything was done when the connection was lost

	of      *recovery
	place   *crowd.Member[*session] // of recovery.crowd
	counted *crowd.Member[*session] // of share.sessions; nil: it is not there any more
}

// sessionOverhead is what a session counts beside its texts.
const sessionOverhead = 512

func (s *session) measure() int64 {
	n := sessionOverhead + int64(len(s.pid)+len(s.ID)+len(s.identity)+64*(len(s.values)+len(s.conditions)))
	for _, names := range [][]string{s.Rooms, s.granted} {
		for _, name := range names {
			n += int64(len(name)) + 16
		}
	}
	for _, m := range s.Track.Moves() {
		n += int64(len(m.Room)) + 40
	}
	return n
}

// recoverable are the reasons after which a client may come back to its session.
func (r Reason) recoverable() bool {
	switch r {
	case ReasonTransportClose, ReasonTransportError, ReasonPingTimeout, ReasonForcedClose, ReasonServerShuttingDown:
		return true
	}
	return false
}

// detachLocked takes a socket that has been disconnected out of its rooms and keeps
// its session.
func (r *recovery) detachLocked(s *Socket, reason Reason) {
	t := s.track
	keep := !t.barred && !r.ended && reason.recoverable() && !s.conn.isBarred()
	names := r.ns.rooms.take(s, keep)
	s.mu.Lock()
	s.rooms = append(s.rooms, names...)
	s.mu.Unlock()
	delete(r.live, t.pid)
	if !keep {
		return
	}
	t.left = make(chan struct{})
	sess := &session{
		Absence: history.Absence{ID: s.id, Rooms: names, End: r.log.Last()},
		pid:     t.pid, at: r.now(), left: t.left, granted: t.granted, of: r,
	}
	r.ns.rooms.mu.Lock() // a Join that comes too late still writes to it
	sess.Track = t.Clone()
	r.ns.rooms.mu.Unlock()
	sess.begun, sess.beganAt, sess.unclear = t.begun, t.beganAt, t.unclear
	sess.lastAt, sess.lastPos, sess.endAt = t.lastAt, t.lastPos, r.seq.at
	sess.aloneAt, sess.alonePos = t.aloneAt, t.alonePos
	r.shelf.prepareLocked(sess, t)
	t.session = sess
	address := subnet.Of(s.Handshake().Address)
	r.stored[t.pid] = r.oldest.PushBack(sess)
	sess.place = r.crowd.Add(address, sess, 1)
	r.kept.Add(1) // a child stays for those who may come back; the socket still has it
	if !r.share.add(address, sess) {
		r.forgetLocked(sess)
	}
	for r.oldest.Len() > r.opts.MaxSessions {
		r.forgetLocked(r.crowd.First().Value)
	}
	r.armLocked(sess.at, sess.at+r.opts.MaxDisconnection)
}

// keepsLocked reports whether a session is there. Another one may have its pid by now.
func (r *recovery) keepsLocked(sess *session) bool {
	e := r.stored[sess.pid]
	return e != nil && e.Value == sess
}

// forgetLocked drops a session, if it is there. Another one may have its pid by now.
func (r *recovery) forgetLocked(sess *session) {
	if e := r.stored[sess.pid]; r.keepsLocked(sess) {
		r.oldest.Remove(e)
		r.crowd.Remove(sess.place)
		delete(r.stored, sess.pid)
		r.share.drop(sess)
		r.ns.rooms.forget(sess.ID, sess.Rooms)
		if r.kept.Add(-1) == 0 {
			expectNoRoomsLocked(r)
		}
		r.freed = true
	}
}

// departed completes a socket's session when its last handler and its hooks
// have run: what they have stored belongs to it.
func (r *recovery) departed(s *Socket) {
	data, travels := r.shelf.valuesOf(s) // before the lock: encoding calls the application
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
	r.shelf.saveLocked(s, t.session, data, travels)
	close(t.left)
	t.session = nil
}

// expired reports whether a session was kept long enough.
func (r *recovery) expired(sess *session, now time.Duration) bool {
	return now-sess.at > r.opts.MaxDisconnection
}

// armLocked sees to it that what is kept is dropped in time. Sessions are kept for less
// time than events: the timer may have to run earlier than was said before.
func (r *recovery) armLocked(now, due time.Duration) {
	wait := max(due-now, 0) + time.Millisecond
	switch {
	case r.ended:
		return
	case r.timer == nil:
		r.timer = time.AfterFunc(wait, r.sweep)
	case due >= r.due:
		return
	default:
		r.timer.Reset(wait)
	}
	r.due = due
}

// sweep drops what is too old.
func (r *recovery) sweep() {
	r.mu.Lock()
	defer r.unlock()
	now := r.now()
	r.log.Evict(now)
	for e := r.oldest.Front(); e != nil && r.expired(e.Value.(*session), now); e = r.oldest.Front() {
		r.forgetLocked(e.Value.(*session))
	}
	next := expectFewerRoomsLocked(r, now)
	if e := r.oldest.Front(); e != nil && (next < 0 || e.Value.(*session).at+r.opts.MaxDisconnection < next) {
		next = e.Value.(*session).at + r.opts.MaxDisconnection
	}
	if at, ok := r.log.Oldest(); ok && (next < 0 || at+r.maxAge < next) {
		next = at + r.maxAge
	}
	if r.timer != nil {
		r.timer.Stop() // set again while this sweep waited for the lock
		r.timer = nil
	}
	if next >= 0 {
		r.armLocked(now, next)
	}
}

// end forgets everything: nobody comes back to a server that has shut down.
func (r *recovery) end() {
	r.mu.Lock()
	defer r.unlock()
	r.ended = true
	r.hurryLocked() // what waits may be somebody
	for e := r.oldest.Front(); e != nil; e = r.oldest.Front() {
		e.Value.(*session).parting = true
		r.forgetLocked(e.Value.(*session))
	}
	r.log.End()
	if r.timer != nil {
		r.timer.Stop()
	}
	if r.seq.timer != nil {
		r.seq.timer.Stop()
	}
	dropFetchedLocked(r)
}
