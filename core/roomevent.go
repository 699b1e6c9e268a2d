package socketio

import "strconv"

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

// noteRoom notes a change of a room, if anybody listens. The lock of rooms is held.
func noteRoom(ns *Namespace, step RoomStep, room, socket string) {
	if ns.scope.rooms.Empty() && (ns.parent == nil || ns.parent.scope.rooms.Empty()) {
		return
	}
	ns.rooms.events.Add(RoomEvent{step, ns, room, socket})
}

// tellRoom tells the listeners of one change. Their panics are logged.
func tellRoom(ns *Namespace, e RoomEvent) {
	if ns.parent != nil {
		ns.parent.scope.tellRoom(e)
	}
	ns.scope.tellRoom(e)
}

func (c *scope) tellRoom(e RoomEvent) {
	for _, f := range c.rooms.All() {
		e.Namespace.srv.guard("OnRoom", e.Namespace.name, func() { (*f)(e) })
	}
}
