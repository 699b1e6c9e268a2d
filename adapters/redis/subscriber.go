package sioredis

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/gosio/gosio/core/adapter"
)

// subscriber is the one connection that subscribes, and what it has to be subscribed to:
// one, since Node servers count connections.
type subscriber struct {
	l     *link
	wake  chan struct{} // holds one
	probe string        // a channel of this server's own

	mu       sync.Mutex
	err      error            // nil: all that was wanted when it connected is confirmed
	refused  map[string]error // channels and patterns that Redis does not let this server subscribe to
	channels map[string]int   // how often each is wanted
	patterns map[string]*node
	queue    []change
	open     bool // changes are sent; otherwise the next connection begins with all that is wanted
}

// change is one command that is not sent yet, or only a ticket.
type change struct {
	verb   verb
	names  []string
	ticket *ticket // is done with the change
	part   *ticket // fails with the change
}

// verb is a command of Redis.
type verb uint8

const (
	verbSubscribe verb = iota
	verbUnsubscribe
	verbPSubscribe
	verbPUnsubscribe
)

// ticket is what somebody waits for.
type ticket struct {
	node *node
	done chan struct{} // closed when all before it is confirmed, or is not
	err  error         // set before
	late bool          // nobody waits any more; guarded by subscriber.mu
}

func (s *subscriber) init(l *link) {
	s.l, s.wake, s.err = l, make(chan struct{}, 1), ErrNotConnected
	s.probe = l.opts.Prefix + "-probe#" + l.id + "#"
	s.channels, s.patterns = map[string]int{s.probe: 1, l.peers: 1}, make(map[string]*node)
}

// subscribe wants channels, and a pattern unless that is empty. The ticket is done when
// Redis has confirmed them.
// Without a node there is none.
func (s *subscriber) subscribe(n *node, pattern string, names ...string) (t *ticket) {
	if n != nil {
		t = &ticket{node: n, done: make(chan struct{})}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := make([]string, 0, len(names))
	for _, name := range names {
		if s.channels[name]++; s.channels[name] == 1 {
			fresh = append(fresh, name)
		}
	}
	if pattern != "" {
		s.patterns[pattern] = n
		s.changeLocked(change{verb: verbPSubscribe, names: []string{pattern}, part: t})
	}
	s.changeLocked(change{names: fresh, ticket: t})
	return t
}

// unsubscribe is its opposite. Without a node there is no ticket.
func (s *subscriber) unsubscribe(n *node, pattern string, names ...string) (t *ticket) {
	if n != nil {
		t = &ticket{node: n, done: make(chan struct{})}
	}
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
	return t
}

// changeLocked queues a change, in one command with the last one where that can be.
func (s *subscriber) changeLocked(c change) {
	if !s.open {
		c.names = nil // they grow without a bound while Redis is away
	}
	if len(c.names) == 0 && c.ticket == nil {
		return
	}
	if len(s.queue) > 0 {
		last := &s.queue[len(s.queue)-1]
		if last.verb == c.verb && last.ticket == nil && last.part == nil && len(last.names)+len(c.names) <= atOnce {
			last.names = append(last.names, c.names...)
			last.ticket, last.part = c.ticket, c.part
			return
		}
	}
	s.queue = append(s.queue, c)
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

func (s *subscriber) state() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// run keeps the connection.
func (s *subscriber) run() {
	for attempt := 0; ; attempt++ {
		c, closeIt, err := s.l.open()
		if err == nil {
			lost := c.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: s.l.in.message})
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
		if !s.l.rest(attempt) {
			return
		}
	}
}

// resubscribe subscribes to all that is wanted, and to what is wanted meanwhile.
func (s *subscriber) resubscribe(c rueidis.DedicatedClient) error {
	first := s.l.names()
	s.mu.Lock()
	channels, patterns := make([]string, 0, len(s.channels)), make([]string, 0, len(s.patterns))
	for name := range s.channels {
		if !slices.Contains(first, name) {
			channels = append(channels, name)
		}
	}
	first = slices.DeleteFunc(first, func(name string) bool { return s.channels[name] == 0 })
	for pattern := range s.patterns {
		patterns = append(patterns, pattern)
	}
	queue := s.queue // is part of that
	s.queue, s.refused, s.open = nil, nil, true
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
		s.finish(queue[i].ticket, err)
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

// command sends one kind of command, for so many names at once, and waits until Redis
// confirms it. Names that Redis refuses are noted, and do not stop others.
func (s *subscriber) command(c rueidis.DedicatedClient, v verb, names []string) (refusal error) {
	for len(names) > 0 {
		some := names[:min(len(names), atOnce)]
		names = names[len(some):]
		err := s.commandOnce(c, v, some)
		switch {
		case err == nil:
		case !isRefusal(err):
			return err
		case len(some) > 1:
			for i := range some {
				if err := s.command(c, v, some[i:i+1]); err != nil && !isRefusal(err) {
					return err
				} else if err != nil {
					refusal = err
				}
			}
		default:
			refusal = err
			s.refuse(v, some[0], err)
		}
	}
	return refusal
}

// isRefusal reports whether Redis has understood a command, and does not do it.
func isRefusal(err error) bool {
	_, refused := rueidis.IsRedisErr(err)
	return err != nil && refused
}

// commandOnce sends one command.
func (s *subscriber) commandOnce(c rueidis.DedicatedClient, v verb, names []string) error {
	var cmd rueidis.Completed
	switch v {
	case verbSubscribe:
		cmd = s.l.dialect.subscribe(c.B(), names)
	case verbUnsubscribe:
		cmd = s.l.dialect.unsubscribe(c.B(), names)
	case verbPSubscribe:
		cmd = c.B().Psubscribe().Pattern(names...).Build()
	case verbPUnsubscribe:
		cmd = c.B().Punsubscribe().Pattern(names...).Build()
	}
	ctx, cancel := context.WithTimeout(s.l.life, answerTimeout)
	defer cancel()
	return c.Do(ctx, cmd).Error()
}

// refuse notes a channel or a pattern that Redis does not let this server subscribe to.
func (s *subscriber) refuse(v verb, name string, err error) {
	if v != verbSubscribe && v != verbPSubscribe {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[name] == 0 && s.patterns[name] == nil {
		return
	}
	if len(s.refused) == 0 {
		s.l.opts.Logger.Error("sioredis: Redis refuses a subscription: this server does not hear all; give its user the channels that docs/cluster.md names", "err", err)
	}
	if s.refused == nil {
		s.refused = make(map[string]error)
	}
	s.refused[name] = err
}

// refusal is an error while Redis refuses a subscription.
func (s *subscriber) refusal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.refused {
		return fmt.Errorf("%w, and %d in all: %w", ErrRefused, len(s.refused), err)
	}
	return nil
}

// retry tries again what Redis has refused. What is heard from now on was missed before.
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
	before := len(s.refused)
	s.refused = nil
	s.mu.Unlock()
	for v, names := range map[verb][]string{verbPSubscribe: patterns, verbSubscribe: channels} {
		if err := s.command(c, v, names); err != nil && !isRefusal(err) {
			return err
		}
	}
	s.mu.Lock()
	heard := len(s.refused) < before
	s.mu.Unlock()
	if heard {
		for _, n := range s.l.heard() {
			s.l.in.gap(n, adapter.Gap{Type: adapter.GapIncoming, Err: errRefused})
		}
	}
	return nil
}

// finish tells who waits for a ticket. If nobody does any more something may be missed.
func (s *subscriber) finish(t *ticket, err error) {
	if t == nil {
		return
	}
	s.mu.Lock()
	late := t.late
	s.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
	close(t.done)
	if late && err == nil {
		s.l.in.gap(t.node, adapter.Gap{Type: adapter.GapIncoming, Err: errLate})
	}
}

// await waits for a ticket, until ctx ends.
func (s *subscriber) await(ctx context.Context, t *ticket) error {
	select {
	case <-t.done:
		return t.err
	case <-ctx.Done():
	}
	s.mu.Lock()
	t.late = true
	s.mu.Unlock()
	return context.Cause(ctx)
}

// connect: all is confirmed. What was published before may be lost.
func (s *subscriber) connect() {
	for _, n := range s.l.heard() {
		s.l.in.gap(n, adapter.Gap{Type: adapter.GapIncoming, Err: errBroken})
	}
	s.l.up()
}

// disconnect reports whether there was a connection. Who waits need not wait longer.
func (s *subscriber) disconnect(err error) bool {
	s.mu.Lock()
	was := s.err == nil
	s.err = fmt.Errorf("%w: %w", ErrNotConnected, err)
	queue := s.queue
	s.queue, s.open = nil, false
	s.mu.Unlock()
	for i := range queue {
		s.finish(queue[i].ticket, ErrNotConnected)
	}
	if was && s.l.life.Err() == nil { // so that hooks hear of it early
		for _, n := range s.l.heard() {
			s.l.in.gap(n, adapter.Gap{Type: adapter.GapIncoming, Err: err})
		}
		s.l.out.suspect()
	}
	return was
}

// serve subscribes and unsubscribes by a connection until that fails, or the link ends.
func (s *subscriber) serve(c rueidis.DedicatedClient, lost <-chan error) error {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	p := probing{seen: s.l.in.received.Load()}
	for {
		if err := s.change(c); err != nil {
			return err
		}
		select {
		case <-s.wake:
		case err := <-lost:
			if err == nil {
				err = errBroken
			}
			return err
		case <-s.l.life.Done():
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
		if change.part != nil && err != nil {
			change.part.err = err
		}
		s.finish(change.ticket, err)
	}
	return broken
}

// probing is what is known of a connection without traffic.
type probing struct {
	seen       uint64 // messages that had come at the last tick
	unanswered int    // probes since
}

// try finds out whether a connection is alive, and whether what is published arrives by
// it: a master that has become a replica answers, and gets nothing.
func (s *subscriber) try(c rueidis.DedicatedClient, p *probing) error {
	if err := ping(c); err != nil {
		return err
	}
	if seen := s.l.in.received.Load(); seen != p.seen {
		*p = probing{seen: seen}
		return nil
	}
	if p.unanswered == 2 {
		return errSilent
	}
	if s.l.out.push(job{channel: s.probe}) == nil { // whatever comes is enough
		p.unanswered++
	}
	return nil
}
