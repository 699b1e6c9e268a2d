package history

import "slices"

// Absence is a member that has left.
type Absence struct {
	ID string
	// Rooms are those that the member was in when it left.
	Rooms []string
	// End is the position at which it left.
	End   uint64
	Track Track
	// Shared says that the member was elsewhere, where the same log is kept: what has no
	// Position was not for the member.
	Shared bool
}

// Missed is what a member has to be given when it comes back.
type Missed[E any] struct {
	// From is the position up to which the member has everything.
	From uint64
	// Events are in order, each with its position. They are the log's own, and good
	// until the log changes.
	Events    []*Entry[E]
	Positions []uint64
	// Rooms are those that the member is in now, Moves how it came into them.
	Rooms []string
	Moves []Move
}

// Missed collects what was sent to a member behind the position from, and what of it
// the member may have by its grant. It reports false if the log has not all of it, if
// it is more than maxBytes, or if the membership has ended meanwhile. A member that is
// in maxRooms joins no further room.
func (l *Log[E]) Missed(a *Absence, g *Grant, from uint64, maxRooms int, maxBytes int64) (m Missed[E], ok bool) {
	t := &a.Track
	if !t.covered(from, a.End, l.First()) {
		return m, false
	}
	m.From = from
	if from >= t.last { // it has everything from before it left
		from = max(from, a.End)
	}
	from = max(from+1, l.First())
	rooms, next := t.roomsAt(a.Rooms, from)
	m.Moves = slices.Clone(t.moves[:next])
	for pos, last := from, l.Last(); pos <= last; pos++ {
		for ; next < len(t.moves) && t.moves[next].Pos < pos; next++ {
			m.Moves = append(m.Moves, t.moves[next])
			t.moves[next].apply(rooms)
		}
		e, once := l.at(pos), onceAt(t.moves[next:], pos)
		switch {
		case a.Shared && e.Position == "": // done here alone
		case e.Kind != KindEvent && pos <= a.End: // done while it was there
		case !e.meant(a.ID, rooms, once, pos > a.End, g):
		case e.Kind == KindEvent:
			m.Events, m.Positions = append(m.Events, e), append(m.Positions, pos)
			if maxBytes -= e.Size; maxBytes < 0 {
				return m, false
			}
		case e.Kind == KindEnd:
			return m, false
		default:
			m.Moves = e.move(rooms, once, pos, maxRooms, m.Moves)
		}
	}
	for ; next < len(t.moves); next++ {
		m.Moves = append(m.Moves, t.moves[next])
		t.moves[next].apply(rooms)
	}
	for name := range rooms {
		m.Rooms = append(m.Rooms, name)
	}
	m.keep(g)
	return m, true
}

// meant reports whether an entry is for a member that was in these rooms, but for those of
// once, and may have it now. away says that the entry came when the member was gone: an entry from
// before had to reach it, whatever rooms it has got by coming back.
func (e *Entry[E]) meant(id string, rooms map[string]struct{}, once []Move, away bool, g *Grant) bool {
	if e.Own != "" {
		return e.Own == id
	}
	was := func(name string) bool {
		if i := slices.IndexFunc(once, func(m Move) bool { return m.Room == name }); i >= 0 {
			return once[i].Joined
		}
		_, ok := rooms[name]
		return ok || name == id
	}
	gives := e.Kind == KindEvent || e.Kind == KindJoin
	in := func(name string) bool { return was(name) && (!gives || !g.revokes(name)) }
	out := func(name string) bool { return was(name) || away && gives && g.gives(name) }
	return (len(e.Rooms) == 0 || slices.ContainsFunc(e.Rooms, in)) && !slices.ContainsFunc(e.Except, out)
}

// move does KindJoin and KindLeave to the rooms of a member, but for those of once.
func (e *Entry[E]) move(rooms map[string]struct{}, once []Move, pos uint64, limit int, moves []Move) []Move {
	for _, name := range e.Moves {
		if slices.ContainsFunc(once, func(m Move) bool { return m.Room == name }) {
			continue
		}
		_, in := rooms[name]
		if in == (e.Kind == KindJoin) || !in && len(rooms) >= limit {
			continue
		}
		m := Move{Pos: pos, Room: name, Joined: !in}
		m.apply(rooms)
		moves = append(moves, m)
	}
	return moves
}
