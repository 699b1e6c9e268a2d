package socketio

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/gosio/gosio/core/parser"
)

// Reply is a client's acknowledgement.
type Reply struct {
	packet parser.Packet
	args   [][]byte
}

// Len is the number of arguments of the acknowledgement.
func (r *Reply) Len() int { return len(r.args) }

// Decode decodes the arguments, in order, into the variables that dst point
// to. Further arguments are ignored; it fails with [ErrMissingArgument] when
// there are fewer, and when one does not decode.
func (r *Reply) Decode(dst ...any) error {
	for i, d := range dst {
		if i >= len(r.args) {
			return ErrMissingArgument
		}
		if err := parser.Unmarshal(r.args[i], r.packet.Attachments, d); err != nil {
			return err
		}
	}
	return nil
}

type ackResult struct {
	reply *Reply
	err   error
}

// EmitWithAck sends an event and waits for the client's acknowledgement, until
// ctx ends or, if it has no deadline, for Options.AckTimeout. A disconnect
// ends the wait with [ErrClosed]. It may be called in a handler: the
// acknowledgement does not wait behind the socket's events. It fails with
// [ErrBacklog] when the connection is not read because of them, with
// [ErrTooManyAcks], and like [Socket.Emit].
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (*Reply, error) {
	if o := s.ns.srv.observer; o != nil {
		return o.ask(ctx, s, event, args)
	}
	return s.ask(ctx, nil, event, args)
}

// ask is EmitWithAck; t, if not nil, counts the delivery.
func (s *Socket) ask(ctx context.Context, t *tally, event string, args []any) (*Reply, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.ns.srv.opts.AckTimeout)
		defer cancel()
	}
	result := make(chan ackResult, 1)
	id := s.ns.newAckID()
	if err := s.awaitAck(id, result); err != nil {
		return nil, emitError(event, err)
	}
	defer s.dropAck(id)
	if s.conn.heldUp() { // from now on Backlog sees to it
		return nil, emitError(event, ErrBacklog)
	}
	f, err := s.ns.packWithID(id, true, event, args)
	if err != nil {
		return nil, err
	}
	if err := s.send(&f); err != nil {
		return nil, emitError(event, err)
	}
	t.add(1, &f)
	s.welcome()         // this may be a hook of its own
	s.conn.sess.Yield() // or the reader's own goroutine
	select {
	case r := <-result:
		return r.reply, unanswered(event, r.err)
	case <-ctx.Done():
		return nil, unanswered(event, context.Cause(ctx))
	}
}

// unanswered says which event has no acknowledgement. It returns nil for nil.
func unanswered(event string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("socketio: no acknowledgement of %q: %w", clip(event), err)
}

// newAckID returns an id that no other event of the namespace has: one may
// be shared by all the sockets that an event goes to.
func (ns *Namespace) newAckID() uint64 { return ns.lastAck.Add(1) - 1 }

// awaitAck has the acknowledgement of that id, or why there is none, sent to
// result, which must have room for it.
func (s *Socket) awaitAck(id uint64, result chan<- ackResult) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state.Load() == disconnected:
		return ErrClosed
	case len(s.acks) >= s.ns.srv.opts.Limits.PendingAcks:
		return ErrTooManyAcks
	}
	if s.acks == nil {
		s.acks = make(map[uint64]chan<- ackResult)
	}
	s.acks[id] = result
	return nil
}

// dropAck stops waiting. It reports false if the result is there already, or
// about to be.
func (s *Socket) dropAck(id uint64) (dropped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, dropped = s.acks[id]
	delete(s.acks, id)
	return dropped
}

// resolveAck gives an acknowledgement to the call that waits for it. It runs
// on the reader. One that nobody waits for is ignored, as it may be late.
func (s *Socket) resolveAck(p *parser.Packet) {
	if !p.HasID {
		return
	}
	s.mu.Lock()
	result := s.acks[p.ID]
	delete(s.acks, p.ID)
	s.mu.Unlock()
	if result == nil {
		return
	}
	r := &Reply{packet: *p}
	r.packet.Data = bytes.Clone(p.Data)
	r.args = r.packet.AppendArgs(nil)
	result <- ackResult{reply: r} // has room for one of each socket, which sends once
}

// failAcks ends all waits.
func (s *Socket) failAcks(err error) {
	s.mu.Lock()
	acks := s.acks
	s.acks = nil
	s.mu.Unlock()
	for _, result := range acks {
		result <- ackResult{err: err}
	}
}

// Emitter sends events: [*Socket], [Broadcast], [*Namespace], [*Server].
type Emitter interface {
	Emit(event string, args ...any) error
}

// Caller sends events that one client acknowledges: [*Socket], [RemoteSocket].
type Caller interface {
	EmitWithAck(ctx context.Context, event string, args ...any) (*Reply, error)
}

// Registrar takes handlers: [*Server], [*Namespace], [*Socket].
type Registrar interface {
	On(event string, handler any) (off func())
}

// Call sends an event and returns the first argument of the client's
// acknowledgement. See [Socket.EmitWithAck] for when it fails.
func Call[Answer any](ctx context.Context, c Caller, event string, args ...any) (Answer, error) {
	var answer Answer
	reply, err := c.EmitWithAck(ctx, event, args...)
	if err != nil {
		return answer, err
	}
	if _, none := any(answer).(None); none {
		return answer, nil
	}
	if err := reply.Decode(&answer); err != nil {
		return answer, errors.Join(errAnswer, err)
	}
	return answer, nil
}

var errAnswer = errors.New("socketio: the client's acknowledgement does not fit")
