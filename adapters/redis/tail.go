package sioredis

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// stream is what a server in the mode Streams has beside its channels: one that reads
// the stream, and one that appends to it.
type stream struct {
	in  tail
	out appender
}

// follow has a node follow the stream, and waits until it does, or ctx ends.
func (s *stream) follow(ctx context.Context, n *node) {
	s.in.join(n)
	if s.in.state() == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(n.link.life, 2*lookEvery)
		defer cancel()
	}
	select {
	case <-n.followed:
	case <-ctx.Done():
	}
}

// tail reads the stream, and hands over what is in it, one entry at a time.
type tail struct {
	l   *link
	key string

	handing sync.Mutex // held while something is handed over; guards the next ones
	epoch   string     // of what is followed; empty: nothing is yet
	at      string     // everything up to it is handed over
	numbers map[string]uint64

	// Used by the reader only.
	anchor   string // an entry from which on everything is read; while it is there nothing of that is trimmed
	anchored int    // entries that are read since

	mu     sync.Mutex
	err    error         // nil: connected
	fresh  []*node       // are to be told where the stream is
	seenAt string        // a copy of at
	era    string        // a copy of epoch
	moved  chan struct{} // closed when seenAt or err changes; nil: nobody waits
}

func (t *tail) init(l *link) {
	t.l, t.key, t.err, t.numbers = l, l.opts.Stream.Name, ErrNotConnected, make(map[string]uint64)
}

// run keeps the connection.
func (t *tail) run() {
	for attempt := 0; ; attempt++ {
		c, closeIt, err := t.l.openFor(t.key)
		was := false
		if err == nil {
			if err = t.begin(c); err == nil {
				attempt = 0
				t.set(nil)
				t.l.up()
				was, err = true, t.serve(c)
			}
			closeIt()
		}
		t.set(fmt.Errorf("%w: %w", ErrNotConnected, err))
		if was || attempt == 0 {
			t.l.down("of the stream", err)
		}
		if !rest(t.l.life, attempt) {
			return
		}
	}
}

func (t *tail) set(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	t.tellLocked()
}

func (t *tail) state() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

func (t *tail) tellLocked() {
	if t.moved != nil {
		close(t.moved)
		t.moved = nil
	}
}

// reach waits until everything up to a position is handed over, and returns the epoch in
// which that was.
func (t *tail) reach(ctx context.Context, position string) (era string, err error) {
	for {
		t.mu.Lock()
		if t.err == nil && adapter.ComparePositions(t.seenAt, position) >= 0 {
			defer t.mu.Unlock()
			return t.era, nil
		}
		if t.moved == nil {
			t.moved = make(chan struct{})
		}
		moved := t.moved
		t.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// where is the position up to which everything is handed over, and its epoch.
func (t *tail) where() (epoch, at string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.era, t.seenAt
}

// join has a node follow the stream, at the next entry or at once.
func (t *tail) join(n *node) {
	t.mu.Lock()
	t.fresh = append(t.fresh, n)
	t.mu.Unlock()
	if t.handing.TryLock() { // otherwise who has it does so; it may be the caller of this
		t.welcomeLocked()
		t.handing.Unlock()
	}
}

// leave takes a node off the list of those that are to follow.
func (t *tail) leave(n *node) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fresh = slices.DeleteFunc(t.fresh, func(other *node) bool { return other == n })
}

// welcomeLocked tells fresh nodes where the stream is.
func (t *tail) welcomeLocked() {
	if t.epoch == "" {
		return
	}
	t.mu.Lock()
	fresh := t.fresh
	t.fresh = nil
	t.mu.Unlock()
	for _, n := range fresh {
		n.deliver(func() {
			if n.heard.Load() { // it has served clients before Redis was there
				n.local.Gap(adapter.Gap{Type: adapter.GapIncoming, Err: errBroken})
			}
			n.local.Follow(t.epoch, t.at)
		})
		n.following = true
		close(n.followed)
	}
}

// handOver hands over one entry.
func (t *tail) handOver(id string, e *clusterwire.Entry, broken error) {
	t.handing.Lock()
	defer t.handing.Unlock()
	t.welcomeLocked()
	t.at = id
	n := t.l.node(e.Namespace)
	own := n != nil && e.UID == n.uid
	if e.Place.Number > 0 {
		t.l.stream.out.seen(e.UID, e.Place.Number)
	}
	if isRepeated(t.numbers, e) || n == nil || !n.following {
		return
	}
	if own {
		if e.Place.Append > 0 {
			n.deliver(func() { n.local.Placed(e.Place.Append, id) })
		}
		return
	}
	n.deliver(func() {
		err := broken
		if err == nil {
			err = streamed{n}.take(e, id)
		}
		if err == nil {
			return
		}
		if err != errTheirGap { //nolint:errorlint // it is not wrapped
			t.l.dropped.Add(1)
		}
		n.local.Gap(adapter.Gap{Type: adapter.GapIncoming, Operations: 1, Err: err})
		n.local.Follow(t.epoch, id)
	})
}

// isRepeated reports whether an entry was sent twice: its server did not know that Redis
// had it. numbers are the newest of each server.
func isRepeated(numbers map[string]uint64, e *clusterwire.Entry) bool {
	p := e.Place.Number
	switch {
	case p == 0:
		return false
	case p <= numbers[e.UID]:
		return true
	case len(numbers) >= mostPeers:
		clear(numbers) // anybody may write to Redis
	}
	numbers[e.UID] = p
	return false
}

// lost reports that entries are missing before the next one.
func (t *tail) lost(at string, err error) {
	t.handing.Lock()
	defer t.handing.Unlock()
	t.at = at
	for _, n := range t.l.all() {
		if n.following {
			n.deliver(func() {
				n.local.Gap(adapter.Gap{Type: adapter.GapIncoming, Err: err})
				n.local.Follow(t.epoch, at)
			})
		}
	}
	t.l.opts.Logger.Warn("sioredis: entries of the stream are gone before this server has read them: is Options.Stream.MaxLen too small?", "err", err)
}

// renew follows a log that has begun anew, from a position on.
func (t *tail) renew(epoch, at string) {
	t.handing.Lock()
	defer t.handing.Unlock()
	first := t.epoch == ""
	t.epoch, t.at, t.anchor, t.anchored = epoch, at, "", 0
	if first {
		t.welcomeLocked()
		return
	}
	t.l.opts.Logger.Warn("sioredis: the stream has begun anew: what it had is gone")
	for _, n := range t.l.all() {
		if n.following {
			n.deliver(func() { n.local.Follow(epoch, at) })
		}
	}
}

// advance tells who waits how far this server is.
func (t *tail) advance() {
	t.handing.Lock()
	t.welcomeLocked()
	epoch, at := t.epoch, t.at
	t.handing.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if at != t.seenAt || epoch != t.era {
		t.seenAt, t.era = at, epoch
		t.tellLocked()
	}
}

// begin finds out where the stream is, compared with what this server knows of it.
func (t *tail) begin(c rueidis.DedicatedClient) error {
	epoch, err := t.epochOf(c)
	if err != nil {
		return err
	}
	last, end, err := t.end(c)
	if err != nil {
		return err
	}
	switch {
	case t.epoch != "" && epoch == t.epoch && adapter.ComparePositions(last, t.at) < 0:
		// Redis has come back with less than it had. Others that have read less do not notice.
		if err = t.setEpoch(c); err == nil {
			epoch, err = t.epochOf(c)
		}
		if err != nil {
			return err
		}
		t.renew(epoch, end)
	case epoch != t.epoch:
		t.change(epoch, end)
	}
	t.advance()
	return nil
}

// change follows another epoch. What is in a log that is new is new to this server.
func (t *tail) change(epoch, end string) {
	if t.epoch != "" && adapter.ComparePositions(end, t.at) >= 0 {
		end = t.at
	}
	t.renew(epoch, end)
}

// serve reads by a connection until that fails, or the link ends.
func (t *tail) serve(c rueidis.DedicatedClient) error {
	looked, tried := time.Now(), time.Now()
	for {
		if err := t.read(c); err != nil {
			return err
		}
		t.advance()
		now := time.Now()
		if now.Sub(looked) >= lookEvery {
			looked = now
			if err := t.look(c); err != nil {
				return err
			}
		}
		if now.Sub(tried) >= probeEvery {
			tried = now
			if err := ping(c); err != nil {
				return err
			}
		}
	}
}

// look finds out whether the stream is still the same.
func (t *tail) look(c rueidis.DedicatedClient) error {
	epoch, err := t.epochOf(c)
	if err != nil || epoch == t.epoch {
		t.l.stream.out.settle(t.at)
		return err
	}
	_, end, err := t.end(c)
	if err != nil {
		return err
	}
	t.change(epoch, end)
	t.advance()
	return nil
}

// read waits for entries, and hands them over.
func (t *tail) read(c rueidis.DedicatedClient) error {
	ctx, cancel := context.WithTimeout(t.l.life, lookEvery+answerTimeout)
	defer cancel()
	commands := rueidis.Commands{
		c.B().Xread().Count(readCount).Block(lookEvery.Milliseconds()).Streams().Key(t.key).Id(t.at).Build(),
	}
	if t.anchor != "" {
		commands = append(commands, c.B().Xrange().Key(t.key).Start(t.anchor).End(t.anchor).Count(1).Build())
	}
	results := c.DoMulti(ctx, commands...)
	entries, err := readEntries(results[0], t.key)
	if err != nil {
		return err
	}
	if t.anchor != "" {
		there, err := results[1].ToArray()
		if err != nil {
			return err
		}
		if len(there) == 0 {
			if err := t.adrift(c, entries); err != nil {
				return err
			}
		}
	}
	for i := range entries {
		t.one(&entries[i])
	}
	return nil
}

// one hands over one entry as Redis gives it.
func (t *tail) one(x *rueidis.XRangeSlice) {
	size := 0
	e, err := clusterwire.ReadEntry(len(x.FieldValues), func(i int) (name, value string) {
		size += len(x.FieldValues[i].Value)
		return x.FieldValues[i].Field, x.FieldValues[i].Value
	})
	t.l.in.received.Add(1)
	t.handOver(x.ID, &e, err)
	// The anchor is read again with each batch.
	if t.anchored++; size <= smallEntry || t.anchor == "" || t.anchored > 1000 {
		t.anchor, t.anchored = x.ID, 0
	}
}

// adrift is called when the anchor is gone: what was behind it may be, too.
func (t *tail) adrift(c rueidis.DedicatedClient, entries []rueidis.XRangeSlice) error {
	t.anchor, t.anchored = "", 0
	epoch, err := t.epochOf(c)
	if err != nil {
		return err
	}
	last, end, err := t.end(c)
	switch {
	case err != nil:
		return err
	case epoch != t.epoch:
		t.change(epoch, end)
	case len(entries) > 0:
		t.lost(predecessor(entries[0].ID), errTrimmed)
	case adapter.ComparePositions(last, t.at) > 0:
		t.lost(last, errTrimmed)
	}
	return nil
}

// readEntries reads the answer to XREAD. There may be nothing new.
func readEntries(r rueidis.RedisResult, key string) ([]rueidis.XRangeSlice, error) {
	all, err := r.AsXReadSlices()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	return all[key], err
}
