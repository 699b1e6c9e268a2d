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
