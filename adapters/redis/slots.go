package sioredis

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// slotRange is slots that one master has.
type slotRange struct {
	first, last int
	addr        string
}

// hint is the master of a slot, as another master has said with MOVED: it knows earlier
// than most.
type hint struct {
	addr string
	at   time.Time
}

// moved has the slots looked up: err may be what a master has said.
func (s *shards) moved(err error) {
	if e, ok := rueidis.IsRedisErr(err); ok {
		words := strings.Fields(e.Error()) // MOVED slot host:port
		if _, is := e.IsMoved(); is && len(words) == 3 {
			k, err := strconv.Atoi(words[1])
			if host, _, e := net.SplitHostPort(words[2]); err == nil && e == nil && host != "" && k >= 0 && k < slotCount {
				s.mu.Lock()
				s.hints[k] = hint{words[2], time.Now()}
				s.mu.Unlock()
			}
		}
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run keeps the masters known, until the link ends.
func (s *shards) run() {
	for attempt := 0; ; attempt++ {
		client, err := s.l.dial()
		if err == nil && client.Mode() != rueidis.ClientModeCluster {
			s.settle([]slotRange{{0, slotCount - 1, ""}})
			<-s.l.life.Done()
			return
		}
		var ranges []slotRange
		if err == nil {
			ranges, err = lookUp(s.l.life, client)
		}
		if err == nil {
			s.settle(ranges)
			attempt = 0
		} else {
			s.nowhere.sub.disconnect(err)
			if attempt == 0 {
				s.l.down("slots", err)
			}
		}
		if !rest(s.l.life, attempt) || err == nil && !s.wait() {
			return
		}
	}
}

// wait waits until the slots should be looked up again.
func (s *shards) wait() bool {
	patience := slotsEvery
	if s.l.ready() != nil {
		patience = pause
	}
	tick := time.NewTimer(patience)
	defer tick.Stop()
	select {
	case <-s.wake:
	case <-tick.C:
	case <-s.l.life.Done():
		return false
	}
	return true
}

// lookUp asks any node which master has which slots.
func lookUp(life context.Context, client rueidis.Client) (ranges []slotRange, err error) {
	err = errNoSlots
	for addr, c := range client.Nodes() {
		ctx, cancel := context.WithTimeout(life, time.Second)
		list, e := c.Do(ctx, c.B().ClusterSlots().Build()).ToArray()
		cancel()
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		for i := range list {
			if r, ok := parseRange(&list[i], addr); ok {
				ranges = append(ranges, r)
			}
		}
		if len(ranges) > 0 {
			return ranges, nil
		}
	}
	return nil, err
}

// parseRange reads one element of the answer to CLUSTER SLOTS: two numbers, and a list of
// nodes, the master first. A node may not know its own address: it is asker's.
func parseRange(m *rueidis.RedisMessage, asked string) (r slotRange, ok bool) {
	list, err := m.ToArray()
	if err != nil || len(list) < 3 {
		return r, false
	}
	first, err1 := list[0].AsInt64()
	last, err2 := list[1].AsInt64()
	node, err3 := list[2].ToArray()
	if errors.Join(err1, err2, err3) != nil || first < 0 || last >= slotCount || len(node) < 2 {
		return r, false
	}
	host, _ := node[0].ToString() // nil: not known
	port, err := node[1].AsInt64()
	if host == "" {
		host, _, _ = net.SplitHostPort(asked)
	}
	return slotRange{int(first), int(last), net.JoinHostPort(host, strconv.FormatInt(port, 10))}, err == nil && host != "?"
}

// settle gives each slot to its master, and each channel to that of its slot.
func (s *shards) settle(ranges []slotRange) {
	ready, heard := s.l.ready() == nil, s.l.heard()
	s.mu.Lock()
	fresh, changed := s.assignLocked(ranges)
	gone := maps.Clone(s.masters)
	for _, m := range s.slots {
		if m != nil {
			delete(gone, m.addr)
		}
	}
	for _, m := range s.masters {
		if gone[m.addr] == nil {
			s.probeLocked(m)
		} else {
			m.sub.probeBy("")
		}
	}
	s.moveLocked(changed, heard)
	for addr, m := range gone {
		delete(s.masters, addr)
		s.leaving[m] = true
	}
	s.mu.Unlock()
	for _, m := range gone {
		m.end()
	}
	for _, m := range fresh { // until m.end, or the link ends
		s.l.work.Go(func() { m.out.run(); s.inherit(m) })
		s.l.work.Go(m.sub.run)
	}
	s.inherit(s.nowhere)
	if !ready { // no connection need be new
		s.l.up()
	}
}

// assignLocked says which master has which slot, and returns the masters that are new.
func (s *shards) assignLocked(ranges []slotRange) (fresh []*master, changed bool) {
	slots := new([slotCount]*master)
	at := func(addr string) *master {
		m := s.masters[addr]
		if m == nil {
			m = s.newMaster(addr)
			s.masters[addr] = m
			fresh = append(fresh, m)
		}
		return m
	}
	for _, r := range ranges {
		m := at(r.addr)
		for k := r.first; k <= r.last; k++ {
			slots[k] = m
		}
	}
	for k, h := range s.hints {
		if time.Since(h.at) > slotsEvery {
			delete(s.hints, k)
		} else {
			slots[k] = at(h.addr)
		}
	}
	changed = s.slots == nil || *s.slots != *slots
	s.slots, s.only = slots, slots[0]
	for _, m := range slots {
		if m != s.only {
			s.only = nil
			break
		}
	}
	return fresh, changed
}

// probeLocked gives a master a channel of its slots.
func (s *shards) probeLocked(m *master) {
	if name := m.probe(); name != "" && s.ofLocked(name) == m {
		return
	}
	for i := 0; ; i++ {
		if name := s.l.probe(strconv.Itoa(i) + "#"); s.ofLocked(name) == m {
			m.sub.probeBy(name)
			return
		}
	}
}

// moveLocked gives each channel to the master of its slot. What is published meanwhile
// may be missed.
func (s *shards) moveLocked(changed bool, heard []*node) {
	moves := make(map[*master]map[string]int)
	all := append(slices.Collect(maps.Values(s.masters)), s.nowhere)
	for _, m := range all {
		if !changed {
			break
		}
		for name, times := range m.sub.release(func(name string) bool { return s.ofLocked(name) == m }) {
			to := s.ofLocked(name)
			if moves[to] == nil {
				moves[to] = make(map[string]int)
			}
			moves[to][name] = times
		}
	}
	for _, m := range all {
		names := moves[m]
		var tickets []*ticket
		missed := m.sub.adopt(names)
		for _, n := range users(heard, slices.Values(missed)) {
			t := newTicket(n)
			t.late = errMoved
			tickets = append(tickets, t)
		}
		m.sub.after(tickets...)
	}
	var none error
	if s.nowhere.sub.count() > 0 {
		none = ErrNotConnected
	}
	for _, t := range s.nowhere.sub.waiting() {
		for _, m := range s.masters {
			t.add()
			m.sub.after(t)
		}
		t.finish(none)
	}
}

// inherit has others report what a master has lost that is none any more.
func (s *shards) inherit(m *master) {
	losses := m.out.giveLosses()
	s.mu.Lock()
	if m != s.nowhere {
		delete(s.leaving, m)
		m.out.stats(&s.past)
	}
	s.mu.Unlock()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for n, l := range losses {
		s.ofLocked(n.channels.base).out.takeLoss(n, l)
	}
}

// openAt returns a connection of its own to the master at an address. A message on the
// probe's channel has the client library hear of an address that is new.
func (l *link) openAt(addr, probe string) (c rueidis.DedicatedClient, closeIt func(), err error) {
	client, err := l.dial()
	if err != nil {
		return nil, nil, err
	}
	node := client.Nodes()[addr]
	if node == nil {
		ctx, cancel := context.WithTimeout(l.life, answerTimeout)
		err = client.Do(ctx, client.B().Spublish().Channel(probe).Message("").Build()).Error()
		cancel()
		if node = client.Nodes()[addr]; node == nil {
			return nil, nil, errors.Join(ErrNotConnected, err)
		}
	}
	c, release := node.Dedicate()
	return l.check(c, l.id, release)
}

// The side of a subscriber whose channels move.

// release gives away channels that are not kept, and how often each is wanted.
func (s *subscriber) release(keep func(name string) bool) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	given := make(map[string]int)
	for name, times := range s.channels {
		if !keep(name) {
			given[name] = times
			delete(s.channels, name)
			delete(s.refused, name)
		}
	}
	if len(given) > 0 {
		s.changeLocked(change{verb: verbUnsubscribe, names: slices.Collect(maps.Keys(given))})
	}
	return given
}

// adopt takes channels, and subscribes again to those from which Redis has unsubscribed
// by itself. It returns all of them.
func (s *subscriber) adopt(names map[string]int) (missed []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, times := range names {
		s.channels[name] += times
		missed = append(missed, name)
	}
	for _, name := range s.strays {
		if s.channels[name] > 0 && names[name] == 0 {
			missed = append(missed, name)
		}
	}
	s.strays = nil
	s.changeLocked(change{names: slices.Clone(missed)})
	if len(s.refused) > 0 {
		s.again.Store(true)
		s.ring()
	}
	return missed
}

// after finishes tickets behind all changes so far.
func (s *subscriber) after(tickets ...*ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range tickets {
		s.changeLocked(change{ticket: t})
		t.finish(nil)
	}
}

// waiting gives away the tickets of those who wait.
func (s *subscriber) waiting() (tickets []*ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.queue {
		if t := s.queue[i].ticket; t != nil {
			tickets = append(tickets, t)
		}
	}
	s.queue = nil
	return tickets
}

// giveLosses gives away what is not reported yet.
func (o *outbox) giveLosses() map[*node]*loss {
	o.mu.Lock()
	defer o.mu.Unlock()
	losses := o.losses
	o.losses = make(map[*node]*loss)
	return losses
}

// takeLoss reports what another outbox has lost.
func (o *outbox) takeLoss(n *node, l *loss) {
	o.mu.Lock()
	if own := o.losses[n]; own != nil {
		own.operations += l.operations
	} else {
		o.losses[n] = l
	}
	o.mu.Unlock()
	o.ring()
}
