package socketio

import (
	"bytes"
	"context"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/core/parser"
)

// askSocket is Socket.EmitWithAck without the Observer. t, if not nil, counts the
// delivery.
func askSocket(ctx context.Context, s *Socket, t *tally, event string, args []any) (*Reply, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.ns.srv.opts.AckTimeout)
		defer cancel()
	}
	result := make(chan ackResult, 1)
	id := newAckID(s.ns)
	if err := awaitAck(s, id, result); err != nil {
		return nil, emitError(event, err)
	}
	defer dropAck(s, id)
	if s.conn.held() { // from now on Backlog sees to it
		return nil, emitError(event, ErrBacklog)
	}
	f, err := packEventWithID(s.ns, id, true, event, args)
	if err != nil {
		return nil, err
	}
	t.event(&f)
	f.written, f.heard = t.mark(), hearersOf(s, nil)
	err = s.send(&f)
	if t.recipient(s, err); err != nil {
		return nil, emitError(event, err)
	}
	t.add(1, &f)
	welcome(s)                           // this may be a hook of its own
	(*engine.Layer)(s.conn.sess).Yield() // or the reader's own goroutine
	select {
	case r := <-result:
		if r.err == nil {
			t.acknowledged(s)
			hear(f.heard, s, r.reply)
		}
		return r.reply, unanswered(event, r.err)
	case <-ctx.Done():
		return nil, unanswered(event, context.Cause(ctx))
	}
}

// askSocketObserved is askSocket, and tells o.
func askSocketObserved(ctx context.Context, s *Socket, o *observing, event string, args []any) (*Reply, error) {
	var t tally
	done := o.emit(ctx, &EmitInfo{from: &o.strange, Namespace: s.ns, Socket: s, Name: event, WantsAck: true}, &t)
	r := EmitResult{Err: ErrPanicked}
	defer func() { o.emitDone(done, &r) }()
	start := time.Now()
	reply, err := askSocket(ctx, s, &t, event, args)
	r = t.result(err)
	r.Duration = time.Since(start)
	if err == nil {
		r.Answers = 1
	} else {
		r.Missing = t.deliveries
	}
	return reply, err
}

// hearersOf returns what listeners can wait with for the acknowledgement of an event, if
// there are any. before is what others have waited with, or nil.
func hearersOf(s *Socket, before *hearers) *hearers {
	if before == nil && s.tells() {
		return new(hearers)
	}
	return before
}

// hear tells those who wait for the acknowledgement of a socket.
func hear(h *hearers, s *Socket, r *Reply) {
	for _, f := range h.take(s) {
		s.guard("OnAck", func() { f(&Acknowledgement{Data: r.packet.Data, Attachments: r.packet.Attachments}) })
	}
}

// newAckID returns an id that no other event of the namespace has. An event has the
// same id for all its sockets.
func newAckID(ns *Namespace) uint64 { return ns.lastAck.Add(1) - 1 }

// awaitAck registers result for the acknowledgement of that id, or for the error that
// ends the wait. result must have room for it.
func awaitAck(s *Socket, id uint64, result chan<- ackResult) error {
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

// dropAck removes a registration of awaitAck. It reports false if result has got its
// value, or is about to.
func dropAck(s *Socket, id uint64) (dropped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, dropped = s.acks[id]
	delete(s.acks, id)
	return dropped
}

// resolveAck passes an acknowledgement to the call that waits for it. It runs on the
// reader, and ignores an acknowledgement that no call waits for, because it may be
// late.
func resolveAck(s *Socket, p *parser.Packet) {
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
	result <- ackResult{reply: r, from: s} // has room for one of each socket, which sends once
}

// failAcks ends all waits for acknowledgements of the socket with err.
func failAcks(s *Socket, err error) {
	s.mu.Lock()
	acks := s.acks
	s.acks = nil
	s.mu.Unlock()
	for _, result := range acks {
		result <- ackResult{err: err}
	}
}
