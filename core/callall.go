package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/gosio/gosio/core/adapter"
	"github.com/gosio/gosio/core/parser"
)

// PartialError says that not all who were asked have answered: clients, or the
// servers of a cluster. It comes together with the answers that there are. Adapters
// return it, too: so it belongs to package adapter.
type PartialError = adapter.PartialError

// errNotAsked is why clients of another server do not answer before the end of
// the context.
var errNotAsked = errors.New("socketio: a client of another server cannot be waited for")

// GroupCaller sends events that any number of clients acknowledge:
// [Broadcast], [*Namespace], [*Server].
type GroupCaller interface {
	EmitWithAck(ctx context.Context, event string, args ...any) ([]*Reply, error)
}

// CallAll sends an event and returns the first argument of each client's
// acknowledgement, in the order in which they came. Acknowledgements that do
// not fit are left out, and a [*PartialError] tells; for the rest see
// [Broadcast.EmitWithAck].
func CallAll[Answer any](ctx context.Context, to GroupCaller, event string, args ...any) ([]Answer, error) {
	replies, err := to.EmitWithAck(ctx, event, args...)
	answers := make([]Answer, 0, len(replies))
	var unfit error
	for _, r := range replies {
		var answer Answer
		if _, none := any(answer).(None); !none {
			if e := r.Decode(&answer); e != nil {
				if unfit == nil { // one tells enough
					unfit = errors.Join(errAnswer, e)
				}
				continue
			}
		}
		answers = append(answers, answer)
	}
	if unfit == nil {
		return answers, err
	}
	partial := &PartialError{Event: event, Expected: len(replies), Answered: len(answers), Err: unfit}
	if e := find[PartialError](err); e != nil {
		partial.Expected, partial.Missing = e.Expected, e.Missing
		partial.Err = errors.Join(e.Err, unfit)
	}
	return answers, partial
}

// EmitWithAck sends an event and waits until each client has acknowledged it,
// those of other servers included, or ctx ends; if that has no deadline, for
// Options.AckTimeout. It returns one reply per client, in the order in which
// they came; nobody to ask is an empty list, at once. Clients that leave are
// not waited for, nor are those that [Broadcast.Volatile] skips.
//
// When some have not answered it returns the replies there are and a
// [*PartialError]. Clients of which Limits.PendingAcks acknowledgements are
// awaited already, and those that cannot answer because their connection is
// not read, get the event and count as not answered. It fails like
// [Broadcast.Emit], too. It may be called in a handler.
func (b Broadcast) EmitWithAck(ctx context.Context, event string, args ...any) ([]*Reply, error) {
	if o := b.ns.srv.observer; o != nil {
		return o.askAll(ctx, b, event, args)
	}
	return b.ask(ctx, nil, event, args)
}

// ask is EmitWithAck; t, if not nil, counts deliveries.
func (b Broadcast) ask(ctx context.Context, t *tally, event string, args []any) ([]*Reply, error) {
	p, err := encodeEvent(event, args)
	if err != nil {
		return nil, err
	}
	if b.nobody() {
		return nil, nil
	}
	p.Volatile, p.NoCompress = b.volatile, b.plain
	op := &adapter.Operation{Type: adapter.OpCall, Target: b.target, Packet: p}
	ctx, cancel := b.ns.within(ctx, op)
	defer cancel()

	var a answers
	members := b.ns.members(!b.local)
	defer members.release()
	waits, calls := make([]func() error, len(members)), make([]*call, len(members))
	for i, ns := range members {
		waits[i] = ns.request(ctx, op, b.local, a.response) // first, as in run
		calls[i] = ns.call(op, t)
		a.response(&adapter.Response{Clients: calls[i].asked})
	}
	var why error
	for i := range members {
		if err := a.gather(ctx, calls[i], waits[i]); err != nil {
			why = err
		}
	}
	return a.result(event, why)
}

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

// response takes a response of another server.
func (a *answers) response(r *adapter.Response) {
	if r.Reply == nil {
		a.add(r.Clients, nil)
		return
	}
	if reply := newReply(r.Reply); reply != nil {
		a.add(0, reply)
	}
}

// add counts clients that are asked, or have left, and keeps a reply.
func (a *answers) add(clients int, r *Reply) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expected += clients
	if r != nil {
		a.replies = append(a.replies, r)
	}
}

// result ends the collecting of the answers to an event.
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

// newReply makes a reply of what another server has sent, or returns nil if
// that is no acknowledgement.
func newReply(p *adapter.Packet) *Reply {
	if !isArray(p.Data) {
		return nil
	}
	r := &Reply{packet: parser.Packet{Type: parser.Ack, Data: p.Data, Attachments: p.Attachments}}
	r.args = r.packet.AppendArgs(nil)
	return r
}

// isArray reports whether data is a JSON array: what comes from other servers
// has not been through a decoder.
func isArray(data []byte) bool { return len(data) > 0 && data[0] == '[' && json.Valid(data) }

// call is one event on its way to this server's clients that acknowledge it.
type call struct {
	id      uint64
	sockets []*Socket      // those that are waited for
	results chan ackResult // has room for one of each
	asked   int            // sockets, and those that are not waited for
	err     error          // why not
}

// call sends an event to the sockets of this server that the target means, all
// with the same id, so that it is encoded once.
func (ns *Namespace) call(op *adapter.Operation, t *tally) *call {
	targets := ns.rooms.match(&op.Target, nil)
	c := &call{id: ns.newAckID()}
	if len(targets) == 0 {
		return c
	}
	c.results = make(chan ackResult, len(targets))
	c.sockets = make([]*Socket, 0, len(targets))
	f, err := ns.framesWithID(&op.Packet, c.id)
	if err != nil {
		c.err = err
		return c
	}
	for _, s := range targets {
		c.send(s, f)
	}
	t.add(c.asked, f)
	for _, s := range c.sockets {
		s.welcome() // this may be a hook or a handler of any of them
		s.conn.sess.Yield()
	}
	return c
}

// send sends the event to one socket and, if it can, waits for it.
func (c *call) send(s *Socket, f *frames) {
	err := s.awaitAck(c.id, c.results) // before it can be answered
	waiting := err == nil
	if waiting && s.conn.heldUp() { // from now on Backlog sees to it
		err = ErrBacklog
	}
	if errors.Is(err, ErrClosed) {
		return
	}
	var sent bool
	if f.volatile {
		sent = s.sendVolatile(f)
	} else {
		sent = s.send(f) == nil
	}
	if waiting && (!sent || err != nil) {
		waiting = !s.dropAck(c.id) // its end has come meanwhile: gather gets that
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

// gather waits for the sockets. For each it calls end on this goroutine, with
// its reply, or nil, and whether it has left without one. Afterwards nothing is
// awaited any more. An error says why there are fewer replies.
func (c *call) gather(ctx context.Context, end func(r *Reply, left bool)) error {
	for range c.sockets {
		r, ok := c.next(ctx)
		if !ok {
			for _, s := range c.sockets {
				s.dropAck(c.id)
			}
			return context.Cause(ctx)
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

// respondCall answers OpCall. Unless nobody has to be waited for, a goroutine
// goes on with it, which ends with the clients, or op.Timeout, at the latest;
// Shutdown waits for it.
func (ns *Namespace) respondCall(ctx context.Context, op *adapter.Operation, reply func(*adapter.Response)) error {
	if err := checkPacket(&op.Packet); err != nil {
		return err
	}
	c := ns.callFor(op)
	missing := len(c.sockets)
	reply(&adapter.Response{Clients: c.asked, Last: missing == 0})
	if missing == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, ns.timeout(op))
	ns.srv.work.add()
	go func() {
		defer ns.srv.work.done()
		defer cancel()
		_ = c.gather(ctx, func(r *Reply, left bool) { // who asks has the same timeout
			missing--
			response := adapter.Response{Last: missing == 0}
			switch {
			case left:
				response.Clients = -1
			case r != nil:
				response.Reply = r.travelling()
			}
			reply(&response)
		})
	}()
	return nil
}

// travelling is a reply as it goes to another server.
func (r *Reply) travelling() *adapter.Packet {
	p := &adapter.Packet{Data: r.packet.Data, Attachments: r.packet.Attachments}
	if len(p.Data) == 0 {
		p.Data = []byte("[]")
	}
	return p
}
