package socketio

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/adapter"
)

// eventLog keeps what was sent to a namespace, by position, until it is too
// old or too much. recovery.mu guards it.
type eventLog struct {
	entries    []entry // those before head are gone
	head       int
	bytes      int64
	maxPackets int
	maxBytes   int64
	maxAge     time.Duration
	share      *share

	last  atomic.Uint64 // position of the newest entry; rooms.mu guards it, too, see recovery.take
	first atomic.Uint64 // of the oldest one that is kept; last+1 if there is none
}

// entry is one event, or one operation on sockets.
type entry struct {
	frames frames // as they were sent
	own    string // the id of the socket it was for; empty: target says
	target adapter.Target
	op     *adapter.Operation // instead of an event
	at     time.Duration
	size   int64
}

// entryOverhead is what an entry counts beside its bytes.
const entryOverhead = 256

func (e *entry) measure() int64 {
	n := e.wire() + entryOverhead + int64(len(e.own))
	target, rooms := &e.target, []string(nil)
	if e.op != nil {
		target, rooms = &e.op.Target, e.op.Rooms
	}
	for _, names := range [][]string{target.Rooms, target.Except, rooms} {
		for _, name := range names {
			n += int64(len(name)) + 16
		}
	}
	return n
}

// wire is what an event counts in a client's queue.
func (e *entry) wire() int64 {
	n := int64(e.frames.text.Size())
	for _, b := range e.frames.binary {
		n += int64(b.Size())
	}
	return n
}

// add appends an entry, whose position has been taken, and drops old ones.
func (l *eventLog) add(e entry, now time.Duration) {
	e.at, e.size = now, e.measure()
	l.entries = append(l.entries, e)
	l.count(e.size)
	l.evict(now)
}

func (l *eventLog) len() int { return len(l.entries) - l.head }

func (l *eventLog) evict(now time.Duration) {
	for l.len() > 0 {
		e := &l.entries[l.head]
		if l.len() <= l.maxPackets && l.bytes <= l.maxBytes && now-e.at <= l.maxAge {
			break
		}
		l.dropOldest()
	}
	l.compact()
}

// dropOldest drops one entry; compact is to be called then.
func (l *eventLog) dropOldest() {
	e := &l.entries[l.head]
	l.count(-e.size)
	*e = entry{}
	l.head++
	l.first.Add(1)
}

// count adds to the bytes.
func (l *eventLog) count(n int64) {
	l.bytes += n
	l.share.events.Add(n)
}

// compact gives the room of dropped entries back.
func (l *eventLog) compact() {
	switch {
	case l.len() == 0:
		l.entries, l.head = nil, 0
	case l.head > 64 && l.head > len(l.entries)/2:
		n := copy(l.entries, l.entries[l.head:])
		clear(l.entries[n:])
		l.entries, l.head = l.entries[:n], 0
	}
}

// at returns the entry at a position that is kept.
func (l *eventLog) at(pos uint64) *entry {
	return &l.entries[l.head+int(pos-l.first.Load())]
}

// meant reports whether an entry is for a socket that was in these rooms, and
// may have it now. away says that the entry came when the socket was gone: one
// from before had to reach it, whatever rooms it has got by coming back.
func (e *entry) meant(id string, rooms map[string]struct{}, away bool, now *entitlement) bool {
	if e.own != "" {
		return e.own == id
	}
	t := &e.target
	if e.op != nil {
		t = &e.op.Target
	}
	was := func(name string) bool {
		_, ok := rooms[name]
		return ok || name == id
	}
	gives := e.op == nil || e.op.Type == adapter.OpJoin
	in := func(name string) bool { return was(name) && (!gives || !now.lost(name)) }
	out := func(name string) bool { return was(name) || away && gives && now.gives(name) }
	return (len(t.Rooms) == 0 || slices.ContainsFunc(t.Rooms, in)) && !slices.ContainsFunc(t.Except, out)
}

// missed is what a session has to be given when it is resumed.
type missed struct {
	from      uint64   // the client has everything up to it
	events    []*entry // in order; valid while recovery.mu is held
	positions []uint64
	rooms     []string // that it is in now
	moves     []move   // how it came to be
}

// missed collects what was sent to a session behind a position, and what of it a
// client that comes back may have. It reports false if that is not all there, if it is more than max bytes, or if the
// session was disconnected while it was away.
func (l *eventLog) missed(sess *session, now *entitlement, from uint64, maxRooms int, maxBytes int64) (m missed, ok bool) {
	t := &sess.track
	if !t.covered(from, sess.end, l.first.Load()) {
		return m, false
	}
	m.from = from
	if from >= t.last { // it has everything from before it left
		from = max(from, sess.end)
	}
	from = max(from+1, l.first.Load())
	m.moves = slices.Clone(t.moves)
	rooms, next := t.roomsAt(sess.rooms, from)
	for pos, last := from, l.last.Load(); pos <= last; pos++ {
		for ; next < len(t.moves) && t.moves[next].pos < pos; next++ {
			t.moves[next].apply(rooms)
		}
		e := l.at(pos)
		switch {
		case e.op != nil && pos <= sess.end: // done while it was there
		case !e.meant(sess.id, rooms, pos > sess.end, now):
		case e.op == nil:
			m.events, m.positions = append(m.events, e), append(m.positions, pos)
			if maxBytes -= e.wire(); maxBytes < 0 {
				return m, false
			}
		case e.op.Type == adapter.OpDisconnect:
			return m, false
		default:
			m.moves = moveBy(e.op, rooms, pos, maxRooms, m.moves)
		}
	}
	for ; next < len(t.moves); next++ {
		t.moves[next].apply(rooms)
	}
	for name := range rooms {
		m.rooms = append(m.rooms, name)
	}
	now.keep(&m)
	return m, true
}

// moveBy does OpJoin and OpLeave to the rooms of a session.
func moveBy(op *adapter.Operation, rooms map[string]struct{}, pos uint64, limit int, moves []move) []move {
	for _, name := range op.Rooms {
		_, in := rooms[name]
		if in == (op.Type == adapter.OpJoin) || !in && len(rooms) >= limit {
			continue
		}
		m := move{pos, name, !in}
		m.apply(rooms)
		moves = append(moves, m)
	}
	return moves
}
