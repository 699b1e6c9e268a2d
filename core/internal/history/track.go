package history

import "slices"

// Track is what was sent to a member, and where the member was then: by position, and
// only as far as it takes to know whether a log has all of it. The zero value is a
// member that has not begun. One lock of the caller's may guard Move and another one
// the rest.
type Track struct {
	start uint64 // position at which the member began: no offset from before is this member's
	last  uint64 // the last event that was sent to it; start if there is none
	base  uint64 // one that was sent to it, or start; next followed it
	next  uint64

	moves   []Move // latest joins and leaves, in order
	horizon uint64 // of those before it some are forgotten
}

// Move is a member's way into a room or out of it; it holds for the entries behind its
// position. With Once it holds for the one entry at its position: the member was in the
// room, or was not, when what the entry stands for was asked for. An operation on members
// does not move the member into that room or out of it then.
type Move struct {
	Pos    uint64
	Room   string
	Joined bool
	Once   bool
}

func (m *Move) apply(rooms map[string]struct{}) { m.set(rooms, m.Joined) }

func (m *Move) set(rooms map[string]struct{}, in bool) {
	if m.Once {
		return
	}
	if in {
		rooms[m.Room] = struct{}{}
	} else {
		delete(rooms, m.Room)
	}
}

// Begin starts the track of a member that has everything up to a position.
func (t *Track) Begin(pos uint64) { t.start, t.last, t.base, t.next = pos, pos, pos, pos }

// Resume starts the track of a member that goes on with an absence.
func (t *Track) Resume(a *Absence, from uint64, moves []Move) {
	t.moves, t.horizon = moves, a.Track.horizon
	t.Begin(from)
}

// Returned is the track of a member that was elsewhere: all that it has to be given is
// behind from, and what was sent to it ends at last.
func Returned(from, last uint64, moves []Move) Track {
	return Track{start: from, last: last, base: from, next: from, moves: moves}
}

// Last is the position of the last event that was sent to the member, or Start.
func (t *Track) Last() uint64 { return t.last }

// Horizon is a position, 0 if there is none: of the moves up to it some are forgotten.
func (t *Track) Horizon() uint64 { return t.horizon }

// Start is the position at which the member began.
func (t *Track) Start() uint64 { return t.start }

// Moves are the joins and leaves that are remembered. The list must not be changed.
func (t *Track) Moves() []Move { return t.moves }

// Clone returns a copy that does not change with the track.
func (t *Track) Clone() Track {
	c := *t
	c.moves = slices.Clone(t.moves)
	return c
}

// Sent notes an event that was sent to the member; first is the log's First. A member
// that was idle for long still has the offset of an event that the log no longer has:
// base. It is enough that the log has what came after it.
func (t *Track) Sent(pos, first uint64) {
	if t.last == t.base || t.last < first {
		t.base, t.next = t.last, pos
	}
	t.last = pos
}

// maxMoves bounds the joins and leaves that are remembered of one member.
const maxMoves = 1024

// Move notes a join or a leave behind the position last; first is the log's First.
func (t *Track) Move(room string, joined bool, last, first uint64) {
	if len(t.moves) == cap(t.moves) && len(t.moves) > 0 { // it is about to grow: see what can go
		stale := slices.IndexFunc(t.moves, func(m Move) bool { return m.Pos >= first })
		if stale < 0 {
			stale = len(t.moves)
		}
		if len(t.moves)-stale >= maxMoves {
			stale = len(t.moves) - maxMoves/2
			t.horizon = t.moves[stale-1].Pos
		}
		t.moves = slices.Delete(t.moves, 0, stale)
	}
	t.moves = append(t.moves, Move{Pos: last, Room: room, Joined: joined})
}

// Once notes where the member was for the entry at a position, the newest one, alone; first
// is the log's First.
func (t *Track) Once(pos uint64, room string, in bool, first uint64) {
	t.Move(room, in, pos, first)
	t.moves[len(t.moves)-1].Once = true
}

// onceAt are the moves that hold for the entry at a position alone, of those that begin
// with the first that is not before it.
func onceAt(moves []Move, pos uint64) (once []Move) {
	for _, m := range moves {
		if m.Pos != pos {
			break
		}
		if m.Once {
			once = append(once, m)
		}
	}
	return once
}

// covered reports whether the log, whose oldest entry is first, has all that was sent
// to the member behind an offset and until it has left at end, and all that was sent
// to anybody since.
func (t *Track) covered(offset, end, first uint64) bool {
	switch {
	case end+1 < first:
		return false
	case offset >= t.last:
		return true
	case max(offset+1, first) <= t.horizon:
		return false
	}
	return offset+1 >= first || offset >= t.base && t.next >= first
}

// roomsAt returns the rooms that a member, at last in these, was in for the event at
// a position, and the index of the first move after that.
func (t *Track) roomsAt(last []string, pos uint64) (rooms map[string]struct{}, next int) {
	rooms = setOf(last)
	next = len(t.moves)
	for next > 0 && t.moves[next-1].Pos >= pos {
		next--
		t.moves[next].set(rooms, !t.moves[next].Joined)
	}
	return rooms, next
}

func setOf(names []string) map[string]struct{} {
	set := make(map[string]struct{}, len(names))
	for _, name := range names {
		set[name] = struct{}{}
	}
	return set
}
