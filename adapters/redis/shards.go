package sioredis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// shards are the masters of a Redis Cluster, each with connections of its own, since a
// channel of sharded pub/sub is known to one of them alone. A Redis that is no cluster is
// one master.
type shards struct {
	l    *link
	wake chan struct{} // holds one

	mu      sync.RWMutex
	masters map[string]*master  // by address
	slots   *[slotCount]*master // nil: not known yet
	only    *master             // has all slots; nil: several have
	nowhere *master             // has the channels of slots without a master
	leaving map[*master]bool    // have no slots any more, and still know what they have lost
	past    Stats               // of masters that have gone
	hints   map[int]hint        // by slot: what masters have said
}

// master is one of them.
type master struct {
	addr string // empty: whatever there is
	out  outbox
	sub  subscriber
	end  context.CancelFunc
}

func newShards(l *link) *shards {
	s := &shards{l: l, wake: make(chan struct{}, 1), masters: make(map[string]*master), leaving: make(map[*master]bool), hints: make(map[int]hint)}
	s.nowhere = s.newMaster("")
	return s
}

// newMaster returns a master to which nothing is connected yet.
func (s *shards) newMaster(addr string) *master {
	m := &master{addr: addr}
	life, end := context.WithCancel(s.l.life)
	m.end = end
	open := s.l.open
	if addr != "" {
		open = func() (rueidis.DedicatedClient, func(), error) { return s.l.openAt(addr, m.probe()) }
	}
	m.out.init(life, s.l, open)
	m.sub.init(life, s.l, open, &m.out)
	if addr != "" {
		m.out.moved, m.sub.moved = s.moved, s.moved
	}
	return m
}

func (m *master) probe() string {
	m.sub.mu.Lock()
	defer m.sub.mu.Unlock()
	return m.sub.probe
}

// ofLocked returns the master of a channel.
func (s *shards) ofLocked(channel string) *master {
	if s.only != nil {
		return s.only
	}
	if s.slots != nil {
		if m := s.slots[slot(channel)]; m != nil {
			return m
		}
	}
	return s.nowhere
}

// each calls f for every master, also for the one that is none.
func (s *shards) each(f func(m *master)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f(s.nowhere)
	for _, m := range s.masters {
		f(m)
	}
}

// share calls f for each master of some channels. No channel moves meanwhile.
func (s *shards) share(names []string, f func(m *master, names []string)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	shares := make(map[*master][]string)
	for _, name := range names {
		m := s.ofLocked(name)
		shares[m] = append(shares[m], name)
	}
	for m, names := range shares {
		f(m, names)
	}
}

func (s *shards) subscribe(n *node, _ string, names ...string) *ticket {
	t := newTicket(n)
	s.share(names, func(m *master, names []string) { m.sub.want(t, "", names) })
	t.finish(nil)
	return t
}

func (s *shards) unsubscribe(n *node, _ string, names ...string) *ticket {
	t := newTicket(n)
	s.share(names, func(m *master, names []string) { m.sub.unwant(t, "", names) })
	t.finish(nil)
	return t
}

func (s *shards) patternOf(string) *node { return nil }

func (s *shards) reachable(names []string) (err error) {
	s.share(names, func(m *master, _ []string) { err = errors.Join(err, m.sub.state()) })
	return err
}

// together reports whether one master has both channels. What comes by two connections
// is in no order.
func (s *shards) together(a, b string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ofLocked(a) == s.ofLocked(b)
}

func (s *shards) state() error {
	return s.worst(func(m *master) error { return m.sub.state() })
}

func (s *shards) refusal() error {
	return s.worst(func(m *master) error { return m.sub.refusal() })
}

// worst returns an error of a master, or that there are channels without one.
func (s *shards) worst(state func(m *master) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.slots == nil {
		return s.nowhere.sub.state()
	}
	for addr, m := range s.masters {
		if err := state(m); err != nil && addr != "" {
			return fmt.Errorf("%s: %w", addr, err)
		} else if err != nil {
			return err
		}
	}
	if s.nowhere.sub.count() > 0 {
		return fmt.Errorf("%w: the Redis Cluster has slots without a master", ErrNotConnected)
	}
	return nil
}

func (s *shards) count() (n int) {
	s.each(func(m *master) { n += m.sub.count() })
	return n
}

// sender is the side of the shards that sends.
func (s *shards) sender() sender { return shardedSender{s} }

type shardedSender struct{ s *shards }

// push implements sender. No channel moves meanwhile: what a master that leaves does not
// get it must be able to report.
func (o shardedSender) push(j job) error {
	o.s.mu.RLock()
	defer o.s.mu.RUnlock()
	return o.s.ofLocked(j.channel()).out.push(j)
}

// pushAll implements sender. Jobs for several masters are in no order: then those in front
// are queued one by one.
func (o shardedSender) pushAll(jobs ...job) (err error) {
	if len(jobs) == 0 {
		return o.state()
	}
	o.s.mu.RLock()
	defer o.s.mu.RUnlock()
	for {
		first := o.s.ofLocked(jobs[0].channel())
		if !slices.ContainsFunc(jobs, func(j job) bool { return o.s.ofLocked(j.channel()) != first }) {
			return errors.Join(err, first.out.pushAll(jobs...))
		}
		err = errors.Join(err, first.out.push(jobs[0]))
		jobs = jobs[1:]
	}
}

func (o shardedSender) state() error {
	return o.s.worst(func(m *master) error { return m.out.state() })
}

func (o shardedSender) stats(out *Stats) {
	o.s.mu.RLock()
	defer o.s.mu.RUnlock()
	out.Published += o.s.past.Published
	out.Lost += o.s.past.Lost
	o.s.nowhere.out.stats(out)
	for _, m := range o.s.masters {
		m.out.stats(out)
	}
	for m := range o.s.leaving {
		m.out.stats(out)
	}
}

func (o shardedSender) drain(patience time.Duration) {
	var work sync.WaitGroup
	o.s.each(func(m *master) { work.Go(func() { m.out.drain(patience) }) })
	work.Wait()
}

func (o shardedSender) run() {} // shards.run starts what there is
