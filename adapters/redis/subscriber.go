package sioredis

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/core/adapter"
)

// subscriber is a connection that subscribes, and what it has to be subscribed to. No
// channel is another's, too, since Node servers count connections.
type subscriber struct {
	l        *link
	life     context.Context
	open     func() (rueidis.DedicatedClient, func(), error)
	out      *outbox       // the connection that sends to the same Redis
	moved    func(error)   // channels have another master, or may have; nil: they never do
	wake     chan struct{} // holds one
	received atomic.Uint64
	again    atomic.Bool // what was refused is tried without a pause

	mu       sync.Mutex
	probe    string           // a channel of this server's own
	err      error            // nil: all that was wanted when it connected is confirmed
	refused  map[string]error // channels and patterns that Redis does not let this server subscribe to
	channels map[string]int   // how often each is wanted
	patterns map[string]*node
	queue    []change
	takes    bool                // changes are sent; otherwise the next connection begins with all that is wanted
	leaving  map[string]struct{} // channels of an UNSUBSCRIBE that is under way
	strays   []string            // channels that Redis has unsubscribed from by itself
}

// change is one command that is not sent yet, or only a ticket.
type change struct {
	verb   verb
	names  []string
	ticket *ticket // is finished with the change
}

// verb is a command of Redis.
type verb uint8

const (
	verbSubscribe verb = iota
	verbUnsubscribe
	verbPSubscribe
	verbPUnsubscribe
)

func (s *subscriber) init(life context.Context, l *link, open func() (rueidis.DedicatedClient, func(), error), out *outbox) {
	s.l, s.life, s.open, s.out = l, life, open, out
	s.wake, s.err = make(chan struct{}, 1), ErrNotConnected
	s.channels, s.patterns = make(map[string]int), make(map[string]*node)
}

// probeBy has a channel tell whether the connection passes anything on; no name: none.
func (s *subscriber) probeBy(name string) {
	s.mu.Lock()
	before := s.probe
	s.probe = name
	s.mu.Unlock()
	if before != "" {
		s.unsubscribe(nil, "", before)
	}
	if name != "" {
		s.want(nil, "", []string{name})
	}
}

// subscribe wants channels, and a pattern unless that is empty. The ticket is done when
// Redis has confirmed them. Without a node there is none.
func (s *subscriber) subscribe(n *node, pattern string, names ...string) *ticket {
	t := newTicket(n)
	s.want(t, pattern, names)
	t.finish(nil)
	return t
}

func (s *subscriber) want(t *ticket, pattern string, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := make([]string, 0, len(names))
	for _, name := range names {
		if s.channels[name]++; s.channels[name] == 1 {
			fresh = append(fresh, name)
		}
	}
	if pattern != "" {
		s.patterns[pattern] = t.node
		s.changeLocked(change{verb: verbPSubscribe, names: []string{pattern}, ticket: t})
	}
	s.changeLocked(change{names: fresh, ticket: t})
}

// unsubscribe is its opposite.
func (s *subscriber) unsubscribe(n *node, pattern string, names ...string) *ticket {
	t := newTicket(n)
	s.unwant(t, pattern, names)
	t.finish(nil)
	return t
}

func (s *subscriber) unwant(t *ticket, pattern string, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := make([]string, 0, len(names))
	for _, name := range names {
		if s.channels[name]--; s.channels[name] <= 0 {
			delete(s.channels, name)
			delete(s.refused, name)
			gone = append(gone, name)
		}
	}
	if pattern != "" {
		delete(s.patterns, pattern)
		delete(s.refused, pattern)
		s.changeLocked(change{verb: verbPUnsubscribe, names: []string{pattern}})
	}
	s.changeLocked(change{verb: verbUnsubscribe, names: gone, ticket: t})
}

// changeLocked queues a change, in one command with the last one where that can be.
func (s *subscriber) changeLocked(c change) {
	if !s.takes {
		c.names = nil // they grow without a bound while Redis is away
	}
	if len(c.names) == 0 && c.ticket == nil {
		return
	}
	c.ticket.add()
	if len(s.queue) > 0 {
		last := &s.queue[len(s.queue)-1]
		if last.verb == c.verb && last.ticket == nil && len(last.names)+len(c.names) <= atOnce {
			last.names = append(last.names, c.names...)
			last.ticket = c.ticket
			return
		}
	}
	s.queue = append(s.queue, c)
	s.ring()
}

func (s *subscriber) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *subscriber) patternOf(pattern string) *node {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.patterns[pattern]
}

func (s *subscriber) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.channels) + len(s.patterns)
}

// together reports whether what comes on the two channels is in one order.
func (s *subscriber) together(string, string) bool { return true }

// reachable returns an error while the channels cannot be subscribed to.
func (s *subscriber) reachable([]string) error { return s.state() }

func (s *subscriber) state() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// run keeps the connection.
func (s *subscriber) run() {
	for attempt := 0; ; attempt++ {
		c, closeIt, err := s.open()
		if err == nil {
			lost := c.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: s.message, OnSubscription: s.subscription})
			s.gap(errBroken) // in front of what comes before all is confirmed
			if err = s.resubscribe(c); err == nil {
				attempt = 0
				s.connect()
				err = s.serve(c, lost)
			}
			closeIt()
		}
		if s.disconnect(err) || attempt == 0 {
			s.l.down("incoming", err)
		}
		if s.moved != nil {
			s.moved(err)
		}
		if !rest(s.life, attempt) {
			return
		}
	}
}

func (s *subscriber) message(m rueidis.PubSubMessage) {
	s.received.Add(1)
	s.l.in.message(m)
}

// subscription is told of what is confirmed. Redis unsubscribes by itself from channels
// that have another master now.
func (s *subscriber) subscription(e rueidis.PubSubSubscription) {
	if e.Kind != "sunsubscribe" || s.moved == nil {
		return
	}
	s.mu.Lock()
	_, leaving := s.leaving[e.Channel]
	stray := !leaving && s.channels[e.Channel] > 0
	if stray {
		s.strays = append(s.strays, e.Channel)
	}
	s.mu.Unlock()
	if stray {
		s.moved(nil)
	}
}

// resubscribe subscribes to all that is wanted, and to what is wanted meanwhile.
func (s *subscriber) resubscribe(c rueidis.DedicatedClient) error {
	first := s.l.names()
	isFirst := make(map[string]bool, len(first))
	for _, name := range first {
		isFirst[name] = true
	}
	s.mu.Lock()
	channels, patterns := make([]string, 0, len(s.channels)), make([]string, 0, len(s.patterns))
	for name := range s.channels {
		if !isFirst[name] {
			channels = append(channels, name)
		}
	}
	first = slices.DeleteFunc(first, func(name string) bool { return s.channels[name] == 0 })
	for pattern := range s.patterns {
		patterns = append(patterns, pattern)
	}
	queue := s.queue // is part of that
	s.queue, s.refused, s.takes, s.strays = nil, nil, true, nil
	s.mu.Unlock()
	err := s.command(c, verbPSubscribe, patterns)
	if err == nil || isRefusal(err) {
		// Whoever counts one of the channels of a node counts on the others.
		err = s.command(c, verbSubscribe, append(first, channels...))
	}
	if isRefusal(err) {
		err = nil
	}
	for i := range queue {
		queue[i].ticket.finish(err)
	}
	for err == nil {
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.err = nil
			s.mu.Unlock()
			return nil
		}
		s.mu.Unlock()
		err = s.change(c)
	}
	return err
}

// refuse notes a channel or a pattern that Redis does not let this server subscribe to.
func (s *subscriber) refuse(v verb, name string, err error) {
	if v != verbSubscribe && v != verbPSubscribe {
		return
	}
	if s.moved != nil && isMove(err) {
		defer s.moved(err) // without mu
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[name] == 0 && s.patterns[name] == nil {
		return
	}
	if len(s.refused) == 0 && !isMove(err) {
		s.l.opts.Logger.Error("sioredis: Redis refuses a subscription: this server does not hear all; give its user the channels that docs/cluster.md names", "err", err)
	}
	if s.refused == nil {
		s.refused = make(map[string]error)
	}
	s.refused[name] = err
}

// accept forgets that Redis has refused names.
func (s *subscriber) accept(names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		delete(s.refused, name)
	}
}

// refusal is an error while Redis refuses a subscription.
func (s *subscriber) refusal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.refused {
		if isMove(err) {
			return fmt.Errorf("%w: %w", ErrNotConnected, err)
		}
		return fmt.Errorf("%w, and %d in all: %w", ErrRefused, len(s.refused), err)
	}
	return nil
}

// retry tries again what Redis has refused. What is heard from now on was missed before.
// What is tried counts as refused until Redis has confirmed it: see Engine.Ready.
func (s *subscriber) retry(c rueidis.DedicatedClient) error {
	s.mu.Lock()
	var channels, patterns []string
	for name := range s.refused {
		if s.patterns[name] != nil {
			patterns = append(patterns, name)
		} else {
			channels = append(channels, name)
		}
	}
	s.mu.Unlock()
	for v, names := range map[verb][]string{verbPSubscribe: patterns, verbSubscribe: channels} {
		if err := s.command(c, v, names); err != nil && !isRefusal(err) {
			return err
		}
	}
	s.mu.Lock()
	heard := slices.ContainsFunc(slices.Concat(patterns, channels), func(name string) bool {
		return s.refused[name] == nil && (s.patterns[name] != nil || s.channels[name] > 0)
	})
	s.mu.Unlock()
	if heard {
		s.gap(errRefused)
	}
	return nil
}

// gap has the nodes that use this connection report a gap.
func (s *subscriber) gap(err error) {
	missing := s.l.missing()
	s.mu.Lock()
	missing = users(missing, maps.Keys(s.channels))
	s.mu.Unlock()
	for _, n := range missing {
		s.l.in.gap(n, adapter.Gap{Type: adapter.GapIncoming, Err: err})
	}
}

// connect: all is confirmed. What was published before, to what was confirmed late, may be
// lost.
func (s *subscriber) connect() {
	s.gap(errBroken)
	s.l.up()
}

// disconnect reports whether there was a connection. Who waits need not wait longer.
func (s *subscriber) disconnect(err error) bool {
	s.mu.Lock()
	was := s.err == nil
	s.err = fmt.Errorf("%w: %w", ErrNotConnected, err)
	queue := s.queue
	s.queue, s.takes = nil, false
	s.mu.Unlock()
	for i := range queue {
		queue[i].ticket.finish(ErrNotConnected)
	}
	if was && s.life.Err() == nil { // so that hooks hear of it early
		s.gap(err)
		s.out.suspect()
	}
	return was
}

// serve subscribes and unsubscribes by a connection until that fails, or the link ends.
func (s *subscriber) serve(c rueidis.DedicatedClient, lost <-chan error) error {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	p := probing{seen: s.received.Load()}
	for {
		if err := s.change(c); err != nil {
			return err
		}
		select {
		case <-s.wake:
			if s.again.Swap(false) {
				if err := s.retry(c); err != nil {
					return err
				}
			}
		case err := <-lost:
			if err == nil {
				err = errBroken
			}
			return err
		case <-s.life.Done():
			return ErrClosed
		case <-tick.C:
			if err := s.try(c, &p); err != nil {
				return err
			}
			if err := s.retry(c); err != nil {
				return err
			}
		}
	}
}

// change sends what is queued. An error means that the connection is of no use any more.
func (s *subscriber) change(c rueidis.DedicatedClient) (broken error) {
	s.mu.Lock()
	queue := s.queue
	s.queue = nil
	s.mu.Unlock()
	for _, change := range queue {
		err := broken
		if err == nil {
			err = s.command(c, change.verb, change.names)
		}
		if err != nil && !isRefusal(err) {
			broken = err
		}
		change.ticket.finish(err)
	}
	return broken
}
