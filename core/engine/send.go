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

// SendVolatile is like Send, for messages that may be lost. It drops them, and reports
// false, unless they can be sent at once: on polling if a request waits, on WebSocket
// if the connection has taken all earlier messages.
func (s *Session) SendVolatile(msgs ...Message) (sent bool) { return s.send(msgs, true) == nil }

// errDropped is what send says of volatile messages that were not writable.
var errDropped = fmt.Errorf("engine: not writable")

func (s *Session) send(msgs []Message, volatile bool) error {
	err := s.enqueue(msgs, volatile, nil, nil)
	if errors.Is(err, ErrSlowConsumer) {
		s.shut(ReasonTransportError, ErrSlowConsumer, false)
	}
	return err
}

// enqueue queues messages. With k they are one event of which only the newest wait; mark,
// if there is one, is told when the last of them is written.
func (s *Session) enqueue(msgs []Message, volatile bool, k *Newest, mark Mark) error {
	s.mu.Lock()
	switch {
	case s.state.Load() != stateOpen:
		s.mu.Unlock()
		return ErrClosed
	case volatile && k == nil && !s.writableLocked():
		s.mu.Unlock()
		s.dropped(DropCauseVolatile, len(msgs))
		return errDropped
	}
	queue := s.queueLocked()
	replaced := 0
	if k != nil {
		replaced = queue.Replace(k.Key, k.Most)
	}
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
			return s.fullLocked(queue, len(msgs), volatile, evicted, replaced)
		}
	}
	if k != nil {
		queue.Keep(k.Key, len(msgs))
	}
	if mark != nil {
		queue.Mark(mark)
	}
	if s.srv.watch.Load() != nil {
		s.sampleLocked(queue)
	}
	if t := s.srv.traffic.Load(); t != nil {
		t.sent(s, msgs)
	}
	ready := s.wakeLocked()
	much := s.budget.Used > link.ScratchSize && s.writableLocked() // waiting for more would gain nothing
	s.mu.Unlock()
	s.dropped(DropCauseEvicted, evicted)
	s.dropped(DropCauseReplaced, replaced)
	s.srv.flush.add(ready)
	if much {
		s.srv.flush.startDeferred()
	}
	return nil
}

// fullLocked is the end of enqueue when there is no room. It releases mu.
func (s *Session) fullLocked(queue *outbox.Queue, last int, volatile bool, evicted, replaced int) error {
	if !volatile {
		s.mu.Unlock()
		s.dropped(DropCauseEvicted, evicted)
		s.dropped(DropCauseReplaced, replaced)
		return ErrSlowConsumer
	}
	queue.Drop(last)
	s.mu.Unlock()
	s.dropped(DropCauseEvicted, evicted)
	s.dropped(DropCauseReplaced, replaced)
	s.dropped(DropCauseVolatile, last)
	return errDropped
}
