package sioredis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/core/adapter"
)

// run keeps the connection that appends.
func (o *appender) run() {
	for attempt := 0; ; attempt++ {
		c, closeIt, err := o.l.openFor(o.l.opts.Stream.Name)
		begin, before := time.Now(), o.sent()
		if err == nil {
			if err = o.resume(c); err == nil {
				o.connect()
				err = o.serve(c, o.take, o.send)
			}
			closeIt()
		}
		if o.sent() > before || time.Since(begin) > probeEvery {
			attempt = 0
		}
		o.disconnect(err)
		if attempt == 0 {
			o.l.down("to the stream", err)
		}
		if !rest(o.l.life, attempt) {
			return
		}
	}
}

func (o *appender) sent() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.published
}

// resume finds out what of the things that were sent by the connection before is in the
// stream. What is not is sent again, in its order.
func (o *appender) resume(c rueidis.DedicatedClient) error {
	if err := o.fence(c); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(o.l.life, answerTimeout)
	defer cancel()
	in := &o.l.stream.in
	if err := in.agree(ctx, c); err != nil {
		return err
	}
	o.mu.Lock()
	doubt := len(o.flight) > 0
	o.mu.Unlock()
	var era string
	if doubt {
		now, err := in.end(c)
		if err != nil {
			return err
		}
		if era, err = in.reach(ctx, now.end); err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var again, old []*entry
	for _, e := range o.flight {
		if e.epoch == era {
			again = append(again, e)
		} else {
			old = append(old, e) // another server may have read it before the stream began anew
		}
	}
	o.queue, o.flight = append(again, o.queue...), nil
	for _, e := range old {
		o.overLocked(e)
	}
	o.loseLocked(errAnew, old...)
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
		o.unfenced.Store(true)
		err = nil
	}
	if err == nil {
		o.client = id
	}
	return err
}

// connect: from now on what is queued is sent.
func (o *appender) connect() {
	o.mu.Lock()
	o.connectedLocked()
	o.mu.Unlock()
	o.ring()
	o.l.up()
}

// disconnect: requests fail, volatile events are dropped, and everything else waits.
func (o *appender) disconnect(err error) {
	o.mu.Lock()
	o.brokenLocked(err)
	var requests []*adapter.Request
	drop := func(e *entry) bool {
		if e.waits() {
			return false
		}
		o.overLocked(e)
		if e.request != nil {
			requests = append(requests, e.request)
		}
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
	n := fits(len(o.queue), func(i int) int { return o.queue[i].size() })
	o.batch = append(o.batch[:0], o.queue[:n]...)
	o.batches++
	if n >= largeBatch {
		o.air = make(chan struct{})
	}
	for _, e := range o.batch {
		e.epoch, e.id, e.batch = epoch, "", o.batches
		if e.Place.Number == 0 {
			e.node.number++
			e.Place.Number = e.node.number
		}
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
	defer o.answered()
	o.commands = o.commands[:0]
	whole := len(o.batch) > 1
	if whole {
		o.commands = append(o.commands, c.B().Multi().Build())
	}
	for _, e := range o.batch {
		o.fields = e.AppendFields(o.fields[:0])
		o.commands = append(o.commands, xadd(c.B(), o.l.opts.Stream.Name, o.maxLen, o.fields))
	}
	if whole {
		o.commands = append(o.commands, c.B().Exec().Build())
	}
	results := o.do(c, o.commands)
	answers := results
	if whole {
		answers = results[1 : len(results)-1]
	}
	last := results[len(results)-1]
	for i := range answers {
		if err := answers[i].Error(); isBlame(err) {
			o.refused(o.batch[i], err)
			if !whole {
				return nil
			}
			if isRefusal(last.Error()) { // nothing of the batch is done
				o.undo()
				return nil
			}
			return err
		}
	}
	for i := range results {
		if err := results[i].Error(); err != nil {
			o.suspectLarge(err)
			return err
		}
	}
	ids := make([]string, len(o.batch))
	if !whole {
		ids[0], _ = last.ToString()
	} else if list, err := last.ToArray(); err == nil && len(list) == len(ids) {
		for i := range list {
			if ids[i], err = list[i].ToString(); err != nil {
				o.refused(o.batch[i], err)
			}
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, e := range o.batch {
		if e.id = ids[i]; e.id != "" {
			o.published++
		}
	}
	clear(o.batch)
	return nil
}

// answered tells the tail that a batch has no answer to wait for any more.
func (o *appender) answered() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.air != nil {
		close(o.air)
		o.air = nil
	}
}

// isBlame reports whether Redis refuses one entry, and may take the next one. What is
// about Redis itself, or the rights of its user, has a word of its own.
func isBlame(err error) bool {
	return isRefusal(err) && strings.HasPrefix(err.Error(), "ERR ") && !strings.HasPrefix(err.Error(), "ERR unknown command")
}

// suspectLarge is called when a batch has failed. What is too large for Redis, or for what
// is in front of it, ends the connection, most often without an answer. A large entry is
// alone in its batch.
func (o *appender) suspectLarge(err error) {
	e := o.batch[0]
	var timeout net.Error
	if len(o.batch) > 1 || e.size() <= batchSize || isRefusal(err) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return
	}
	if e.broken++; e.broken == mostBroken {
		o.refused(e, err)
	}
}

// refused gives up an entry that Redis does not take.
func (o *appender) refused(e *entry, err error) {
	o.l.opts.Logger.Error("sioredis: Redis refuses an entry of the stream, and the other servers do not get it", "namespace", e.Namespace, "bytes", len(e.Data), "err", err)
	o.mu.Lock()
	o.flight = slices.DeleteFunc(o.flight, func(other *entry) bool { return other == e })
	o.overLocked(e)
	o.loseLocked(fmt.Errorf("%w: %w", errUnwanted, err), e)
	o.mu.Unlock()
	if e.request != nil {
		e.request.Fail(err)
	}
}

// undo has what of the batch is in the flight sent again.
func (o *appender) undo() {
	o.mu.Lock()
	defer o.mu.Unlock()
	var again []*entry
	o.flight = slices.DeleteFunc(o.flight, func(e *entry) bool {
		if !slices.Contains(o.batch, e) {
			return false
		}
		again = append(again, e)
		return true
	})
	o.queue = append(again, o.queue...)
	clear(o.batch)
}
