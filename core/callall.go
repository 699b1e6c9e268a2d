package socketio

import (
	"context"
	"errors"
	"sync"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/engine"
)

// errNotAsked is the cause of missing replies when another server cannot wait for a
// client.
var errNotAsked = errors.New("socketio: a client of another server cannot be waited for")

// answers collects what the clients of all servers answer.
type answers struct {
	mu       sync.Mutex
	expected int
	replies  []*Reply
}

// gather waits for the clients of one namespace, of this server and of others.
func (a *answers) gather(ctx context.Context, c *call, wait func() error) error {
	why := c.gather(ctx, func(r *Reply, left bool) {
		if left {
			a.add(-1, nil)
		} else {
			a.add(0, r)
		}
	})
	if err := wait(); err != nil {
		return err
	}
	return why
}

// response adds the response of another server.
func (a *answers) response(r *adapter.Response) {
	if r.Reply == nil {
		a.add(r.Clients, nil)
		return
	}
	if reply := newReply(r.Reply); reply != nil {
		a.add(0, reply)
	}
}

// add adds to the number of expected replies, negative for clients that have left, and
// adds a reply unless r is nil.
func (a *answers) add(clients int, r *Reply) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expected += clients
	if r != nil {
		a.replies = append(a.replies, r)
	}
}

// result returns the replies, and a [*PartialError] if replies are missing.
func (a *answers) result(event string, why error) ([]*Reply, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	partial := &PartialError{Event: event, Expected: a.expected, Answered: len(a.replies), Err: why}
	if servers, ok := why.(*PartialError); ok { //nolint:errorlint // what Request returns
		partial.Missing = servers.Missing
		if partial.Answered < partial.Expected {
			partial.Err = servers.Err // the servers that are missing are those of the clients
		}
	}
	if partial.Answered < partial.Expected && why == nil {
		partial.Err = errNotAsked
	}
	if partial.Err == nil {
		return a.replies, nil
	}
	return a.replies, partial
}

// call is one event that clients of this server acknowledge.
type call struct {
	id      uint64
	sockets []*Socket      // those that are waited for
	results chan ackResult // has room for one of each
	asked   int            // sockets, and those that are not waited for
	err     error          // why not
	tally   *tally         // of who has answered; nil: nobody wants to know
	heard   *hearers       // of listeners that want to know the answers
}

// newCall sends an event to the matching sockets of this server. The event is encoded
// once, with one id for all sockets.
func newCall(ns *Namespace, op *adapter.Operation, t *tally) *call {
	targets := ns.rooms.match(&op.Target, nil)
	c := &call{id: newAckID(ns), tally: t}
	if len(targets) == 0 {
		return c
	}
	c.results = make(chan ackResult, len(targets))
	c.sockets = make([]*Socket, 0, len(targets))
	f, err := framesWithID(ns, &op.Packet, c.id)
	if err != nil {
		c.err = err
		return c
	}
	for _, s := range targets {
		c.send(s, f)
	}
	t.add(c.asked, f)
	for _, s := range c.sockets {
		welcome(s) // this may be a hook or a handler of any of them
		(*engine.Layer)(s.conn.sess).Yield()
	}
	return c
}

// send sends the event to one socket and, if possible, registers for the
// acknowledgement.
func (c *call) send(s *Socket, f *frames) {
	err := awaitAck(s, c.id, c.results) // before it can be answered
	waiting := err == nil
	if waiting && s.conn.held() { // from now on Backlog sees to it
		err = ErrBacklog
	}
	if errors.Is(err, ErrClosed) {
		c.tally.recipient(s, err)
		return
	}
	c.heard = hearersOf(s, c.heard)
	f.written, f.heard = c.tally.mark(), c.heard
	var sent bool
	if f.volatile {
		sent = s.sendVolatile(f)
		c.tally.sent(s, sent, nil)
	} else {
		failed := s.send(f)
		sent = failed == nil
		c.tally.recipient(s, failed)
	}
	if waiting && (!sent || err != nil) {
		waiting = !dropAck(s, c.id) // its end has come meanwhile: gather gets that
	}
	switch {
	case waiting:
		c.sockets = append(c.sockets, s)
	case !sent:
		return
	default:
		c.err = err
	}
	c.asked++
}

// gather waits for the acknowledgements of the sockets. For each socket it calls end,
// on this goroutine, with the reply or nil; left reports that the socket has
// disconnected without a reply. An error is the cause of missing replies.
func (c *call) gather(ctx context.Context, end func(r *Reply, left bool)) error {
	for range c.sockets {
		r, ok := c.next(ctx)
		if !ok {
			for _, s := range c.sockets {
				dropAck(s, c.id)
			}
			return context.Cause(ctx)
		}
		if r.reply != nil {
			c.tally.acknowledged(r.from)
			hear(c.heard, r.from, r.reply)
		}
		backlog := errors.Is(r.err, ErrBacklog)
		if backlog {
			c.err = r.err
		}
		end(r.reply, r.err != nil && !backlog)
	}
	return c.err
}

// next returns the next result, as long as there is one before ctx ends.
func (c *call) next(ctx context.Context) (r ackResult, ok bool) {
	select {
	case r = <-c.results:
		return r, true
	default:
	}
	select {
	case r = <-c.results:
		return r, true
	case <-ctx.Done():
		return r, false
	}
}
