package pending

import (
	"slices"
	"sort"
)

// move is a way of a member into a room or out of it, behind the steps up to seq.
type move struct {
	seq    uint64
	member string
	was    bool
}

// Moved notes that a member moves into a room or out of it now, behind all that waits. was
// says whether it was in the room before. It does nothing if nothing waits.
func (q *Queue[S]) Moved(member, room string, was bool) { q.MovedAt(q.seq, member, room, was) }

// MovedAt is Moved for a member that the step seq would have moved, had the member not
// moved since.
func (q *Queue[S]) MovedAt(seq uint64, member, room string, was bool) {
	if len(q.steps) == 0 {
		return
	}
	if q.moves == nil {
		q.moves = make(map[string][]move)
	}
	moves := q.moves[room]
	i := len(moves)
	for i > 0 && moves[i-1].seq > seq {
		i--
	}
	q.moves[room] = slices.Insert(moves, i, move{seq, member, was})
	q.moved++
}

// Was reports whether a member was in a room when the step seq was added. later is false if
// the member has not moved since.
func (q *Queue[S]) Was(member, room string, seq uint64) (was, later bool) {
	for _, m := range q.since(room, seq) {
		if m.member == member {
			return m.was, true
		}
	}
	return false, false
}

// Before is where members were when a step was added that have moved since.
type Before struct {
	// Members have moved into one of the rooms asked for or out of it, each once.
	Members []string
	was     map[place]bool
}

type place struct{ member, room string }

// Was is Was of the queue, for the step and the rooms asked for.
func (b *Before) Was(member, room string) (was, later bool) {
	was, later = b.was[place{member, room}]
	return was, later
}

// Before finds those who have moved into one of the rooms or out of it since the step seq
// was added; nobody if seq is 0.
func (q *Queue[S]) Before(seq uint64, rooms ...[]string) (b Before) {
	if q.moved == 0 || seq == 0 {
		return b
	}
	seen := make(map[string]struct{})
	for _, names := range rooms {
		for _, room := range names {
			for _, m := range q.since(room, seq) {
				if b.was == nil {
					b.was = make(map[place]bool)
				}
				at := place{m.member, room}
				if _, known := b.was[at]; !known {
					b.was[at] = m.was
				}
				if _, known := seen[m.member]; !known {
					seen[m.member] = struct{}{}
					b.Members = append(b.Members, m.member)
				}
			}
		}
	}
	return b
}

// HasMoved reports whether a member has moved since the oldest step was added.
func (q *Queue[S]) HasMoved(member string) bool {
	for _, moves := range q.moves {
		for _, m := range moves {
			if m.member == member {
				return true
			}
		}
	}
	return false
}

func (q *Queue[S]) since(room string, seq uint64) []move {
	moves := q.moves[room]
	return moves[sort.Search(len(moves), func(i int) bool { return moves[i].seq >= seq }):]
}
