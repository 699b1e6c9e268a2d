package roster

// Find appends the members that are in at least one of rooms, or in the Index if rooms
// is empty, and in none of except, each once. A member's id is the name of its own room.
func (x *Index[M]) Find(rooms, except []string, dst []M) []M {
	var few [4]exclusion[M] // most targets exclude nobody, or one
	not := x.exclude(except, few[:0])
	switch len(rooms) {
	case 0:
		for _, m := range x.members {
			if !x.excluded(m, not) {
				dst = append(dst, m)
			}
		}
		return dst
	case 1:
		return x.findIn(rooms[0], not, nil, dst)
	}
	seen := make(map[M]struct{})
	for _, name := range rooms {
		dst = x.findIn(name, not, seen, dst)
	}
	return dst
}

// Any reports whether somebody is in the room, or has that id.
func (x *Index[M]) Any(name string) bool {
	_, reachable := x.members[name]
	_, filled := x.rooms[name]
	return reachable || filled
}

// findIn appends the members of one room that are not excluded and, if seen is not nil,
// have not been seen.
func (x *Index[M]) findIn(name string, not []exclusion[M], seen map[M]struct{}, dst []M) []M {
	own, hasOwn := x.members[name]
	if hasOwn {
		dst = x.take(own, not, seen, dst)
	}
	r := x.rooms[name]
	if r == nil {
		return dst
	}
	if len(not) == 0 && seen == nil && !hasOwn {
		return append(dst, r.members...)
	}
	for _, m := range r.members {
		if !hasOwn || m != own {
			dst = x.take(m, not, seen, dst)
		}
	}
	return dst
}

func (x *Index[M]) take(m M, not []exclusion[M], seen map[M]struct{}, dst []M) []M {
	if x.excluded(m, not) {
		return dst
	}
	if seen != nil {
		if _, twice := seen[m]; twice {
			return dst
		}
		seen[m] = struct{}{}
	}
	return append(dst, m)
}

// exclusion is a name that excludes members: the one whose own room has the name, and
// those in the room of that name.
type exclusion[M comparable] struct {
	own    M
	hasOwn bool
	room   string
	filled bool // somebody is in room
}

// exclude appends what names exclude. A name of nobody excludes nobody.
func (x *Index[M]) exclude(names []string, dst []exclusion[M]) []exclusion[M] {
	for _, name := range names {
		own, hasOwn := x.members[name]
		_, filled := x.rooms[name]
		if hasOwn || filled {
			dst = append(dst, exclusion[M]{own, hasOwn, name, filled})
		}
	}
	return dst
}

func (x *Index[M]) excluded(m M, not []exclusion[M]) bool {
	for i := range not {
		if not[i].hasOwn && not[i].own == m || not[i].filled && x.seat(m).Has(not[i].room) {
			return true
		}
	}
	return false
}
