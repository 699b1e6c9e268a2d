package model

import (
	"fmt"
	"slices"
	"time"
)

// answer is whether a socket was meant by an event.
type answer int

const (
	no    answer = iota
	maybe        // it depends on what came first
	yes
)

// check compares what clients have got with what was meant for them. It returns at most
// ten complaints.
func (w *world) check() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &checker{world: w, byNumber: map[int]*emission{}, all: slices.Clone(w.complaint)}
	for _, e := range w.emissions {
		c.byNumber[e.n] = e
	}
	for _, s := range w.sessions {
		c.session(s)
	}
	c.handlings()
	c.fetches()
	if w.form == withLog && !w.has(stopLog, loseLog) {
		c.oneOrder()
	}
	return c.all[:min(10, len(c.all))]
}

type checker struct {
	*world
	byNumber map[int]*emission
	all      []string
}

func (c *checker) complain(s *session, format string, args ...any) {
	c.all = append(c.all, fmt.Sprintf("client %d, session %s: ", s.client, s.id)+fmt.Sprintf(format, args...))
}

// source is who has sent an event, from where: what one source sends is in order.
type source struct {
	actor string
	node  int
}

func (e *emission) source() source { return source{e.actor, e.node} }

// session checks all that one socket has got, over all its connections.
func (c *checker) session(s *session) {
	got, last := map[int]bool{}, map[source]int{}
	for _, r := range s.got {
		e := c.byNumber[r.n]
		switch {
		case e == nil:
			c.complain(s, "event %d was never sent", r.n)
			continue
		case got[r.n]:
			c.complain(s, "event %d has come twice", r.n)
		case last[e.source()] > r.n:
			c.complain(s, "event %d of %s has come behind event %d", r.n, e.actor, last[e.source()])
		case c.meant(s, e) == no:
			c.complain(s, "event %d (%s by %s at node %d) was not meant for it", r.n, e.kind, e.actor, e.node)
		}
		got[r.n] = true
		last[e.source()] = max(last[e.source()], r.n)
		for _, k := range s.kicks {
			if k.actor == e.actor && k.node == e.node && k.end.n < e.start.n && !c.lossy(k.node, s, k.start, k.end) {
				c.complain(s, "event %d has come behind the end that the same server has put to it", r.n)
			}
		}
	}
	for _, e := range c.emissions {
		if got[e.n] || c.meant(s, e) != yes || c.optional(s, e) {
			continue
		}
		switch told := c.told(s, e.source()); {
		case s.alive:
			c.complain(s, "event %d (%s by %s at node %d) is lost, and the socket lives", e.n, e.kind, e.actor, e.node)
		case last[e.source()] > e.n:
			c.complain(s, "event %d (%s by %s at node %d) is lost, and event %d behind it is not", e.n, e.kind, e.actor, e.node, last[e.source()])
		case told != nil && e.end.n < told.start.n:
			c.complain(s, "event %d is lost, which was sent before the end that the same server has put to it", e.n)
		}
	}
	c.acknowledgements(s, got)
	for i := range s.conns {
		c.recovery(s, i)
	}
}

// told is the first kick by that source, if the client has heard of it.
func (c *checker) told(s *session, from source) *change {
	if !s.last().refused || len(s.kicks) != 1 {
		return nil // it may be the end that another one has put to it
	}
	if k := s.kicks[0]; k.actor == from.actor && k.node == from.node {
		return k
	}
	return nil
}

// meant says whether a socket was meant by an event.
func (c *checker) meant(s *session, e *emission) answer {
	start, bound := e.start, c.arrived(s, e)
	first := s.conns[0]
	switch {
	case e.id != "" && e.id != s.id:
		return no
	case c.before(s, e):
		return no
	case !first.joined.before(start):
		return maybe
	}
	if e.id != "" {
		return yes
	}
	in := yes
	if e.room != "" {
		in = c.inRoom(s, e, e.room, bound)
	}
	if e.without == "" || in == no {
		return in
	}
	switch c.inRoom(s, e, e.without, bound) {
	case yes:
		return no
	case maybe:
		return maybe
	}
	return in
}

func (a stamp) before(b stamp) bool { return a.n < b.n }

// arrived is when an event has certainly been sorted to the sockets that it is for: right
// away where it is sent; elsewhere when the network has brought it, which takes no time.
func (c *checker) arrived(s *session, e *emission) stamp {
	if e.end == never {
		return never
	}
	here := s.conns[0].node == e.node || s.conns[0].start.n <= e.end.n
	for i, conn := range s.conns {
		until := never
		if i+1 < len(s.conns) {
			until = s.conns[i+1].joined
		}
		if conn.node != e.node && conn.start.n <= e.end.n && until.n >= e.start.n || conn.start.n <= e.end.n && conn.joined.n >= e.start.n {
			here = false
		}
	}
	if here {
		return e.end
	}
	return c.travelled(e)
}

// before reports whether an event has been sorted before a socket was there. New ones get
// what a log has behind the position at which they have come.
func (c *checker) before(s *session, e *emission) bool {
	first, bound := s.conns[0], c.arrived(s, e)
	if c.form == withLog && e.end != never {
		bound = c.travelled(e)
	}
	return bound.n < first.start.n && (bound.at == e.end.at || bound.at < first.start.at)
}

// travelled is when an event has come to all nodes.
func (c *checker) travelled(e *emission) stamp {
	if c.real {
		return never
	}
	at := e.end.at + 3*time.Millisecond // subscriptions take one
	for range c.faults {
		for _, f := range c.faults {
			over := f.end.at + 3*time.Millisecond
			if f.kind == loseLog {
				over += time.Second // what is lost is waited for
			}
			if (f.kind == pause || f.kind == stopLog || f.kind == loseLog) && f.start.at <= at && over > at {
				at = over
			}
		}
	}
	return stamp{e.end.n, at}
}

// inRoom says whether a socket was in a room when an event came.
func (c *checker) inRoom(s *session, e *emission, room string, bound stamp) answer {
	in := no
	for _, ch := range s.changes {
		if ch.room != room {
			continue
		}
		says := yes
		if !ch.in {
			says = no
		}
		sameSource := ch.actor != "" && ch.actor == e.actor && ch.node == e.node
		switch {
		case sameSource && ch.end.n < e.start.n && !c.lossy(ch.node, s, ch.start, ch.end):
			in = after(in, says, c.contested(s, ch))
		case sameSource && ch.start.n > e.end.n:
		case ch.actor != "" && (c.real || ch.start.at <= bound.at):
			in = after(in, says, true) // it takes its time, and nobody knows how long
		case ch.actor != "":
		case ch.end.n < e.start.n:
			in = after(in, says, c.contested(s, ch))
		case bound == never || ch.start.n <= bound.n || bound.at > e.end.at && ch.start.at <= bound.at:
			in = after(in, says, true)
		}
	}
	return in
}

// after is whether the socket is in the room after a change, which may not have happened yet.
func after(in, says answer, uncertain bool) answer {
	if uncertain && in != says {
		return maybe
	}
	return says
}

// contested reports whether somebody else has changed the same at a time of which nobody
// knows whether it was before or after.
func (c *checker) contested(s *session, ch *change) bool {
	for _, o := range s.changes {
		if o == ch || o.room != ch.room || o.in == ch.in {
			continue
		}
		if o.actor != "" && o.actor != ch.actor || o.end.n >= ch.start.n && o.start.n <= ch.end.n {
			return true
		}
	}
	return false
}

// lossy reports whether what a node has sent at that time may not have reached the nodes of a socket.
func (c *checker) lossy(node int, s *session, start, end stamp) bool {
	for _, f := range c.faults {
		during := f.start.n <= end.n && f.end.n >= start.n
		switch f.kind {
		case part:
			for _, conn := range s.conns {
				there := conn.node == f.node && node == f.with || conn.node == f.with && node == f.node
				if during && there {
					return true
				}
			}
		case kill, shutdown:
			if f.node == node && f.start.at <= end.at || f.node == node && c.has(pause, stopLog) {
				return true
			}
		case loseLog, trimLog: // at that moment, or while what was sent waited for the log
			if f.start.at >= start.at && f.start.at <= end.at || c.has(stopLog) && f.start.at >= start.at {
				return true
			}
		}
	}
	return end == never
}

// optional reports whether an event may be lost although the socket lives.
func (c *checker) optional(s *session, e *emission) bool {
	if (e.kind == poll || e.kind == confirm) && !c.steady(s, e.start, e.end) {
		return true // it is for those who are connected
	}
	return e.kind == volatileAll || e.err != nil || c.lossy(e.node, s, e.start, e.end)
}

// acknowledgements: without an error all that are certainly there have answered; and who
// has answered has got the event.
func (c *checker) acknowledgements(s *session, got map[int]bool) {
	for _, e := range c.emissions {
		answered := slices.Contains(c.answers[e.n], s.id)
		if answered && !got[e.n] {
			c.complain(s, "event %d is acknowledged, and has not come", e.n)
		}
		if e.kind == poll && e.err == nil && !answered && c.steady(s, e.start, e.end) && !c.lossy(e.node, s, e.start, e.end) {
			c.complain(s, "event %d: all have acknowledged, and this one has not", e.n)
		}
	}
}

// steady reports whether a socket was connected at that time, and nobody did anything to it.
func (c *checker) steady(s *session, start, end stamp) bool {
	conn := s.conns[0]
	return len(s.conns) == 1 && !s.stalled && len(s.kicks) == 0 && conn.joined.n < start.n && conn.end.n > end.n && s.alive &&
		!c.has(kill, shutdown)
}

// fetches: a socket that was there is there, once.
func (c *checker) fetches() {
	for _, f := range c.fetched {
		slices.Sort(f.ids)
		if len(slices.Compact(slices.Clone(f.ids))) < len(f.ids) {
			c.all = append(c.all, fmt.Sprintf("FetchSockets has a socket twice: %q", f.ids))
		}
		for _, s := range c.sessions {
			if c.steady(s, f.start, f.end) && !slices.Contains(f.ids, s.id) && !c.lossy(0, s, f.start, f.end) && !c.lossy(1, s, f.start, f.end) && !c.lossy(2, s, f.start, f.end) {
				c.complain(s, "FetchSockets without an error has not found it")
			}
		}
	}
}

// recovery checks the connection at i: whether it may be, or must be, the session before.
func (c *checker) recovery(s *session, i int) {
	if i == 0 {
		c.refused(s)
		return
	}
	conn, before := s.conns[i], s.conns[i-1]
	switch away := conn.start.at - before.end.at; {
	case before.refused:
		c.complain(s, "it was told to leave, and is recovered")
	case away > keep+time.Minute:
		c.complain(s, "it was away for %v, and is recovered", away)
	case s.left.n < conn.start.n && conn.start.at-s.left.at > time.Second && !c.has(pause):
		c.complain(s, "it has left, and is recovered")
	}
	for _, k := range s.kicks {
		if k.end.n < before.end.n && conn.start.at-k.end.at > time.Second && !c.lossy(k.node, s, k.start, k.end) && !c.has(pause, stopLog) {
			c.complain(s, "it was disconnected for cause, and is recovered")
		}
	}
	for _, g := range c.gaps {
		heard := slices.ContainsFunc(s.got, func(r receipt) bool { return r.when.n > g.when.n && r.when.n < conn.start.n })
		if g.node == conn.node && g.node == before.node && g.when.n > s.conns[0].joined.n && g.when.n < conn.start.n && !heard && before.end.at < g.when.at {
			c.complain(s, "it is recovered over a gap of its node, and has got nothing since")
		}
	}
}

// refused checks a fresh session: whether the one before it should have gone on.
func (c *checker) refused(s *session) {
	i := slices.Index(c.sessions, s)
	var before *session
	for _, o := range c.sessions[:i] {
		if o.client == s.client {
			before = o
		}
	}
	if !c.recovery0() || before == nil || before.stalled || len(before.kicks) > 0 || before.left != never {
		return
	}
	last, conn := before.last(), s.conns[0]
	away := conn.start.at - last.end.at
	noticed := conn.node == last.node
	if c.form == withLog { // by any node; of a client that has no offset not all is known
		noticed = away > time.Minute && last.offset != ""
	}
	if noticed && away < keep-time.Minute {
		c.complain(s, "session %s is not recovered after %v, though nothing has happened", before.id, away)
	}
}

// recovery0 reports whether nothing happens for which a session may be lost.
func (c *checker) recovery0() bool {
	return c.scenario.recovery && !c.has(part, pause, stopLog, loseLog, trimLog, kill, shutdown)
}
