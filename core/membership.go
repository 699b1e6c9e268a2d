package socketio

import (
	"slices"

	"github.com/gosio/gosio/core/internal/roster"
)

// Join puts the socket into rooms. Join fails with [ErrTooManyRooms] when the socket is in
// Limits.Rooms rooms, with [ErrRoomName] when a name is too long, and with [ErrClosed]
// when the socket is disconnected.
//
// With an adapter that subscribes by room, Join of a room that this server does not have
// yet waits until the adapter has subscribed, for 5 seconds at most. Listeners of
// [Namespace.OnRoom] and hooks of [Namespace.OnGap] may run on a goroutine of the
// adapter: call Join there in a goroutine of its own. Without such an adapter Join never
// blocks.
func (s *Socket) Join(rooms ...string) error {
	if slices.ContainsFunc(rooms, s.ns.srv.opts.Limits.tooLong) {
		return ErrRoomName // before the adapter hears of it
	}
	if subs := s.ns.rooms.subs; subs != nil && s.connected() && !s.ns.rooms.full(s, s.ns.srv.opts.Limits.Rooms) {
		subs.Await(s.Context(), rooms...)
		defer subs.Release(rooms...)
	}
	return s.joinNow(rooms)
}

// joinNow is Join without the wait for the adapter.
func (s *Socket) joinNow(rooms []string) error {
	if slices.ContainsFunc(rooms, s.ns.srv.opts.Limits.tooLong) {
		return ErrRoomName
	}
	limit := s.ns.srv.opts.Limits.Rooms
	if early, err := joinEarly(s, rooms, limit); early || err != nil {
		return err
	}
	if err := s.joinOrdered(rooms, limit); err != nil {
		return err
	}
	if !s.connected() { // it left meanwhile; nothing may stay behind
		s.leaveAll()
		return ErrClosed
	}
	return nil
}

// joinOrdered joins rooms behind what was sent to them before.
func (s *Socket) joinOrdered(rooms []string, limit int) (err error) {
	r := s.ns.recovery
	if !r.sequenced() {
		return s.ns.rooms.join(s, rooms, limit)
	}
	for part := range slices.Chunk(slices.Clone(rooms), atOnce) { // as in Leave
		if err = r.move(s, part, true, limit); err != nil {
			break
		}
	}
	return err
}

// leaveAll takes a disconnected socket out of its rooms. Rooms returns their names from
// then on. Join and close may both call leaveAll. Listeners of the rooms are called
// last, because they may end the goroutine.
func (s *Socket) leaveAll() {
	rooms := s.ns.rooms.remove(s)
	s.mu.Lock()
	s.rooms = append(s.rooms, rooms...)
	s.mu.Unlock()
	s.ns.rooms.tell()
}

// Leave takes the socket out of rooms.
func (s *Socket) Leave(rooms ...string) {
	leaveEarly(s, rooms)
	if r := s.ns.recovery; r.sequenced() && s.connected() {
		for part := range slices.Chunk(slices.Clone(rooms), atOnce) { // a copy: only here is it to be on the heap
			_ = r.move(s, part, false, 0)
		}
		return
	}
	for _, r := range rooms {
		s.ns.rooms.leave(s, r)
	}
}

// Rooms returns the names of the rooms that the socket is in. For a disconnected socket
// they are the rooms that it was in at the end. The socket's own room, whose name is the
// socket's id, is not among them.
func (s *Socket) Rooms() []string {
	if s.connected() {
		return s.ns.rooms.of(s)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rooms)
}

// InRoom reports whether the socket is in the room. Every socket is in its own room,
// whose name is the socket's id.
func (s *Socket) InRoom(room string) bool {
	if room == s.ID() {
		return true
	}
	if s.connected() {
		return s.ns.rooms.has(s, room)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.rooms, room)
}

// joinEarly stores rooms for a socket that has not joined its namespace yet. It reports
// false for a connected socket, without a lock.
func joinEarly(s *Socket, names []string, limit int) (early bool, err error) {
	if s.connected() {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state.Load() {
	case connected:
		return false, nil
	case disconnected:
		return false, ErrClosed
	}
	for _, name := range names {
		if name != s.id && !joinEarlyLocked(s, name, limit) {
			return true, ErrTooManyRooms
		}
	}
	return true, nil
}

// leaveEarly undoes joinEarly.
func leaveEarly(s *Socket, names []string) {
	if s.state.Load() != connecting {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() == connecting {
		leaveEarlyLocked(s, names)
	}
}

// joinEarlyLocked stores a room for a socket that has not joined its namespace yet. It
// reports false when the socket has limit rooms.
func joinEarlyLocked(s *Socket, name string, limit int) bool {
	if len(s.rooms) <= roster.Indexed {
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

// takeEarlyLocked returns the rooms that joinEarlyLocked has stored, and forgets them.
func takeEarlyLocked(s *Socket) (rooms []string) {
	rooms, s.rooms, s.known = s.rooms, nil, nil
	return rooms
}

// leaveEarlyLocked undoes joinEarlyLocked for each of the names.
func leaveEarlyLocked(s *Socket, names []string) {
	if len(s.rooms) == 0 {
		return
	}
	s.known = nil
	left := func(name string) bool { return slices.Contains(names, name) }
	if len(names) > roster.Indexed {
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
