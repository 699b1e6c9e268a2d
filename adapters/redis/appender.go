package sioredis

import (
	"errors"
	"slices"
	"sort"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// appender is the queue of all that this server appends to the stream, and the one writer
// that takes from it. What it has sent it keeps until the tail has found it in the stream:
// so it knows after a connection has broken what is there, and what is to be sent again.
type appender struct {
	writer
	l        *link
	unfenced atomic.Bool // Redis may do late what a connection before was sent: entries come twice

	// Used by the writer only.
	batch    []*entry
	commands rueidis.Commands
	fields   []string
	maxLen   string // Stream.MaxLen
	client   int64  // the number that Redis gives to the connection; 0: none yet

	// Guarded by mu.
	queue   []*entry      // to be sent; those that were sent before are in front
	flight  []*entry      // sent, and not found in the stream yet
	air     chan struct{} // closed when Redis has answered a large batch; nil: there is none
	batches uint64
	bytes   int                 // of both
	turn    uint64              // of the newest entry
	senders map[string]struct{} // uids of all nodes that have entries in queue or flight, and of some that had
}

// entry is one entry of the stream.
type entry struct {
	clusterwire.Entry
	node     *node
	request  *adapter.Request // fails when the entry cannot be sent at once; nil: it is no request
	volatile bool             // is dropped when it cannot be sent at once
	since    time.Time
	turn     uint64 // counts what is queued; a mark has that of what is lost
	epoch    string // in which it was sent
	id       string // that Redis has given it; empty: Redis has not answered
	batch    uint64 // in which it was sent: all of a batch or nothing is in the stream, and nothing else between
	broken   int    // how many connections have ended while it was sent
	mark     bool   // tells the other servers that something is lost
}

func (e *entry) size() int { return len(e.Data) + len(e.Namespace) + 160 }

// waits reports whether an entry is sent later when it cannot be sent at once.
func (e *entry) waits() bool { return e.request == nil && !e.volatile }

func (o *appender) init(l *link) {
	o.begin(l.life)
	o.l, o.senders, o.maxLen = l, make(map[string]struct{}), strconv.Itoa(l.opts.Stream.MaxLen)
}

// push queues an entry.
func (o *appender) push(e *entry) error {
	e.since = time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	full := func() bool { return o.bytes > 0 && o.bytes+e.size() > o.l.opts.OutboxSize }
	if full() {
		o.expireLocked(e.since)
	}
	if errors.Is(o.err, ErrClosed) || o.err != nil && !e.waits() {
		return o.err
	}
	o.turn++
	e.turn = o.turn
	if full() {
		o.loseLocked(ErrOutboxFull, e)
		return ErrOutboxFull
	}
	e.node.newest = e.turn
	o.bytes += e.size()
	o.queue = append(o.queue, e)
	o.noteSenderLocked(e)
	o.ring()
	return nil
}

// noteSenderLocked remembers whose entry it is. Nodes come and go: now and then those
// that have no entries are forgotten.
func (o *appender) noteSenderLocked(e *entry) {
	if len(o.senders) > 64+2*(len(o.queue)+len(o.flight)) {
		clear(o.senders)
		for _, e := range slices.Concat(o.queue, o.flight) {
			o.senders[e.node.uid] = struct{}{}
		}
	}
	o.senders[e.node.uid] = struct{}{}
}

// overLocked is called for each entry that was queued, and is in no list any more.
func (o *appender) overLocked(e *entry) {
	o.bytes -= e.size()
	if l := o.losses[e.node]; l != nil && e.turn <= l.until && !e.mark {
		l.left--
	}
}

// loseLocked notes entries that will not be in the stream. Of each node they followed each
// other: one mark tells of them.
func (o *appender) loseLocked(err error, entries ...*entry) {
	turns := make(map[*node]uint64)
	var nodes []*node
	for _, e := range entries {
		switch {
		case e.mark:
			o.losses[e.node].marks--
		case !e.waits():
			continue
		default:
			o.writer.loseLocked(e.node, err)
		}
		if _, known := turns[e.node]; !known {
			nodes = append(nodes, e.node)
		}
		turns[e.node] = e.turn
	}
	for _, n := range nodes {
		o.markLocked(n, turns[n])
	}
}

// markLocked queues a mark of what a node has lost, in the place of that, but behind what
// was sent before: that has numbers, and readers expect them to grow. A mark is never
// given up, so there is only one between two entries of the node.
func (o *appender) markLocked(n *node, turn uint64) {
	l := o.losses[n]
	queued := l.mark != nil && l.mark.Place.Number == 0
	if queued && n.newest <= l.mark.turn && l.mark.turn <= turn {
		return
	}
	at := sort.Search(len(o.queue), func(i int) bool { return o.queue[i].Place.Number == 0 && o.queue[i].turn > turn })
	if queued && (o.isMarkedLocked(n, at-1, -1) || o.isMarkedLocked(n, at, 1)) {
		return
	}
	m, _ := (&clusterwire.Message{UID: n.uid, Namespace: n.namespace, Type: clusterwire.Gap}).Entry() // of nothing
	e := &entry{Entry: *m, node: n, mark: true, turn: turn}
	if !queued || turn >= l.mark.turn {
		l.mark = e
	}
	l.marks++
	o.bytes += e.size()
	o.queue = slices.Insert(o.queue, at, e)
	o.noteSenderLocked(e)
	o.ring()
}

// isMarkedLocked reports whether the next that a node has in the queue, from i on in a direction,
// is a mark that was not sent.
func (o *appender) isMarkedLocked(n *node, i, direction int) bool {
	for ; i >= 0 && i < len(o.queue) && o.queue[i].Place.Number == 0; i += direction {
		if e := o.queue[i]; e.node == n {
			return e.mark
		}
	}
	return false
}

// expireLocked gives up what waits for too long.
func (o *appender) expireLocked(now time.Time) {
	n := 0
	var old []*entry
	for ; n < len(o.queue); n++ {
		if e := o.queue[n]; e.mark {
			continue
		} else if now.Sub(e.since) <= o.l.opts.Stream.Patience {
			break
		} else {
			old = append(old, e)
		}
	}
	if len(old) == 0 {
		return
	}
	kept := o.queue[n:]
	marks := slices.DeleteFunc(o.queue[:n:n], func(e *entry) bool { return !e.mark })
	o.queue = slices.Concat(marks, kept)
	for _, e := range old {
		o.overLocked(e)
	}
	o.loseLocked(errPatience, old...)
}

// seen is called by the tail for each entry of a Go server, and reports whether it is one
// of this server: then those that were sent before it and are not found are gone from the
// stream. The node that has sent it may have left since: a child namespace with its last
// client.
func (o *appender) seen(uid string, number uint64) (ours bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ours = o.senders[uid]; !ours {
		return false
	}
	is := func(e *entry) bool { return e.node.uid == uid && e.Place.Number == number }
	if at := slices.IndexFunc(o.flight, is); at >= 0 {
		o.landLocked(at + 1)
		return true
	}
	for i, e := range o.queue { // Redis was late with what is to be sent again
		if e.Place.Number == 0 {
			break
		}
		if is(e) {
			o.queue = slices.Delete(o.queue, i, i+1)
			o.foundLocked(e)
			break
		}
	}
	return true
}

// foundLocked is called for an entry that is in the stream, and in no list any more.
func (o *appender) foundLocked(e *entry) {
	o.overLocked(e)
	if !e.mark {
		return
	}
	l := o.losses[e.node]
	if l.marks--; l.marks > 0 {
		return
	}
	l.until, l.left = o.turn, 0
	for _, list := range [][]*entry{o.flight, o.queue} {
		for _, e := range list {
			if e.node == l.node && !e.mark {
				l.left++
			}
		}
	}
}

// landLocked takes the first entries of the flight, all but the last of which are lost.
func (o *appender) landLocked(n int) {
	landed := o.flight[:n]
	if o.flight = o.flight[n:]; len(o.flight) == 0 {
		o.flight = nil
	}
	for _, e := range landed[:n-1] {
		o.overLocked(e)
	}
	o.loseLocked(errTrimmed, landed[:n-1]...)
	o.foundLocked(landed[n-1])
	clear(landed)
}

// settle is called by the tail from time to time: what Redis has taken up to a position,
// and the tail has not found, is gone.
func (o *appender) settle(at string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for n < len(o.flight) && o.flight[n].id != "" && adapter.ComparePositions(o.flight[n].id, at) <= 0 {
		n++
	}
	gone := slices.Clone(o.flight[:n])
	clear(o.flight[:n])
	o.flight = o.flight[n:]
	for _, e := range gone {
		o.overLocked(e)
	}
	o.loseLocked(errTrimmed, gone...)
}

// report is called by the tail. It tells the hooks of this server of what is lost, when
// the others can know: the marks are in the stream, and so is what was queued before that.
func (o *appender) report() {
	o.mu.Lock()
	var due []*loss
	for n, l := range o.losses {
		if l.marks == 0 && l.left == 0 {
			due = append(due, l)
			delete(o.losses, n)
		}
	}
	o.mu.Unlock()
	for _, l := range due {
		l.node.deliver(func() {
			l.node.local.Gap(adapter.Gap{Type: adapter.GapOutgoing, Operations: l.operations, Err: l.err})
		})
	}
}

func (o *appender) stats(s *Stats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.statsLocked(s)
	s.Waiting += o.bytes
	s.Queued += len(o.queue) + len(o.flight)
}
