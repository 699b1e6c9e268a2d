package adapter

import "context"

// RoomSubscriber is implemented by adapters that want the operations of a server's own
// rooms alone, and so subscribe by room at their engine. The core asks for it when the
// adapter is made.
//
// The core calls the methods one at a time and holds no lock, with at most [MaxNames]
// names: while one call is under way, the names of all sockets that join meanwhile
// gather for the next. What happens to one room is told in order. A room stays
// subscribed while a socket of this server is in it, while one is joining, and while a
// session is kept for recovery that was in it, so that the session misses nothing.
//
// An operation that comes right behind an [OpJoin] may be for a room that other servers
// have not subscribed to: a Publish must send what is for such a room to all servers,
// until they have had the time to subscribe (10 seconds are plenty). So must it send what
// has no Rooms.
type RoomSubscriber interface {
	// SubscribeRooms subscribes, and returns when the engine has confirmed it: from
	// then on all that others publish for these rooms arrives. Socket.Join of the core
	// waits for that before anybody sees the socket in the room; so SubscribeRooms
	// must not wait for what Apply or Respond do. ctx ends after 5 seconds, and when
	// the adapter is being closed: then the sockets join all the same.
	//
	// An error means that it is not confirmed: the core logs it. The adapter goes on
	// trying until UnsubscribeRooms, and reports a [Gap] if something was missed. An
	// adapter that knows that its engine is away returns an error at once.
	SubscribeRooms(ctx context.Context, rooms []string) error
	// UnsubscribeRooms ends the subscription of rooms that this server does not have
	// any more. It does not wait for the engine.
	UnsubscribeRooms(rooms []string)
}

// SocketSubscriber is [RoomSubscriber] for the rooms that sockets have for themselves,
// which are named by their ids. The core calls it beside, and concurrently with, the
// methods of RoomSubscriber, before a client learns that it has joined.
type SocketSubscriber interface {
	SubscribeSockets(ctx context.Context, ids []string) error
	UnsubscribeSockets(ids []string)
}

// MaxNames is the most names that one call of a subscriber has.
const MaxNames = 512
