package roster

import "slices"

// Indexed is the number of rooms from which on a member finds its places in them by an
// index: looking through all is faster for few, and for many holds up everybody who
// waits for the caller's lock.
const Indexed = 32

// Seat is what a member remembers of the rooms that it is in. The zero value is in none.
type Seat[M comparable] struct {
	in     []membership[M]
	places map[string]int // in in, by the room's name; nil: they are few
}

// membership is a member's place in a room.
type membership[M comparable] struct {
	room  *room[M]
	index int // in room.members
}

// Len is the number of rooms.
func (s *Seat[M]) Len() int { return len(s.in) }

// Has reports whether the member is in a room.
func (s *Seat[M]) Has(name string) bool { return s.place(name) >= 0 }

// Rooms returns the names of the rooms.
func (s *Seat[M]) Rooms() []string {
	names := make([]string, len(s.in))
	for i, m := range s.in {
		names[i] = m.room.name
	}
	return names
}

// place is the index of a membership, or -1.
func (s *Seat[M]) place(name string) int {
	if s.places == nil {
		return slices.IndexFunc(s.in, func(m membership[M]) bool { return m.room.name == name })
	}
	if i, ok := s.places[name]; ok {
		return i
	}
	return -1
}

// enter adds a membership.
func (s *Seat[M]) enter(m membership[M]) {
	s.in = append(s.in, m)
	switch {
	case s.places != nil:
		s.places[m.room.name] = len(s.in) - 1
	case len(s.in) > Indexed:
		s.places = make(map[string]int, 2*Indexed)
		for i, m := range s.in {
			s.places[m.room.name] = i
		}
	}
}

// leave drops a membership; with an index, the last one takes its place.
func (s *Seat[M]) leave(i int) {
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
	s.in[last] = membership[M]{}
	s.in = s.in[:last]
	if last <= Indexed/2 {
		s.in, s.places = slices.Clone(s.in), nil
	}
}
