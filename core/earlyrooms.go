package socketio

import (
	"slices"

	"github.com/gosio/gosio/core/internal/roster"
)

// joinEarlyLocked notes a room for a socket that has not joined its namespace, and
// reports whether there was room for it. s.mu is held.
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

// leaveEarlyLocked is the reverse. s.mu is held.
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
