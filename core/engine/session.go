package engine

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/engine/internal/clock"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// The states of a session; it only ever moves forward.
const (
	stateOpen    int32 = iota
	stateClosing       // ended for its Receiver; the transport is being closed
	stateReleased
)

// beat is the state of a heartbeat. It is changed with the session's mu held, and read
// without a lock for each packet.
type beat struct{ atomic.Int32 }

const (
	beatResting  int32 = iota // until the next ping
	beatPinged                // a ping waits for its pong
	beatExtended              // as beatPinged; other packets have extended the ping timeout
)

// awaited reports whether a pong is expected.
func (b *beat) awaited() bool { return b.Load() != beatResting }

// Session is one Engine.IO connection, on any transport. The methods may be called
// concurrently.
//
// What a send needs comes first: see ready.go.
type Session struct {
	srv    *shared
	state  atomic.Int32
	mu     sync.Mutex
	ws     atomic.Pointer[wsConn] // nil: polling; changed with mu held
	budget outbox.Budget          // of all its queues together; guarded by mu

	id     string
	pin    string   // see Options.Pin
	recv   Receiver // set once Connect has returned
	base64 bool     // the client asked for binary messages as base64 text
	v3     bool     // it speaks protocol 3: see doc.go
	beat   beat     // the state of the heartbeat

	polling *polling // nil: the session was opened on a WebSocket

	// Guarded by mu.
	early      *failure      // what ended the session while Connect ran
	ending     Reason        // what Receiver.Closed was told
	probe      *probe        // an upgrade in progress
	done       chan struct{} // closed when the session ends; made on demand
	refs       int32         // goroutines that work for it: readers, drains, POSTs, callers of Connect and Closed
	extensions uint8         // how often the peer was given more time; see package clock
	part       uint8         // see traffic; never changed
	held       bool          // the reader waits for the application's handlers

	// Heartbeat, guarded by mu. See heartbeat.go.
	trip     uint32 // see Layer.RoundTrip; microseconds
	timer    *time.Timer
	deadline clock.Time // when the timer is due; it may be called before, and does nothing then
	pingAt   clock.Time // of the next ping or, while a pong is awaited, of the last one
	opened   clock.Time
}

// ID returns the session id: a bearer secret that nobody but the client may learn.
func (s *Session) ID() string { return s.id }

// Transport returns the name of the transport in use.
func (s *Session) Transport() string {
	if ws := s.ws.Load(); ws != nil {
		return ws.writer.framing.transport()
	}
	return Polling
}

// revision is the session's protocol as requests name it.
func (s *Session) revision() string {
	if s.v3 {
		return "3"
	}
	return "4"
}

// Protocol returns the revision of Engine.IO that the client uses: 4, or 3 with
// Options.AllowEIO3.
func (s *Session) Protocol() int {
	if s.v3 {
		return 3
	}
	return 4
}

// Subprotocol returns the WebSocket subprotocol that Options.Subprotocol has chosen, ""
// if there is none. A session that begins on polling can have a subprotocol after its
// upgrade.
func (s *Session) Subprotocol() string {
	if ws := s.ws.Load(); ws != nil {
		return ws.subprotocol
	}
	return ""
}

// LogValue implements slog.LogValuer: a part of a hash of the id, which is a secret.
func (s *Session) LogValue() slog.Value { return sessionTag(s.id).LogValue() }

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

// moveQueueLocked moves the queue of polling to a WebSocket. On polling all bytes of
// protocol 4 are base64; on the WebSocket only those of a client that asks for it.
func (s *Session) moveQueueLocked(to *outbox.Queue) {
	s.polling.queue.MoveTo(to, func(m outbox.Message) outbox.Message {
		if m.Binary && s.base64 && !s.v3 {
			text := m.Base64Text()
			text.Follows = m.Follows
			return text
		}
		return m
	})
}

// inKindLocked returns a binary message in the form that the client takes.
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

// armLocked sets the session's timer.
func (s *Session) armLocked(at clock.Time) {
	s.deadline = at
	wait := time.Duration(at - s.srv.clock.Now())
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, s.onTimer)
		return
	}
	s.timer.Reset(wait)
}

// stopHeartbeatLocked stops the session's timer.
func (s *Session) stopHeartbeatLocked() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.deadline = 0
}

// ended returns a channel that is closed when the session ends.
func (s *Session) ended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endedLocked()
}

func (s *Session) endedLocked() <-chan struct{} {
	if s.done == nil {
		s.done = make(chan struct{})
		if s.state.Load() != stateOpen {
			close(s.done)
		}
	}
	return s.done
}

// unref ends a reference that was counted in refs.
func (s *Session) unref() {
	s.mu.Lock()
	last := s.unrefLocked()
	s.mu.Unlock()
	if last {
		s.srv.table.remove(s)
	}
}

// unrefLocked is unref for callers that hold mu. If it reports true, they remove the
// session from the table.
func (s *Session) unrefLocked() (last bool) {
	s.refs--
	return s.refs == 0 && s.state.Load() == stateReleased
}

// upgrade calls the observer, if there is one.
func (s *Session) upgrade(step UpgradeStep, err error) {
	if o := s.srv.observer(); o != nil {
		o.Upgrade(s, step, err)
	}
}

// dropped calls the observer, if there is one. The caller must not hold mu.
func (s *Session) dropped(cause DropCause, messages int) {
	if o := s.srv.observer(); o != nil && messages > 0 {
		o.Dropped(s, cause, messages)
	}
}

// sampleEvery: one message in so many is timed.
const sampleEvery = 64

// sampleLocked begins to time the message that was queued last, if it is the next to be
// timed and no other one in its queue is.
func (s *Session) sampleLocked(q *outbox.Queue) {
	if q.Sampled() == 0 && s.srv.samples.Add(1)%sampleEvery == 1 {
		q.Sample(time.Duration(s.srv.clock.Now()))
	}
}

// flushed calls the observer after the message was written that was timed since at.
func (s *Session) flushed(at time.Duration) {
	if at > 0 {
		s.srv.observer().Flushed(s, time.Duration(s.srv.clock.Now())-at)
	}
}
