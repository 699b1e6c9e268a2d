package socketio

import (
	"slices"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/pending"
)

// What waits for the log finds sockets where they were when it was asked for: those that
// have moved since are looked at one by one.

// meantLocked finds the sockets of a target at a place. Those who come back learn at pos
// where they were; 0: it is kept for nobody. rooms.mu is held, too.
func meantLocked(r *recovery, at place, t *adapter.Target, pos uint64, dst []*Socket) []*Socket {
	sockets := r.ns.rooms.findLocked(t, dst)
	if at.seq == 0 || t.Own {
		return sockets
	}
	before := r.seq.steps.Before(at.seq, t.Rooms, t.Except)
	if pos > 0 {
		pinAwayLocked(r, at, pos, &before, t.Rooms, t.Except)
	}
	for _, pid := range before.Members {
		s := r.live[pid]
		if s == nil {
			continue
		}
		i, meant := slices.Index(sockets, s), means(t, s.id, func(name string) bool {
			was, later := before.Was(pid, name)
			return name == s.id || was || !later && s.seat.Has(name)
		})
		switch {
		case meant && i < 0:
			sockets = append(sockets, s)
		case !meant && i >= 0:
			sockets = slices.Delete(sockets, i, i+1)
		}
		if pos > 0 {
			pinLocked(&before, pid, func(name string, was bool) {
				if was != s.seat.Has(name) {
					s.track.onceLocked(pos, name, was)
				}
			}, t.Rooms, t.Except)
		}
	}
	return sockets
}

// pinAwayLocked notes for sessions that are kept in which rooms they were when an operation
// was asked for that has its place now.
func pinAwayLocked(r *recovery, at place, pos uint64, before *pending.Before, rooms ...[]string) {
	for _, pid := range before.Members {
		e := r.stored[pid]
		if e == nil {
			continue
		}
		sess := e.Value.(*session)
		pinLocked(before, pid, func(name string, was bool) {
			sess.Track.Once(pos, name, was, r.log.First())
			if sess.form != nil && at.position != "" {
				sess.form.Moves = append(sess.form.Moves, adapter.Move{Position: at.position, Room: name, Joined: was, Once: true})
			}
		}, rooms...)
	}
}

// pinLocked calls f for each of the rooms that a member has moved into or out of since.
func pinLocked(before *pending.Before, pid string, f func(name string, was bool), rooms ...[]string) {
	for _, names := range rooms {
		for _, name := range names {
			if was, later := before.Was(pid, name); later {
				f(name, was)
			}
		}
	}
}

// stillMoved are the rooms of an operation but for those that the socket has joined or left
// since it was asked for: that was later, and holds.
func stillMoved(s *Socket, rooms []string, before *pending.Before) []string {
	if len(before.Members) == 0 {
		return rooms
	}
	return slices.DeleteFunc(slices.Clone(rooms), func(name string) bool {
		_, later := before.Was(s.track.pid, name)
		return later
	})
}
