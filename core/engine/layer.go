package engine

import (
	"time"

	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// Layer has the methods of a [Session] that only package socketio needs, which sends
// while it holds locks of its own, may learn before the engine that a peer is gone, and
// sends to many sessions at once. (*Layer)(s) converts a session.
type Layer Session

// Enqueue is like [Session.Send], for a caller that holds a lock which its Receiver
// takes, too. When Enqueue returns [ErrSlowConsumer] it has not ended the session, and
// the messages are queued, in order. The caller must release its lock and then end the
// session with Overflow.
func (l *Layer) Enqueue(msgs ...Message) error { return (*Session)(l).enqueue(msgs, false, nil, nil) }

// Newest says of an event that only the newest ones of its kind are kept for a peer that
// does not keep up.
type Newest struct {
	Key  string // of the events that replace each other
	Most int    // how many of them may wait; at least 1
}

// EnqueueNewest is like Enqueue, for messages that are one event. If k.Most of this key
// wait already, the oldest ones are dropped; the new event goes to the end, so that the
// order of what arrives is that of sending. What is being written stays. With volatile
// the event may also be dropped to make room for others, and when there is none for it;
// EnqueueNewest then fails.
func (l *Layer) EnqueueNewest(k *Newest, volatile bool, msgs ...Message) error {
	return (*Session)(l).enqueue(msgs, volatile, k, nil)
}

// Mark is told when a message was written: when the operating system has taken it, or when
// it is in the response to a poll. Written is called on the goroutine that writes, once at
// most, and never for a message that is dropped; it must not block. Up to 255 marks wait in
// a queue, and further ones are not told.
type Mark interface{ Written() }

// EnqueueMarked is like Enqueue or, if k is not nil, like EnqueueNewest, and has mark told
// when the last of the messages is written. With volatile and without k the messages are
// dropped as SendVolatile drops them, which EnqueueMarked fails for.
func (l *Layer) EnqueueMarked(mark Mark, k *Newest, volatile bool, msgs ...Message) error {
	return (*Session)(l).enqueue(msgs, volatile, k, mark)
}

// Overflow ends a session whose Enqueue has failed with [ErrSlowConsumer], as Send
// does by itself.
func (l *Layer) Overflow() { (*Session)(l).shut(ReasonTransportError, ErrSlowConsumer, false) }

// Lost ends a session whose peer is gone, with [ReasonTransportClose], and drops its
// queued messages.
func (l *Layer) Lost() { (*Session)(l).shut(ReasonTransportClose, nil, false) }

// Yield moves the reading of the session to another goroutine. Call Yield when the
// application, in a handler that a [Worker] runs inline, is about to wait for a message
// of the client.
func (l *Layer) Yield() {
	if c := (*Session)(l).ws.Load(); c != nil {
		c.takeOver(c.writer.lease.n.Load())
	}
}

// Low returns nil if at most 64 KB wait to be sent to the peer. Otherwise Low returns a
// channel that is closed when that is so, or when the session ends. Of a session that has
// ended, Low returns [ErrClosed].
func (l *Layer) Low() (<-chan struct{}, error) {
	s := (*Session)(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Load() != stateOpen {
		return nil, ErrClosed
	}
	return s.budget.Low(), nil
}

// Queued returns how many bytes wait to be written to the peer, with what is being written.
func (l *Layer) Queued() int64 {
	s := (*Session)(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.budget.Used
}

// RoundTrip returns the time from the last ping that was answered until its pong was read;
// 0 before the first one, and for a client that sends the pings (protocol 3).
func (l *Layer) RoundTrip() time.Duration {
	s := (*Session)(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(s.trip) * time.Microsecond
}

// Prefetch makes the CPU load the memory that Send needs. Call Prefetch for about eight
// sessions before sending to these, in a broadcast to many: see ready.go.
func (l *Layer) Prefetch() {
	if c := (*Session)(l).ws.Load(); c != nil {
		c.writer.lease.lent()
	}
}

// LayerMessage has the methods of a [Message] that only package socketio needs.
type LayerMessage Message

// Draft returns a text message that lacks its end: buf began as a [TextBuffer]. It
// must not be sent before Seal has completed it.
func Draft(buf []byte) LayerMessage { return LayerMessage{outbox.Draft(buf)} }

// Seal completes a Draft with its end. Seal copies the message only if the buffer has
// no room for the end.
func (m LayerMessage) Seal(end []byte) Message {
	return Message{outbox.Text(append(m.out.Frame, end...))}.Compress(!m.out.Plain)
}

// V3 returns a binary message in the format of protocol 3, so that a broadcast to many
// clients of protocol 3 shares the bytes. A session of protocol 3 converts all other
// binary messages by itself.
func (m LayerMessage) V3() Message { return Message{m.out.ToV3()} }
