package socketio

import (
	"slices"
	"sync"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/listeners"
	"github.com/gosio/gosio/core/internal/roster"
	"github.com/gosio/gosio/core/internal/subscription"
)

// rooms has the rooms of a namespace with the sockets of this server. It passes changes
// on to listeners, to the adapter that subscribes, and to the track of the socket.
type rooms struct {
	mu      sync.RWMutex
	index   roster.Index[*Socket]
	events  listeners.Queue[RoomEvent]
	note    func(step RoomStep, room, socket string) // adds to events; mu is held
	tellOne func(RoomEvent)                          // tells the listeners; no lock is held
	subs    *subscription.Names                      // of rooms; nil: the adapter does not subscribe to them
	ownSubs *subscription.Names                      // of sockets' own rooms
}

func (rs *rooms) init(note func(step RoomStep, room, socket string), tell func(RoomEvent)) {
	rs.index = roster.New(func(s *Socket) *roster.Seat[*Socket] { return &s.seat })
	rs.note, rs.tellOne = note, tell
}

// add makes a socket reachable by its id and by broadcasts.
func (rs *rooms) add(s *Socket) {
	rs.mu.Lock()
	rs.index.Add(s.id, s)
	rs.ownSubs.Hold(s.id)
	rs.mu.Unlock()
}

func (rs *rooms) socket(id string) (*Socket, bool) {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return rs.index.Member(id)
}

// atOnce is how many rooms a socket joins or leaves before mu is released for other
// goroutines.
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

// full reports whether a socket is in limit rooms.
func (rs *rooms) full(s *Socket, limit int) bool {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return s.seat.Len() >= limit
}

// enter is join without tell, for a caller that holds a lock and calls tell later. With
// record the track of the socket records the moves.
func (rs *rooms) enter(s *Socket, names []string, limit int, record bool) error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, name := range names {
		if name == s.id || s.seat.Has(name) {
			continue
		}
		if s.seat.Len() >= limit {
			return ErrTooManyRooms
		}
		if rs.index.Join(s, name) {
			rs.subs.Hold(name)
			rs.note(RoomStepCreated, name, "")
		}
		rs.note(RoomStepJoined, name, s.id)
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

// exit is leave without tell, for a caller that holds a lock and calls tell later.
func (rs *rooms) exit(s *Socket, name string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	left, deleted := rs.index.Leave(s, name)
	if !left {
		return
	}
	rs.leftLocked(s, name, deleted)
	if s.track != nil {
		s.track.moveLocked(name, false)
	}
}

func (rs *rooms) leftLocked(s *Socket, name string, deleted bool) {
	rs.note(RoomStepLeft, name, s.id)
	if deleted {
		rs.note(RoomStepDeleted, name, "")
		rs.subs.Release(name)
	}
}

// remove removes a socket from all its rooms, and returns the names of the rooms. It
// releases mu after atOnce rooms each.
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

// take is remove for a caller that holds a lock and calls tell later. With keep the
// server stays subscribed to the rooms until forget.
func (rs *rooms) take(s *Socket, keep bool) (names []string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if keep && rs.subs != nil {
		rs.subs.Hold(s.seat.Rooms()...)
	}
	if keep {
		rs.ownSubs.Hold(s.id)
	}
	names, _ = rs.takeLocked(s, noLimit)
	return names
}

// takeLocked removes a disconnected socket from at most limit rooms, and makes the
// socket unreachable. more reports that the socket is in further rooms.
func (rs *rooms) takeLocked(s *Socket, limit int) (names []string, more bool) {
	if rs.index.Remove(s.id, s) {
		rs.ownSubs.Release(s.id)
	}
	names = make([]string, 0, min(s.seat.Len(), limit))
	more = rs.index.LeaveSome(s, limit, func(name string, deleted bool) {
		names = append(names, name)
		rs.leftLocked(s, name, deleted)
	})
	return names, more
}

// forget ends the subscriptions that take has kept.
func (rs *rooms) forget(id string, names []string) {
	rs.subs.Release(names...)
	rs.ownSubs.Release(id)
}

// tell calls the listeners for the queued changes. No lock may be held.
func (rs *rooms) tell() {
	if rs.events.Waiting() {
		rs.events.Tell(&rs.mu, rs.tellOne)
	}
}

func (rs *rooms) of(s *Socket) []string {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return s.seat.Rooms()
}

func (rs *rooms) has(s *Socket, name string) bool {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return s.seat.Has(name)
}

// any reports whether a socket is in the room, or has that id.
func (rs *rooms) any(name string) bool {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return rs.index.Any(name)
}

func (rs *rooms) names() []string {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return rs.index.Names()
}

// match appends the sockets of the target to dst, each once. The caller sends after the
// lock is released.
func (rs *rooms) match(t *adapter.Target, dst []*Socket) []*Socket {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return rs.findLocked(t, dst)
}

// findLocked is match without the lock.
func (rs *rooms) findLocked(t *adapter.Target, dst []*Socket) []*Socket {
	if !t.Own {
		return rs.index.Find(t.Rooms, t.Except, dst)
	}
	if len(t.Rooms) == 1 {
		if s, ok := rs.index.Member(t.Rooms[0]); ok {
			dst = append(dst, s)
		}
	}
	return dst
}

// count returns the number of sockets and of rooms.
func (rs *rooms) count() (sockets, rooms int) {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	return rs.index.Count()
}
