package socketio

import (
	"strconv"
	"sync"
	"sync/atomic"
)

// RoomStep says what has happened to a room.
type RoomStep uint8

// The types of room events. When a socket joins a room that nobody of this
// server was in, RoomStepCreated comes before RoomStepJoined; when the last one leaves,
// RoomStepDeleted comes after RoomStepLeft.
const (
	RoomStepCreated RoomStep = iota + 1
	RoomStepJoined
	RoomStepLeft
	RoomStepDeleted
)

// String is the name that the reference has for it, such as "create-room".
func (t RoomStep) String() string {
	switch t {
	case RoomStepCreated:
		return "create-room"
	case RoomStepJoined:
		return "join-room"
	case RoomStepLeft:
		return "leave-room"
	case RoomStepDeleted:
		return "delete-room"
	}
	return "RoomStep(" + strconv.Itoa(int(t)) + ")"
}

// RoomEvent is a change of the sockets of this server that are in a room.
type RoomEvent struct {
	Step RoomStep
	// Namespace is the one that the room is in, never a parent.
	Namespace *Namespace
	// Room is the room's name.
	Room string
	// Socket is the id of the socket; empty for RoomStepCreated and RoomStepDeleted.
	Socket string
}

// roomEvents are those that listeners have not heard of yet. The lock of rooms
// guards them.
type roomEvents struct {
	ns      *Namespace
	queue   []RoomEvent
	waiting atomic.Bool // queue has some
	telling bool        // somebody does
}

// add notes what has happened, if anybody listens.
func (e *roomEvents) add(t RoomStep, room, socket string) {
	if e.ns.scope.rooms.Empty() && (e.ns.parent == nil || e.ns.parent.scope.rooms.Empty()) {
		return
	}
	e.queue = append(e.queue, RoomEvent{t, e.ns, room, socket})
	e.waiting.Store(true)
}

// tell tells the listeners what there is, unless somebody does already, who
// goes on with it. Called without mu, the lock of rooms.
func (e *roomEvents) tell(mu sync.Locker) {
	mu.Lock()
	if e.telling {
		mu.Unlock()
		return
	}
	e.telling = true
	mu.Unlock()
	e.tellAll(mu)
}

// tellAll is tell for who does it.
func (e *roomEvents) tellAll(mu sync.Locker) {
	returned := false
	defer func() {
		if !returned { // a listener has ended the goroutine, see Socket.quit
			go e.tellAll(mu)
		}
	}()
	for {
		mu.Lock()
		if len(e.queue) == 0 {
			e.queue, e.telling = nil, false
			e.waiting.Store(false)
			mu.Unlock()
			returned = true
			return
		}
		event := e.queue[0]
		e.queue = e.queue[1:]
		mu.Unlock()
		tellRoom(e.ns, event)
	}
}

// tellRoom tells the listeners of one event. Their panics are logged.
func tellRoom(ns *Namespace, event RoomEvent) {
	if ns.parent != nil {
		ns.parent.scope.tellRoom(ns, event)
	}
	ns.scope.tellRoom(ns, event)
}

func (c *scope) tellRoom(ns *Namespace, event RoomEvent) {
	for _, f := range c.rooms.All() {
		ns.srv.guard("OnRoom", ns.name, func() { (*f)(event) })
	}
}
