package socketio

import (
	"context"
	"log/slog"
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/internal/subscription"
)

// subscribe sets up the subscriptions of an adapter that subscribes to rooms or to
// sockets.
func subscribe(ns *Namespace) {
	if by, ok := ns.adapter.(adapter.RoomSubscriber); ok {
		ns.rooms.subs = newSubscriptions(ns, "rooms", by.SubscribeRooms, by.UnsubscribeRooms)
	}
	if by, ok := ns.adapter.(adapter.SocketSubscriber); ok {
		ns.rooms.ownSubs = newSubscriptions(ns, "sockets", by.SubscribeSockets, by.UnsubscribeSockets)
	}
}

func newSubscriptions(ns *Namespace, to string, subscribe func(context.Context, []string) error, unsubscribe func([]string)) *subscription.Names {
	return subscription.New(subscription.Config{
		Subscribe: subscribe, Unsubscribe: unsubscribe,
		Guard: func(doing string, f func()) { ns.srv.guard("Adapter "+doing+" "+to, ns.name, f) },
		Failed: func(names int, err error) {
			ns.srv.note(slog.LevelWarn, "subscribing", "socketio: the adapter could not subscribe in time",
				ns.attrs(slog.String("to", to), slog.Int("names", names), slog.Any("error", err))...)
		},
		Work: &ns.srv.work, Life: ns.srv.subscribing,
	})
}

// awaitSubscriptions waits until the adapter has subscribed to a socket that is about
// to join, and to the rooms that middleware has joined. The caller calls release when
// the socket is in its rooms, which have subscriptions of their own then.
func awaitSubscriptions(s *Socket) (release func()) {
	rs := &s.ns.rooms
	if rs.subs == nil && rs.ownSubs == nil {
		return func() {}
	}
	id, rooms := s.id, grantedRooms(s)
	rs.subs.Hold(rooms...) // at the same time
	rs.ownSubs.Await(s.Context(), id)
	rs.subs.Await(s.Context(), rooms...)
	return func() {
		rs.subs.Release(rooms...)
		rs.subs.Release(rooms...)
		rs.ownSubs.Release(id)
	}
}

// expectRoomsLocked keeps rooms subscribed to that [Broadcast.SocketsJoin] puts sockets into:
// sessions that are away may be among them.
func expectRoomsLocked(r *recovery, rooms []string) {
	// An adapter may deliver while it is made: rooms.subs may be read when a session is
	// kept, for then it has been made.
	if r.kept.Load() == 0 || r.ns.rooms.subs == nil {
		return
	}
	if r.expected == nil {
		r.expected = make(map[string]time.Duration)
	}
	for _, name := range rooms {
		if _, known := r.expected[name]; !known {
			r.ns.rooms.subs.Hold(name)
		}
		r.expected[name] = r.now() + r.opts.MaxDisconnection
	}
}

// expectFewerRoomsLocked ends what expectRoomsLocked has begun, for rooms whose sessions are all gone. It
// returns when to look again, or a negative time.
func expectFewerRoomsLocked(r *recovery, now time.Duration) (next time.Duration) {
	next = -1
	for name, until := range r.expected {
		switch {
		case until < now:
			delete(r.expected, name)
			r.ns.rooms.subs.Release(name)
		case next < 0 || until < next:
			next = until
		}
	}
	return next
}

// expectNoRoomsLocked ends all that expectRoomsLocked has begun: no session is away any more.
func expectNoRoomsLocked(r *recovery) {
	for name := range r.expected {
		r.ns.rooms.subs.Release(name)
	}
	r.expected = nil
}
