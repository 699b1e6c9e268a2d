package sioredis

import (
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/core/adapter"
)

// inbox is the queue of what has come, and the one goroutine that delivers it: the
// goroutine that reads from Redis never waits for what is delivered.
type inbox struct {
	l        *link
	wake     chan struct{} // holds one
	received atomic.Uint64

	mu    sync.Mutex
	queue []item
	bytes int
	lost  int                     // messages that had no place, since the last gap
	late  map[missing]adapter.Gap // gaps that had no place, those of one kind in one
}

// missing is what of a node is lost.
type missing struct {
	node *node
	typ  adapter.GapType
}

// item is a message, or a gap of one node.
type item struct {
	message rueidis.PubSubMessage
	node    *node // of the gap
	gap     adapter.Gap
	free    bool // it takes no place
}

func (i *item) size() int {
	if i.free {
		return 0
	}
	return len(i.message.Message) + len(i.message.Channel) + 96
}

func (in *inbox) init(l *link) { in.l, in.wake = l, make(chan struct{}, 1) }

// message takes a message of the subscriber. When there is too much all is dropped until
// half of it is delivered, and then a gap is reported.
func (in *inbox) message(m rueidis.PubSubMessage) {
	in.received.Add(1)
	it := item{message: m}
	in.mu.Lock()
	if in.fullLocked(it.size()) {
		in.lost++
		in.mu.Unlock()
		return
	}
	in.pushLocked(it)
	in.mu.Unlock()
	in.ring()
}

func (in *inbox) pushLocked(it item) {
	in.bytes += it.size()
	in.queue = append(in.queue, it)
}

// fullLocked reports whether there is no place for so many bytes. If something had no place
// there is none until half is delivered, and that is reported.
func (in *inbox) fullLocked(size int) bool {
	most := in.l.opts.InboxSize
	if in.lostLocked() && in.bytes < most/2 {
		in.overflowLocked()
	}
	return in.lostLocked() || in.bytes > 0 && in.bytes+size > most
}

// lostLocked reports whether something had no place.
func (in *inbox) lostLocked() bool { return in.lost > 0 || len(in.late) > 0 }

// overflowLocked reports what is lost. That takes no place: with many namespaces there would
// be none for the next message, which would be lost, and reported, in turn. It is bounded
// all the same, as the inbox does not overflow again before these gaps are delivered.
func (in *inbox) overflowLocked() {
	for k, g := range in.late {
		in.pushLocked(item{node: k.node, gap: g, free: true})
	}
	in.late = nil
	if in.lost == 0 {
		return
	}
	for _, n := range in.l.all() {
		in.pushLocked(item{node: n, gap: adapter.Gap{Type: adapter.GapIncoming, Operations: in.lost, Err: errInbox}, free: true})
	}
	in.lost = 0
}

// gap has a node report a gap, behind what has come before. When there is too much, gaps of
// one kind become one.
func (in *inbox) gap(n *node, g adapter.Gap) {
	it := item{node: n, gap: g}
	in.mu.Lock()
	if in.fullLocked(it.size()) {
		k := missing{n, g.Type}
		if before, ok := in.late[k]; ok {
			g.Operations, g.Err = g.Operations+before.Operations, before.Err
		} else if in.late == nil {
			in.late = make(map[missing]adapter.Gap)
		}
		in.late[k] = g
	} else {
		in.pushLocked(it)
	}
	in.mu.Unlock()
	in.ring()
}

func (in *inbox) ring() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// run delivers until the link ends.
func (in *inbox) run() {
	for {
		for some := in.take(); len(some) > 0; some = in.take() {
			for i := range some {
				in.deliver(&some[i])
			}
		}
		select {
		case <-in.wake:
		case <-in.l.life.Done():
			return
		}
	}
}

// take returns what is queued, some of it at a time.
func (in *inbox) take() []item {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.queue) == 0 && in.lostLocked() {
		in.overflowLocked()
	}
	n := min(len(in.queue), atOnce)
	some := in.queue[:n:n]
	if in.queue = in.queue[n:]; len(in.queue) == 0 {
		in.queue = nil
	}
	return some
}

func (in *inbox) deliver(it *item) {
	if it.node != nil {
		it.node.deliver(func() { it.node.local.Gap(it.gap) })
	} else {
		in.l.route(it.message)
	}
	in.mu.Lock()
	in.bytes -= it.size()
	in.mu.Unlock()
}
