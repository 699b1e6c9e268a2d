package ratelimit

import (
	"context"
	"hash/maphash"
	"sync"
	"time"
)

// Memory is a [Store] in this process. Its memory is bounded: a name takes 8 bytes for its
// hash and 8 for its time, whatever its length, and is forgotten when it is whole again.
// When there are too many names, the one of a few that has used least is forgotten for
// each new one: so whoever has used up its limit does not get it back by making others,
// and a newcomer is not refused. Make one with [NewMemory]; its methods may be called
// concurrently.
type Memory struct {
	seed   maphash.Seed
	began  time.Time
	shards [shards]shard
}

var _ Store = (*Memory)(nil)

const (
	shards  = 16
	samples = 16 // names of which one is forgotten
)

// shard is a part of the names. A name that was not used since the generation before the
// last began is whole again, and forgotten with that.
type shard struct {
	mu       sync.Mutex
	max      int           // names of a generation
	now, old generation    // old: the generation before
	began    time.Duration // the beginning of now
	span     time.Duration // the longest time in which a name is whole again
}

// generation maps the hash of a name to when the name is whole again.
type generation map[uint64]time.Duration

// NewMemory returns a store of at most so many names. Zero means 500,000, which take 30 MB.
func NewMemory(maxNames int) *Memory {
	if maxNames <= 0 {
		maxNames = 500_000
	}
	m := &Memory{seed: maphash.MakeSeed(), began: time.Now()}
	for i := range m.shards {
		m.shards[i].max = max(1, maxNames/shards/2)
	}
	return m
}

// Take implements [Store]. It never fails.
func (m *Memory) Take(_ context.Context, name string, l Limit, cost int, maxWait time.Duration) (time.Duration, bool, error) {
	wait, ok := m.take(name, l, cost, maxWait)
	return wait, ok, nil
}

// Len is the number of names that are remembered, for metrics and tests. Of those that are
// whole again some are among them.
func (m *Memory) Len() (n int) {
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		n += len(s.now) + len(s.old)
		s.mu.Unlock()
	}
	return n
}

func (m *Memory) take(name string, l Limit, cost int, maxWait time.Duration) (wait time.Duration, ok bool) {
	hash := maphash.String(m.seed, name)
	each := l.each()
	maxWait = min(maxWait, longest) // it is added to other times
	s := &m.shards[hash%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Since(m.began)
	s.turnLocked(now, each*time.Duration(l.Burst)+maxWait)
	at, known := s.now[hash]
	if !known {
		at = s.old[hash]
	}
	next, wait, ok := advance(at, now, each, l.Burst, cost, maxWait)
	if ok {
		s.putLocked(hash, next, !known)
	}
	return wait, ok
}

// turnLocked begins a generation when it is time. span is the time in which a name that is
// used now is whole again.
func (s *shard) turnLocked(now, span time.Duration) {
	s.span = max(s.span, span)
	if now-s.began < s.span {
		return
	}
	s.old, s.now = s.now, nil
	if now-s.began >= 2*s.span {
		s.old = nil
	}
	s.began = now
}

func (s *shard) putLocked(hash uint64, at time.Duration, added bool) {
	if s.now == nil {
		s.now = make(generation)
	}
	if added {
		delete(s.old, hash)
		if len(s.now) >= s.max {
			s.now.forgetOne()
		}
	}
	s.now[hash] = at
}

// forgetOne forgets, of a few names, the one that has used least.
func (g generation) forgetOne() {
	var least uint64
	var at time.Duration
	n := 0
	for hash, t := range g {
		if n == 0 || t < at {
			least, at = hash, t
		}
		if n++; n == samples {
			break
		}
	}
	delete(g, least)
}
