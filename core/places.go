package socketio

import "slices"

// indexed is the number of rooms from which on a socket finds its places in them
// by an index: looking through all is faster for few, and for many holds up
// everybody who waits for rooms.mu.
const indexed = 32

// placeLocked is the index of the socket's membership, or -1. Called with rooms.mu held.
func placeLocked(s *Socket, name string) int {
	if s.places == nil {
		return slices.IndexFunc(s.in, func(m membership) bool { return m.room.name == name })
	}
	if i, ok := s.places[name]; ok {
		return i
	}
	return -1
}

// enterPlaceLocked adds a membership. rooms.mu is held.
func enterPlaceLocked(s *Socket, m membership) {
	s.in = append(s.in, m)
	switch {
	case s.places != nil:
		s.places[m.room.name] = len(s.in) - 1
	case len(s.in) > indexed:
		s.places = make(map[string]int, 2*indexed)
		for i, m := range s.in {
			s.places[m.room.name] = i
		}
	}
}

// leavePlaceLocked drops a membership; with an index, the last one takes its
// place. rooms.mu is held.
func leavePlaceLocked(s *Socket, i int) {
	if s.places == nil {
		s.in = slices.Delete(s.in, i, i+1)
		return
	}
	delete(s.places, s.in[i].room.name)
	last := len(s.in) - 1
	if i < last {
		s.in[i] = s.in[last]
		s.places[s.in[i].room.name] = i
	}
	s.in[last] = membership{}
	s.in = s.in[:last]
	if last <= indexed/2 {
		s.in, s.places = slices.Clone(s.in), nil
	}
}

// joinEarlyLocked notes a room for a socket that has not joined its namespace, and
// reports whether there was room for it. s.mu is held.
func joinEarlyLocked(s *Socket, name string, limit int) bool {
	if len(s.rooms) <= indexed {
		s.known = nil
		if slices.Contains(s.rooms, name) {
			return true
		}
	} else {
		if s.known == nil {
			s.known = setOf(s.rooms)
		}
		if _, twice := s.known[name]; twice {
			return true
		}
	}
	if len(s.rooms) >= limit {
		return false
	}
	s.rooms = append(s.rooms, name)
	if s.known != nil {
		s.known[name] = struct{}{}
	}
	return true
}

// leaveEarlyLocked is the reverse. s.mu is held.
func leaveEarlyLocked(s *Socket, names []string) {
	if len(s.rooms) == 0 {
		return
	}
	s.known = nil
	left := func(name string) bool { return slices.Contains(names, name) }
	if len(names) > indexed {
		set := setOf(names)
		left = func(name string) bool { _, ok := set[name]; return ok }
	}
	s.rooms = slices.DeleteFunc(s.rooms, left)
}

func setOf(names []string) map[string]struct{} {
	set := make(map[string]struct{}, len(names))
	for _, name := range names {
		set[name] = struct{}{}
	}
	return set
}
