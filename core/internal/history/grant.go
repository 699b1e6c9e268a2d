package history

import "slices"

// Grant is how the rooms that a member was given when it joined differ between its
// last join and the one before.
type Grant struct {
	given   map[string]struct{} // the rooms that it has by the last join, and had not by the one before
	revoked map[string]struct{} // those that it had by the one before, and has not any more
}

// NewGrant compares the rooms of the join before with those of the last.
func NewGrant(before, now []string) (g Grant) {
	g.given = setOf(now)
	var again []string
	for _, name := range before {
		if _, still := g.given[name]; still {
			again = append(again, name)
			continue
		}
		if g.revoked == nil {
			g.revoked = make(map[string]struct{})
		}
		g.revoked[name] = struct{}{}
	}
	for _, name := range again {
		delete(g.given, name)
	}
	return g
}

func (g *Grant) revokes(name string) bool {
	_, ok := g.revoked[name]
	return ok
}

func (g *Grant) gives(name string) bool {
	_, ok := g.given[name]
	return ok
}

// keep takes the rooms that are revoked, and every trace of them, off what a member
// has: the next absence must not find them either.
func (m *Missed[E]) keep(g *Grant) {
	if len(g.revoked) > 0 {
		m.Rooms = slices.DeleteFunc(m.Rooms, g.revokes)
		m.Moves = slices.DeleteFunc(m.Moves, func(v Move) bool { return g.revokes(v.Room) })
	}
}
