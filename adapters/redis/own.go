package sioredis

import (
	"time"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/internal/clusterwire"
)

// ownEntry is an entry of this server that need not be read: it is known to be there.
type ownEntry struct {
	clusterwire.Entry
	id string
}

// ahead is the id of the next entry behind a position that this server has appended, if
// Redis has said so: the tail reads up to there. It is empty if there is none. While Redis
// has not answered a large batch the tail waits a little: otherwise it would read all of it.
func (o *appender) ahead(epoch, at string) (id string) {
	id, air := o.nextOwn(epoch, at)
	if air == nil {
		return id
	}
	patience := time.NewTimer(ownPatience)
	defer patience.Stop()
	select {
	case <-air:
	case <-patience.C:
	case <-o.life.Done():
	}
	id, _ = o.nextOwn(epoch, at)
	return id
}

// nextOwn returns what to wait for if Redis has not answered yet.
func (o *appender) nextOwn(epoch, at string) (id string, air <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case len(o.flight) == 0:
		return "", nil
	case o.flight[0].id == "":
		return "", o.air
	case o.flight[0].epoch != epoch || adapter.ComparePositions(o.flight[0].id, at) <= 0:
		return "", nil
	}
	return o.flight[0].id, nil
}

// together appends to dst what Redis has taken in one transaction with the entry that is the
// next one in the flight, and behind it.
func (o *appender) together(dst []ownEntry, epoch, id string) []ownEntry {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.flight) == 0 || o.flight[0].id != id || o.flight[0].epoch != epoch {
		return dst
	}
	for _, e := range o.flight[1:] {
		if e.batch != o.flight[0].batch || e.id == "" {
			break
		}
		dst = append(dst, ownEntry{e.Entry, e.id})
	}
	return dst
}

// pass hands over the entries of this server that are behind one of its own that was read:
// they came in one transaction, so there is nothing between them.
func (t *tail) pass() {
	for i := range t.own {
		e := &t.own[i]
		t.l.in.received.Add(1)
		t.handOver(e.id, &e.Entry, nil)
		t.passed(e.id, len(e.Data))
	}
	clear(t.own)
	t.own = t.own[:0]
}
