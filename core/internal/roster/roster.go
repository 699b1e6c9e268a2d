// Package roster knows which members are in which rooms.
package roster

// Index knows which members are in which rooms. Joining and leaving cost the same
// however many members there are: each member remembers its place in each of its rooms.
// The room that every member has for itself, named by its id, takes no memory.
//
// The caller's lock guards an Index, with the seats of its members: its methods may be
// called concurrently only where they change nothing.
type Index[M comparable] struct {
	seat    func(M) *Seat[M]
	members map[string]M
	rooms   map[string]*room[M]
}

type room[M comparable] struct {
	name    string
	members []M
}

// New returns an Index without members. seat returns what a member remembers.
func New[M comparable](seat func(M) *Seat[M]) Index[M] {
	return Index[M]{seat: seat, members: make(map[string]M), rooms: make(map[string]*room[M])}
}

// Add makes a member reachable by its id.
func (x *Index[M]) Add(id string, m M) { x.members[id] = m }

// Remove makes a member unreachable, and reports whether it was not yet. It is still
// in its rooms.
func (x *Index[M]) Remove(id string, m M) (removed bool) {
	if x.members[id] != m {
		return false
	}
	delete(x.members, id)
	return true
}

// Member returns the member that is reachable by an id.
func (x *Index[M]) Member(id string) (m M, ok bool) {
	m, ok = x.members[id]
	return m, ok
}

// Join puts a member into a room that it is not in. created reports that nobody was.
func (x *Index[M]) Join(m M, name string) (created bool) {
	r := x.rooms[name]
	if r == nil {
		r, created = &room[M]{name: name}, true
		x.rooms[name] = r
	}
	x.seat(m).enter(membership[M]{r, len(r.members)})
	r.members = append(r.members, m)
	return created
}

// Leave takes a member out of a room. left reports that the member was in the room,
// and deleted that nobody is any more.
func (x *Index[M]) Leave(m M, name string) (left, deleted bool) {
	seat := x.seat(m)
	i := seat.place(name)
	if i < 0 {
		return false, false
	}
	deleted = x.drop(seat.in[i])
	seat.leave(i)
	return true, deleted
}

// LeaveSome takes a member out of at most limit rooms, and calls each for each of them.
// It reports whether the member is in others. It costs less than Leave of each.
func (x *Index[M]) LeaveSome(m M, limit int, each func(name string, deleted bool)) (more bool) {
	seat := x.seat(m)
	some := seat.in[:min(len(seat.in), limit)]
	for _, place := range some {
		each(place.room.name, x.drop(place))
	}
	seat.in, seat.places = seat.in[len(some):], nil
	if len(seat.in) == 0 {
		seat.in = nil
	}
	return len(seat.in) > 0
}

// drop takes one member out of one room; the last member takes its place.
func (x *Index[M]) drop(place membership[M]) (deleted bool) {
	r := place.room
	last := len(r.members) - 1
	moved := r.members[last]
	r.members[place.index] = moved
	var none M
	r.members[last] = none
	r.members = r.members[:last]
	if last > place.index {
		seat := x.seat(moved)
		seat.in[seat.place(r.name)].index = place.index
	}
	if last > 0 {
		return false
	}
	delete(x.rooms, r.name)
	return true
}

// Names returns the names of the rooms that somebody is in.
func (x *Index[M]) Names() []string {
	names := make([]string, 0, len(x.rooms))
	for name := range x.rooms {
		names = append(names, name)
	}
	return names
}

// Count is how many members can be reached, and how many rooms somebody is in.
func (x *Index[M]) Count() (members, rooms int) { return len(x.members), len(x.rooms) }
