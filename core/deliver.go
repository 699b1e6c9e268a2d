package socketio

import (
	"sync"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
)

// matched pools the lists of recipients of broadcasts.
var matched = sync.Pool{New: func() any { return new([]*Socket) }}

// deliver sends a broadcast to the sockets of this server that the target means, and
// returns for how many it was queued. position is for recovery.
func deliver(ns *Namespace, t *adapter.Target, f *frames, position string, told *tally) (n int) {
	if ns.recovery != nil {
		return ns.recovery.deliver(t, f, position, told)
	}
	list := matched.Get().(*[]*Socket)
	sockets := ns.rooms.match(t, (*list)[:0])
	for i, s := range sockets {
		warm(sockets, i)
		f.written = told.mark()
		var err error // one that is gone, or too slow, is told by its own disconnect
		if !f.volatile {
			err = s.send(f)
		} else if !s.sendVolatile(f) {
			err = errDropped
		}
		if err == nil {
			n++
		}
		told.recipient(s, err)
	}
	f.written = nil
	clear(sockets)
	*list = sockets
	matched.Put(list)
	return n
}

// warmAhead is how many recipients of a broadcast are prefetched at a time.
const warmAhead = 8

// warm prefetches the next warmAhead recipients, once in warmAhead calls.
func warm(sockets []*Socket, at int) {
	if at%warmAhead != 0 {
		return
	}
	for _, s := range sockets[at:min(at+warmAhead, len(sockets))] {
		(*engine.Layer)(s.sess).Prefetch()
	}
}

// tally counts the deliveries of an event on this server, and their bytes.
type tally struct {
	deliveries int
	bytes      int64

	lists // what a Tracer wants
}

// add counts deliveries of a packet. t may be nil: then there is no Observer.
func (t *tally) add(deliveries int, f *frames) {
	if t != nil {
		t.deliveries += deliveries
		t.bytes += int64(deliveries) * f.size()
	}
}

func (t *tally) result(err error) EmitResult {
	return EmitResult{Err: err, Deliveries: t.deliveries, Bytes: t.bytes, Recipients: t.recipients, Data: t.data}
}
