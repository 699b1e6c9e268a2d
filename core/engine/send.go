package engine

import (
	"errors"
	"fmt"

	"github.com/gosio/gosio/core/engine/internal/link"
	"github.com/gosio/gosio/core/engine/internal/outbox"
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
	for i, msg := range msgs {
		m := msg.out
		if m.Binary {
			m = s.inKindLocked(m)
		}
		m.Volatile, m.Follows = volatile, i > 0
		queue.Push(m)
	}
	evicted := 0
	if s.budget.Over() {
		var fits bool
		if evicted, fits = queue.MakeRoom(len(msgs)); !fits {
			return s.fullLocked(queue, len(msgs), volatile, evicted)
		}
	}
	if s.srv.opts.Observer != nil {
		s.sampleLocked(queue)
	}
	ready := s.wakeLocked()
	much := s.budget.Used > link.ScratchSize && s.writableLocked() // waiting for more would gain nothing
	s.mu.Unlock()
	s.dropped(DropEvicted, evicted)
	s.srv.flush.add(ready)
	if much {
		s.srv.flush.startDeferred()
	}
	return nil
}

// fullLocked is the end of enqueue when there is no room. It releases mu.
func (s *Session) fullLocked(queue *outbox.Queue, last int, volatile bool, evicted int) error {
	if !volatile {
		s.mu.Unlock()
		s.dropped(DropEvicted, evicted)
		return ErrSlowConsumer
	}
	queue.Drop(last)
	s.mu.Unlock()
	s.dropped(DropEvicted, evicted)
	s.dropped(DropVolatile, last)
	return errDropped
}

// queueLocked is the queue of the current transport.
func (s *Session) queueLocked() *outbox.Queue {
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
	if len(s.polling.queue.Msgs) > 0 {
		s.polling.wakeLocked()
	}
	return nil
}

// moveQueueLocked moves what was queued for polling, where bytes of protocol 4
// are base64 in any case, to a WebSocket, in the form that the client takes there.
func (s *Session) moveQueueLocked(to *outbox.Queue) {
	p := s.polling.queue.Take()
	s.polling.queue.Credit(int(outbox.SizeOf(p.Msgs)))
	for _, m := range p.Msgs {
		if m.Binary && s.base64 && !s.v3 {
			text := m.Base64Text()
			text.Follows = m.Follows
			m = text
		}
		to.Push(m)
	}
	to.Sampled = p.At
	outbox.Recycle(p.Msgs)
}

// inKindLocked is a binary message in the form that the session's client takes.
func (s *Session) inKindLocked(m outbox.Message) outbox.Message {
	switch {
	case s.v3 && s.base64:
		return m.Base64V3()
	case s.v3:
		return m.ToV3()
	case s.base64 && s.ws.Load() != nil:
		return m.Base64Text()
	}
	return m
}
