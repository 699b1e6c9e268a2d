package sioredis

import (
	"context"
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
	newest   string // an entry that was there
	count    int    // of the entries to be read at once
	absent   string // an entry of this server that was looked for
	own      []ownEntry

	mu     sync.Mutex
	err    error         // nil: connected
	fresh  []*node       // are to be told where the stream is
	seenAt string        // a copy of at
	era    string        // a copy of epoch
	last   string        // a copy of newest
	moved  chan struct{} // closed when seenAt or err changes; nil: nobody waits
}

func (t *tail) init(l *link) {
	t.l, t.key, t.err, t.numbers = l, l.opts.Stream.Name, ErrNotConnected, make(map[string]uint64)
}

// run keeps the connection.
func (t *tail) run() {
	for attempt := 0; ; attempt++ {
		c, closeIt, err := t.l.openFor(t.key)
		if err == nil {
			if err = t.begin(c); err == nil {
				t.set(nil)
				t.l.up()
				var some bool
				if some, err = t.serve(c); some {
					attempt = 0
				}
			}
			closeIt()
		}
		t.set(unavailable(err))
		if attempt == 0 {
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

// agree waits until this server knows the stream as a connection sees it. What is appended
// before hides from others that Redis has come back with less than it had.
func (t *tail) agree(ctx context.Context, c rueidis.DedicatedClient) error {
	for {
		epoch, err := t.epochOf(c)
		if err != nil {
			return err
		}
		t.mu.Lock()
		same, last := t.err == nil && t.era == epoch, t.last
		t.mu.Unlock()
		if same {
			gone, err := t.vanished(c, last)
			if err != nil || !gone {
				return err
			}
		}
		select {
		case <-time.After(pause / 2):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
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
	if e.Place.Number > 0 && t.l.stream.out.seen(e.UID, e.Place.Number) {
		defer t.l.stream.out.report()
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
// had it. numbers are the newest of each server. A number that is far behind is no
// repetition: somebody has forged a later one.
func isRepeated(numbers map[string]uint64, e *clusterwire.Entry) bool {
	p, newest := e.Place.Number, numbers[e.UID]
	switch {
	case p == 0:
		return false
	case p <= newest && newest-p < mostAgain:
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
func (t *tail) renew(epoch, at, newest string) {
	t.handing.Lock()
	defer t.handing.Unlock()
	first := t.epoch == ""
	t.epoch, t.at, t.newest, t.anchor, t.anchored = epoch, at, newest, "", 0
	if adapter.ComparePositions(newest, at) <= 0 {
		t.anchor = newest
	}
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
	t.last = t.newest
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
	now, err := t.end(c)
	if err != nil {
		return err
	}
	if t.count == 0 || t.count > firstCount {
		t.count = firstCount
	}
	switch {
	case epoch != t.epoch:
		t.change(epoch, now)
	default:
		var gone bool
		if gone, err = t.vanished(c, t.newest); gone {
			err = t.anew(c)
		}
	}
	t.advance()
	return err
}

// anew is called when Redis has come back with less than it had. Others that have read
// less, or look when more was appended, do not notice: the stream gets another epoch.
func (t *tail) anew(c rueidis.DedicatedClient) error {
	epoch, err := t.epochOf(c)
	if err == nil && epoch == t.epoch { // nobody else was faster
		if err = t.setEpoch(c); err == nil {
			epoch, err = t.epochOf(c)
		}
	}
	if err != nil {
		return err
	}
	now, err := t.end(c)
	if err == nil {
		t.change(epoch, now)
	}
	return err
}

// change follows another epoch. What is in a log that is new is new to this server.
func (t *tail) change(epoch string, now ending) {
	end := now.end
	if t.epoch != "" && adapter.ComparePositions(end, t.at) >= 0 {
		end = t.at
	}
	t.renew(epoch, end, now.newest)
}

// serve reads by a connection until that fails, or the link ends. It reports whether
// something could be read.
func (t *tail) serve(c rueidis.DedicatedClient) (some bool, err error) {
	looked, tried := time.Now(), time.Now()
	for {
		if err := t.read(c); err != nil {
			return some, err
		}
		some = true
		t.advance()
		now := time.Now()
		if now.Sub(looked) >= lookEvery {
			looked = now
			t.tell()
			if err := t.look(c); err != nil {
				return some, err
			}
		}
		if now.Sub(tried) >= probeEvery {
			tried = now
			if err := ping(c); err != nil {
				return some, err
			}
		}
	}
}

// tell says to all nodes how far this server is: also to those of which nothing is in the
// stream.
func (t *tail) tell() {
	t.handing.Lock()
	defer t.handing.Unlock()
	for _, n := range t.l.all() {
		if n.following {
			n.deliver(func() { n.local.Reached(t.at) })
		}
	}
}

// look finds out whether the stream is still the same.
func (t *tail) look(c rueidis.DedicatedClient) error {
	epoch, err := t.epochOf(c)
	if err != nil || epoch == t.epoch {
		t.l.stream.out.settle(t.at)
		t.l.stream.out.report()
		return err
	}
	now, err := t.end(c)
	if err != nil {
		return err
	}
	t.change(epoch, now)
	t.advance()
	return nil
}
