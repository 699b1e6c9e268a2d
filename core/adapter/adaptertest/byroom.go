package adaptertest

import (
	"context"
	"slices"
	"time"

	"github.com/gosio/gosio/core/adapter"
)

// byRoom is a node that subscribes.
type byRoom struct{ *node }

var (
	_ adapter.RoomSubscriber   = byRoom{}
	_ adapter.SocketSubscriber = byRoom{}
)

// concerns reports whether an operation has to be sent to another node of a bus that
// knows subscriptions. Called with bus.mu held.
func (n *node) concerns(op *adapter.Operation, other *node) bool {
	if op.Type == adapter.OpJoin {
		if n.joined == nil {
			n.joined = make(map[string]bool)
		}
		for _, room := range op.Rooms { // others may not have subscribed when more comes for them
			n.joined[room] = true
		}
	}
	return len(op.Target.Rooms) == 0 || slices.ContainsFunc(op.Target.Rooms, func(room string) bool {
		return other.names[room] || n.joined[room]
	})
}

// latency is that of a subscription.
const latency = time.Millisecond

func (n byRoom) add(ctx context.Context, names []string) error {
	timer := time.NewTimer(latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	if n.names == nil {
		n.names = make(map[string]bool)
	}
	for _, name := range names {
		n.names[name] = true
	}
	return nil
}

func (n byRoom) remove(names []string) {
	n.bus.mu.Lock()
	defer n.bus.mu.Unlock()
	for _, name := range names {
		delete(n.names, name)
	}
}

// SubscribeRooms implements adapter.RoomSubscriber.
func (n byRoom) SubscribeRooms(ctx context.Context, rooms []string) error { return n.add(ctx, rooms) }

// UnsubscribeRooms implements adapter.RoomSubscriber.
func (n byRoom) UnsubscribeRooms(rooms []string) { n.remove(rooms) }

// SubscribeSockets implements adapter.SocketSubscriber.
func (n byRoom) SubscribeSockets(ctx context.Context, ids []string) error { return n.add(ctx, ids) }

// UnsubscribeSockets implements adapter.SocketSubscriber.
func (n byRoom) UnsubscribeSockets(ids []string) { n.remove(ids) }
