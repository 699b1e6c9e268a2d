package sioredis

import (
	"context"
	"errors"
	"slices"
	"strings"
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
	l *link

	// Used by the writer only.
	batch    []*entry
	commands rueidis.Commands
	client   int64 // the number that Redis gives to the connection; 0: none yet

	// Guarded by mu.
	queue   []*entry            // to be sent
	flight  []*entry            // sent, and not found in the stream yet
	bytes   int                 // of both
	senders map[string]struct{} // uids of all nodes that have entries in queue or flight, and of some that had
}

// entry is one entry of the stream.
type entry struct {
	*clusterwire.Entry
	node    *node
	request *adapter.Request // fails when the entry cannot be sent at once; nil: it is sent later
	since   time.Time
	epoch   string // in which it was sent
	id      string // that Redis has given it; empty: Redis has not answered
	mark    bool   // is of nobody who would miss it
}

func (e *entry) size() int { return len(e.Data) + len(e.Namespace) + 160 }

func (o *appender) init(l *link) {
	o.begin(l.life)
	o.l, o.senders = l, make(map[string]struct{})
}

// push queues an entry.
func (o *appender) push(e *entry) error {
	e.since = time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	size := e.size()
	if o.bytes+size > o.l.opts.OutboxSize {
		o.expireLocked(e.since)
	}
	switch {
	case errors.Is(o.err, ErrClosed), o.err != nil && e.request != nil:
		return o.err
	case o.bytes+size > o.l.opts.OutboxSize:
		o.loseLocked(e, ErrOutboxFull)
		return ErrOutboxFull
	}
	o.addLocked(e)
	return nil
}

func (o *appender) addLocked(e *entry) {
	e.node.number++
	e.Place.Number = e.node.number
	o.bytes += e.size()
	o.queue = append(o.queue, e)
	o.noteSenderLocked(e)
	o.ring()
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

// loseLocked notes an entry that will not be in the stream.
func (o *appender) loseLocked(e *entry, err error) {
	if e.mark || e.request != nil {
		return
	}
	o.writer.loseLocked(e.node, err)
}

// expireLocked gives up what waits for too long.
func (o *appender) expireLocked(now time.Time) {
	n := 0
	for n < len(o.queue) && now.Sub(o.queue[n].since) > o.l.opts.Stream.Patience {
		o.bytes -= o.queue[n].size()
		o.loseLocked(o.queue[n], errPatience)
		n++
	}
	clear(o.queue[:n])
	o.queue = o.queue[n:]
}

// seen is called by the tail for each entry of a Go server. If it is one of this server,
// those that were sent before it and are not found are gone from the stream. The node
// that has sent it may have left since: a child namespace with its last client.
func (o *appender) seen(uid string, number uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ours := o.senders[uid]; !ours {
		return
	}
	is := func(e *entry) bool { return e.node.uid == uid && e.Place.Number == number }
	if at := slices.IndexFunc(o.flight, is); at >= 0 {
		o.landLocked(at + 1)
	} else if at := slices.IndexFunc(o.queue, is); at >= 0 { // Redis was late with what is to be sent again
		o.bytes -= o.queue[at].size()
		o.queue = slices.Delete(o.queue, at, at+1)
	}
}

// landLocked takes the first entries of the flight, all but the last of which are lost.
func (o *appender) landLocked(n int) {
	for i, e := range o.flight[:n] {
		o.bytes -= e.size()
		if i < n-1 {
			o.loseLocked(e, errTrimmed)
		}
	}
	clear(o.flight[:n])
	if o.flight = o.flight[n:]; len(o.flight) == 0 {
		o.flight = nil
	}
}

// settle is called by the tail from time to time: what Redis has taken up to a position,
// and the tail has not found, is gone.
func (o *appender) settle(at string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for n < len(o.flight) && o.flight[n].id != "" && adapter.ComparePositions(o.flight[n].id, at) <= 0 {
		o.bytes -= o.flight[n].size()
		o.loseLocked(o.flight[n], errTrimmed)
		n++
	}
	clear(o.flight[:n])
	o.flight = o.flight[n:]
}

// run keeps the connection that appends.
func (o *appender) run() {
	for attempt := 0; ; attempt++ {
		c, closeIt, err := o.l.openFor(o.l.opts.Stream.Name)
		was := false
		if err == nil {
			if err = o.resume(c); err == nil {
				attempt = 0
				o.connect()
				was, err = true, o.serve(c, o.take, o.send)
			}
			closeIt()
		}
		o.disconnect(err)
		if was || attempt == 0 {
			o.l.down("to the stream", err)
		}
		if !rest(o.l.life, attempt) {
			return
		}
	}
}

// resume finds out what of the things that were sent by the connection before is in the
// stream. What is not is sent again, in its order.
func (o *appender) resume(c rueidis.DedicatedClient) error {
	if err := o.fence(c); err != nil {
		return err
	}
	o.mu.Lock()
	doubt := len(o.flight) > 0
	o.mu.Unlock()
	var era string
	if doubt {
		_, end, err := o.l.stream.in.end(c)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(o.l.life, answerTimeout)
		defer cancel()
		if era, err = o.l.stream.in.reach(ctx, end); err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	again := o.flight[:0:0]
	for _, e := range o.flight {
		if e.epoch == era {
			again = append(again, e)
			continue
		}
		o.bytes -= e.size() // another server may have read it before the stream began anew
		o.loseLocked(e, errAnew)
	}
	o.queue, o.flight = append(again, o.queue...), nil
	o.expireLocked(time.Now())
	return nil
}

// fence sees to it that Redis does nothing more of what came by the connection before: it
// may still have to read that.
func (o *appender) fence(c rueidis.DedicatedClient) error {
	ctx, cancel := context.WithTimeout(o.l.life, answerTimeout)
	defer cancel()
	// Another Redis, or the same one started again, gives the same numbers to others.
	name, id := "gosio-"+o.l.id, int64(0)
	err := c.Do(ctx, c.B().ClientSetname().ConnectionName(name).Build()).Error()
	if err == nil {
		id, err = c.Do(ctx, c.B().ClientId().Build()).AsInt64()
	}
	if before := o.client; err == nil && before > 0 && before != id {
		var list string
		list, err = c.Do(ctx, c.B().ClientList().Id().ClientId(before).Build()).ToString()
		if err == nil && strings.Contains(list, " name="+name+" ") {
			err = c.Do(ctx, c.B().ClientKill().Id(before).Build()).Error()
		}
	}
	if isRefusal(err) {
		o.l.opts.Logger.Warn("sioredis: Redis does not let this server end its old connection: Node servers may get twice what was under way; give its user +client", "err", err)
		err = nil
	}
	if err == nil {
		o.client = id
	}
	return err
}

// connect: from now on what is queued is sent. First of all comes what is lost.
func (o *appender) connect() {
	o.mu.Lock()
	o.connectedLocked()
	o.mu.Unlock()
	o.ring()
	o.l.up()
}

// reportLocked tells of losses: the hooks of this server, and by a mark in the stream the
// other servers.
func (o *appender) reportLocked() {
	for n, l := range o.losses {
		delete(o.losses, n)
		o.l.in.gap(n, adapter.Gap{Type: adapter.GapOutgoing, Operations: l.operations, Err: l.err})
		e, _ := (&clusterwire.Message{UID: n.uid, Namespace: n.namespace, Type: clusterwire.Gap}).Entry() // of nothing
		o.addLocked(&entry{Entry: e, node: n, mark: true, since: time.Now()})
	}
}

// disconnect: requests fail, and everything else waits.
func (o *appender) disconnect(err error) {
	o.mu.Lock()
	o.brokenLocked(err)
	var requests []*adapter.Request
	drop := func(e *entry) bool {
		if e.request == nil {
			return false
		}
		o.bytes -= e.size()
		requests = append(requests, e.request)
		return true
	}
	o.queue, o.flight = slices.DeleteFunc(o.queue, drop), slices.DeleteFunc(o.flight, drop)
	o.mu.Unlock()
	for _, req := range requests {
		req.Fail(ErrNotConnected)
	}
}

// take moves what is queued into the batch and the flight, and reports whether there is
// something.
func (o *appender) take() bool {
	epoch, _ := o.l.stream.in.where()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.losses) > 0 {
		o.reportLocked()
	}
	n := fits(len(o.queue), func(i int) int { return o.queue[i].size() })
	o.batch = append(o.batch[:0], o.queue[:n]...)
	for _, e := range o.batch {
		e.epoch, e.id = epoch, ""
	}
	o.flight = append(o.flight, o.batch...)
	clear(o.queue[:n])
	if o.queue = o.queue[n:]; len(o.queue) == 0 {
		o.queue = nil
		if n == 0 {
			o.emptyLocked()
		}
	}
	return n > 0
}

// send sends the batch, all of it or nothing, and waits for Redis to have it. After an
// error nobody knows which.
func (o *appender) send(c rueidis.DedicatedClient) error {
	o.commands = o.commands[:0]
	whole := len(o.batch) > 1
	if whole {
		o.commands = append(o.commands, c.B().Multi().Build())
	}
	for _, e := range o.batch {
		o.commands = append(o.commands, xadd(c.B(), o.l.opts.Stream.Name, o.l.opts.Stream.MaxLen, e.Fields()))
	}
	if whole {
		o.commands = append(o.commands, c.B().Exec().Build())
	}
	results := o.do(c, o.commands)
	for i := range results {
		if err := results[i].Error(); err != nil {
			return err
		}
	}
	ids := make([]string, len(o.batch))
	last := results[len(results)-1]
	if !whole {
		ids[0], _ = last.ToString()
	} else if list, err := last.ToArray(); err == nil && len(list) == len(ids) {
		for i := range list {
			var err error
			if ids[i], err = list[i].ToString(); err != nil {
				return err
			}
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, e := range o.batch {
		e.id = ids[i]
	}
	o.published += uint64(len(o.batch))
	clear(o.batch)
	return nil
}

func (o *appender) stats(s *Stats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.statsLocked(s)
	s.Waiting += o.bytes
	s.Queued += len(o.queue) + len(o.flight)
}
