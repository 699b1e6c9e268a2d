package socketio

import (
	"slices"
	"sync"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/subscription"
)

// rooms knows which sockets of this server are in which rooms of a namespace.
// Joining and leaving cost the same however many sockets there are: each
// socket remembers its place in each of its rooms. The room that every socket
// has for itself, named by its id, takes no memory.
type rooms struct {
	mu      sync.RWMutex
	sockets map[string]*Socket
	rooms   map[string]*room
	events  roomEvents
	subs    *subscription.Names // of rooms; nil: the adapter does not subscribe to them
	ownSubs *subscription.Names // of sockets' own rooms
}

type room struct {
	name    string
	members []*Socket
}

// membership is a socket's place in a room. The socket holds it; rooms.mu
// guards it.
type membership struct {
	room  *room
	index int
}

func (rs *rooms) init(ns *Namespace) {
	rs.events.ns = ns
	rs.sockets = make(map[string]*Socket)
	rs.rooms = make(map[string]*room)
}

// add makes a socket reachable.
func (rs *rooms) add(s *Socket) {
	rs.mu.Lock()
	rs.sockets[s.id] = s
	rs.ownSubs.Hold(s.id)
	rs.mu.Unlock()
}

func (rs *rooms) socket(id string) (*Socket, bool) {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	s, ok := rs.sockets[id]
	return s, ok
}

// atOnce is how many rooms a socket joins or leaves before those who wait for mu
// have their turn.
const atOnce = 512

func (rs *rooms) join(s *Socket, names []string, limit int) (err error) {
	for part := range slices.Chunk(names, atOnce) {
		err = rs.enter(s, part, limit, s.track != nil)
		rs.tell()
		if err != nil {
			break
		}
	}
	return err
}

// full reports whether a socket is in as many rooms as it may be in.
func (rs *rooms) full(s *Socket) bool {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return len(s.in) >= s.ns.srv.opts.Limits.Rooms
}

// enter is join for callers that hold a lock: they call tell later. With record
// the socket's track gets the moves.
func (rs *rooms) enter(s *Socket, names []string, limit int, record bool) error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, name := range names {
		if name == s.id || placeLocked(s, name) >= 0 {
			continue
		}
		if len(s.in) >= limit {
			return ErrTooManyRooms
		}
		r := rs.rooms[name]
		if r == nil {
			r = &room{name: name}
			rs.rooms[name] = r
			rs.subs.Hold(name)
			rs.events.add(RoomStepCreated, name, "")
		}
		enterPlaceLocked(s, membership{r, len(r.members)})
		r.members = append(r.members, s)
		rs.events.add(RoomStepJoined, name, s.id)
		if record {
			s.track.moveLocked(name, true)
		}
	}
	return nil
}

func (rs *rooms) leave(s *Socket, name string) {
	rs.exit(s, name)
	rs.tell()
}

// exit is leave for callers that hold a lock: they call tell later.
func (rs *rooms) exit(s *Socket, name string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	i := placeLocked(s, name)
	if i < 0 {
		return
	}
	rs.dropLocked(s.in[i])
	leavePlaceLocked(s, i)
	if s.track != nil {
		s.track.moveLocked(name, false)
	}
}

// dropLocked takes one socket out of one room; the last member takes its place.
func (rs *rooms) dropLocked(m membership) {
	r := m.room
	rs.events.add(RoomStepLeft, r.name, r.members[m.index].id)
	last := len(r.members) - 1
	moved := r.members[last]
	r.members[m.index] = moved
	r.members[last] = nil
	r.members = r.members[:last]
	if last > m.index {
		moved.in[placeLocked(moved, r.name)].index = m.index
	}
	if last == 0 {
		delete(rs.rooms, r.name)
		rs.events.add(RoomStepDeleted, r.name, "")
		rs.subs.Release(r.name)
	}
}

// remove takes a socket out of all its rooms, and lets others have their turn in
// between. It returns their names.
func (rs *rooms) remove(s *Socket) (names []string) {
	for more := true; more; {
		rs.mu.Lock()
		var some []string
		some, more = rs.takeLocked(s, atOnce)
		rs.mu.Unlock()
		if names == nil {
			names = some
		} else {
			names = append(names, some...)
		}
	}
	return names
}

// take is remove for callers that hold a lock. With keep the rooms stay subscribed to
// until forget.
func (rs *rooms) take(s *Socket, keep bool) (names []string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if keep && rs.subs != nil {
		for _, m := range s.in {
			rs.subs.Hold(m.room.name)
		}
	}
	if keep {
		rs.ownSubs.Hold(s.id)
	}
	names, _ = rs.takeLocked(s, noLimit)
	return names
}

// takeLocked takes a socket that is disconnected out of at most so many rooms, and
// makes it unreachable. more reports that it is in others.
func (rs *rooms) takeLocked(s *Socket, limit int) (names []string, more bool) {
	if rs.sockets[s.id] == s {
		delete(rs.sockets, s.id)
		rs.ownSubs.Release(s.id)
	}
	some := s.in[:min(len(s.in), limit)]
	names = make([]string, 0, len(some))
	for _, m := range some {
		names = append(names, m.room.name)
		rs.dropLocked(m)
	}
	more = len(some) < len(s.in)
	s.in, s.places = s.in[len(some):], nil
	if !more {
		s.in = nil
	}
	return names, more
}

// forget ends what take has kept.
func (rs *rooms) forget(id string, names []string) {
	rs.subs.Release(names...)
	rs.ownSubs.Release(id)
}

// tell tells the listeners what has happened, without a lock held.
func (rs *rooms) tell() {
	if rs.events.waiting.Load() {
		rs.events.tell(&rs.mu)
	}
}

func (rs *rooms) of(s *Socket) []string {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	names := make([]string, len(s.in))
	for i, m := range s.in {
		names[i] = m.room.name
	}
	return names
}

func (rs *rooms) has(s *Socket, name string) bool {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return placeLocked(s, name) >= 0
}

// any reports whether a socket is in the room, or has that id.
func (rs *rooms) any(name string) bool {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return rs.rooms[name] != nil || rs.sockets[name] != nil
}

func (rs *rooms) names() []string {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	names := make([]string, 0, len(rs.rooms))
	for name := range rs.rooms {
		names = append(names, name)
	}
	return names
}

// match appends the sockets that the target means, each once. What is sent to
// them is sent after the lock is released.
func (rs *rooms) match(t *adapter.Target, dst []*Socket) []*Socket {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return rs.findLocked(t, dst)
}

// findLocked is match, called with mu held.
func (rs *rooms) findLocked(t *adapter.Target, dst []*Socket) []*Socket {
	switch len(t.Rooms) {
	case 0:
		for _, s := range rs.sockets {
			if !excludedLocked(s, t.Except) {
				dst = append(dst, s)
			}
		}
		return dst
	case 1:
		return rs.matchRoom(t.Rooms[0], t.Except, nil, dst)
	}
	seen := make(map[*Socket]struct{})
	for _, name := range t.Rooms {
		dst = rs.matchRoom(name, t.Except, seen, dst)
	}
	return dst
}

// matchRoom appends the members of one room that are not excluded and, if
// seen is not nil, have not been seen.
func (rs *rooms) matchRoom(name string, except []string, seen map[*Socket]struct{}, dst []*Socket) []*Socket {
	take := func(s *Socket) {
		if excludedLocked(s, except) {
			return
		}
		if seen != nil {
			if _, twice := seen[s]; twice {
				return
			}
			seen[s] = struct{}{}
		}
		dst = append(dst, s)
	}
	own := rs.sockets[name]
	if own != nil {
		take(own)
	}
	if r := rs.rooms[name]; r != nil {
		for _, s := range r.members {
			if s != own {
				take(s)
			}
		}
	}
	return dst
}

// excludedLocked is called with rooms.mu held.
func excludedLocked(s *Socket, except []string) bool {
	for _, name := range except {
		if s.id == name || placeLocked(s, name) >= 0 {
			return true
		}
	}
	return false
}

// count is how many sockets and rooms there are.
func (rs *rooms) count() (sockets, rooms int) {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return len(rs.sockets), len(rs.rooms)
}
