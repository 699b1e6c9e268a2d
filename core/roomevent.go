package socketio

import "strconv"

// RoomStep is the kind of a [RoomEvent].
type RoomStep uint8

// The kinds of room events. When the first socket of this server joins a room,
// RoomStepCreated comes before RoomStepJoined. When the last socket leaves,
// RoomStepDeleted comes after RoomStepLeft.
const (
	RoomStepCreated RoomStep = iota + 1
	RoomStepJoined
	RoomStepLeft
	RoomStepDeleted
)

// String returns the name that Node's server uses, such as "create-room".
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

// RoomEvent is a change of a room: of the sockets of this server that are in the room.
type RoomEvent struct {
	Step RoomStep
	// Namespace is the namespace of the room, never a parent.
	Namespace *Namespace
	// Room is the room's name.
	Room string
	// Socket is the id of the socket; empty for RoomStepCreated and RoomStepDeleted.
	Socket string
}
