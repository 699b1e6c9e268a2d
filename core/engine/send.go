package engine

import (
	"errors"
	"fmt"
)

// Send queues the messages, contiguously, and returns at once. It fails with
// [ErrClosed] after the session has ended, and with [ErrSlowConsumer] when
// the peer has left more than Options.SendBuffer unread, which ends the session.
func (s *Session) Send(msgs ...Message) error { return s.send(msgs, false) }

// SendVolatile is Send for messages that may be lost: it drops them, and
// reports so, unless they can leave at once. On polling that means that a
// request waits; on WebSocket that the connection took everything before.
func (s *Session) SendVolatile(msgs ...Message) (sent bool) { return s.send(msgs, true) == nil }

// errDropped is what send says of volatile messages that were not writable.
var errDropped = fmt.Errorf("engine: not writable")

func (s *Session) send(msgs []Message, volatile bool) error {
	err := s.enqueue(msgs, volatile)
	if errors.Is(err, ErrSlowConsumer) {
		(*Layer)(s).Overflow()
	}
	return err
}

func (s *Session) enqueue(msgs []Message, volatile bool) error {
	s.mu.Lock()
	switch {
	case s.state.Load() != stateOpen:
		s.mu.Unlock()
		return ErrClosed
	case volatile && !s.writableLocked():
		s.mu.Unlock()
		s.dropped(DropVolatile, len(msgs))
		return errDropped
	}
	queue := s.queueLocked()
	for i, m := range msgs {
		if m.binary {
			m = s.inKindLocked(m)
		}
		m.volatile, m.follows = volatile, i > 0
		queue.push(m)
	}
	evicted := 0
	if s.budget.over() {
		var fits bool
		if evicted, fits = queue.makeRoom(len(msgs)); !fits {
			return s.fullLocked(queue, len(msgs), volatile, evicted)
		}
	}
	if s.srv.opts.Observer != nil {
		s.sampleLocked(queue)
	}
	ready := s.wakeLocked()
	much := s.budget.used > scratchSize && s.writableLocked() // waiting for more would gain nothing
	s.mu.Unlock()
	s.dropped(DropEvicted, evicted)
	s.srv.flush.add(ready)
	if much {
		s.srv.flush.startDeferred()
	}
	return nil
}

// fullLocked is the end of enqueue when there is no room. It releases mu.
func (s *Session) fullLocked(queue *sendQueue, last int, volatile bool, evicted int) error {
	if !volatile {
		s.mu.Unlock()
		s.dropped(DropEvicted, evicted)
		return ErrSlowConsumer
	}
	queue.drop(last)
	s.mu.Unlock()
	s.dropped(DropEvicted, evicted)
	s.dropped(DropVolatile, last)
	return errDropped
}

// queueLocked is the queue of the current transport.
func (s *Session) queueLocked() *sendQueue {
	if ws := s.ws.Load(); ws != nil {
		return &ws.writer.queue
	}
	return &s.polling.queue
}

// writableLocked reports whether a message sent now would leave now.
func (s *Session) writableLocked() bool {
	if ws := s.ws.Load(); ws != nil {
		return ws.writer.writableLocked()
	}
	return s.polling.poll != nil
}

// wakeLocked wakes the waiting poll, or returns the writer to put on the ready
// list once mu is released.
func (s *Session) wakeLocked() *writer {
	if ws := s.ws.Load(); ws != nil {
		return ws.writer.scheduleLocked()
	}
	if len(s.polling.queue.msgs) > 0 {
		s.polling.wakeLocked()
	}
	return nil
}

// moveQueueLocked moves what was queued for polling, where bytes of protocol 4
// are base64 in any case, to a WebSocket, in the form that the client takes there.
func (s *Session) moveQueueLocked(to *sendQueue) {
	p := s.polling.queue.take()
	s.polling.queue.credit(int(sizeOf(p.msgs)))
	for _, m := range p.msgs {
		if m.binary && s.base64 && !s.v3 {
			text := m.base64Text()
			text.follows = m.follows
			m = text
		}
		to.push(m)
	}
	to.sampled = p.at
	recycle(p.msgs)
}

// inKindLocked is a binary message in the form that the session's client takes.
func (s *Session) inKindLocked(m Message) Message {
	switch {
	case s.v3 && s.base64:
		return m.base64V3()
	case s.v3:
		return m.toV3()
	case s.base64 && s.ws.Load() != nil:
		return m.base64Text()
	}
	return m
}
