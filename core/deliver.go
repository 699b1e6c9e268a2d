package socketio

import (
	"sync"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
)

// matched holds the lists of recipients of broadcasts under way.
var matched = sync.Pool{New: func() any { return new([]*Socket) }}

// deliver sends frames to the sockets of this server that the target means. It
// returns how many have got them into their queue. position is for recovery.
func deliver(ns *Namespace, t *adapter.Target, f *frames, position string) (n int) {
	if ns.recovery != nil {
		return ns.recovery.deliver(t, f, position)
	}
	list := matched.Get().(*[]*Socket)
	sockets := ns.rooms.match(t, (*list)[:0])
	for i, s := range sockets {
		warm(sockets, i)
		// one that is gone, or too slow, is told by its own disconnect
		if f.volatile && s.sendVolatile(f) || !f.volatile && s.send(f) == nil {
			n++
		}
	}
	clear(sockets)
	*list = sockets
	matched.Put(list)
	return n
}

// warmAhead is how many recipients of a broadcast the CPU loads at a time.
const warmAhead = 8

// warm has the CPU load the next recipients, every so often.
func warm(sockets []*Socket, at int) {
	if at%warmAhead != 0 {
		return
	}
	for _, s := range sockets[at:min(at+warmAhead, len(sockets))] {
		(*engine.Layer)(s.sess).Prefetch()
	}
}

// tally counts what an event is delivered to on this server.
type tally struct {
	deliveries int
	bytes      int64
}

// add counts a packet of size bytes. t may be nil: then nobody wants to know.
func (t *tally) add(deliveries int, f *frames) {
	if t != nil {
		t.deliveries += deliveries
		t.bytes += int64(deliveries) * f.size()
	}
}

func (t *tally) result(err error) EmitResult {
	return EmitResult{Err: err, Deliveries: t.deliveries, Bytes: t.bytes}
}
