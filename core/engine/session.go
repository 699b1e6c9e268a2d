package engine

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/engine/parser"
)

// The states of a session; it only ever moves forward.
const (
	stateOpen    int32 = iota
	stateClosing       // ended for its Receiver; the transport is being closed
	stateReleased
)

// Session is one Engine.IO connection, whatever transport it is on at the
// moment. Its methods may be called concurrently.
//
// What a send needs comes first: see warm.go.
type Session struct {
	srv     *Server
	state   atomic.Int32
	mu      sync.Mutex
	ws      atomic.Pointer[wsConn] // nil: polling; changed with mu held
	queued  int64                  // bytes in queue and in the connections' out, and those being written; guarded by mu
	sampled time.Duration          // when a message that is timed was queued; 0: none is; guarded by mu; see observer.go

	id     string
	pin    string      // see Options.Pin
	recv   Receiver    // set once Connect has returned
	base64 bool        // the client asked for binary messages as base64 text
	v3     bool        // it speaks protocol 3; see v3.go
	pinged atomic.Bool // a ping waits for its pong

	// Guarded by mu.
	early    *failure // what ended the session while Connect ran
	ending   Reason   // what Receiver.Closed was told
	probe    *wsConn  // an upgrade in progress
	poll     *poll    // the GET that waits
	queue    []Message
	refs     int           // goroutines that work for it: readers, drains, POSTs, callers of Connect and Closed
	posted   chan struct{} // closed when the POST in flight ends
	answered chan struct{} // closed when no poll is being answered any more; made on demand
	answers  int           // polls that are being answered
	done     chan struct{} // closed when the session ends; made on demand
	posting  bool          // a POST is in flight
	feeding  bool          // and its packets are being taken: see startFeeding
	left     bool          // the client has closed the session itself, by polling
	heard    bool          // a POST has come
	broken   bool          // a POST has broken the rules; see breakOff
	seen     bool          // the client did something after a polling handshake
	extended bool          // traffic has already put off the ping timeout
	spared   uint8         // how often the peer was not blamed; see pause.go
	held     bool          // our own handlers hold the reader up

	// The POST whose body is being read, to limit its time. The lock is held while
	// a deadline is set, by whoever ends the session, so that the request cannot
	// have ended before; below it are only the lock of the body's Timer and that of
	// Server.pauses.
	uploading sync.Mutex
	upload    *upload

	// Heartbeat, guarded by mu. See heartbeat.go.
	timer    *time.Timer
	deadline clock // what the timer stands for; an earlier call is stale
	pingAt   clock
	opened   clock
}

// failure is what ends a session from within the packet path.
type failure struct {
	reason Reason
	err    error
}

func (f *failure) Error() string { return string(f.reason) + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(reason Reason, format string, args ...any) *failure {
	return &failure{reason, breach(fmt.Sprintf(format, args...))}
}

// open makes a session, queues its open packet, and introduces it to the
// Handler. Nothing is sent before the caller has attached the transport's
// reader or written the queue; head is what goes first.
func (srv *Server) open(r *http.Request, q query, id string, ws *wsConn, head []byte) (*Session, bool) {
	s := &Session{
		srv: srv, id: id, pin: strings.Clone(srv.opts.pin(r)), // a piece of the header would hold on to all of it
		base64: q.base64, v3: q.eio == "3", opened: srv.now(), refs: 1,
	}
	handshake := parser.Handshake{
		SID: s.id, PingInterval: srv.opts.PingInterval, PingTimeout: srv.opts.PingTimeout,
		MaxPayload: max(srv.opts.MaxHTTPBufferSize, 0),
	}
	if ws == nil {
		handshake.Upgrades = srv.upgrades()
	}
	if ws != nil {
		s.ws.Store(ws)
		ws.s, ws.main, ws.scheduled = s, true, true // held back until the reader starts
		s.refs++
	}
	if head != nil {
		s.push(Message{frame: head, answer: true})
	}
	s.push(control(string(handshake.Append([]byte{'0'}))))
	if !s.introduce(r) {
		return nil, false
	}
	return s, true
}

// introduce shows the session to the Handler, which may send to it, close it
// and hand it to other goroutines at once. It reports false if the server is
// shutting down. One reference is held meanwhile, so that the session is not
// forgotten before it is entered.
func (s *Session) introduce(r *http.Request) bool {
	recv := s.srv.handler.Connect(s, r)
	s.mu.Lock()
	s.recv = recv
	early := s.early
	s.mu.Unlock()
	if early != nil { // closed before there was a Receiver to tell
		recv.Closed(early.reason, early.err)
	}
	if !s.srv.add(s) {
		s.shut(ServerShuttingDown, nil, false)
		s.release(s.ws.Load())
		return false
	}
	s.mu.Lock()
	s.startHeartbeat()
	s.mu.Unlock()
	s.unref()
	return true
}

// upgrades lists what a polling session can upgrade to.
func (srv *Server) upgrades() []string {
	var to []string
	for _, transport := range []string{WebSocket, WebTransport} {
		if !srv.opts.NoUpgrade && srv.opts.allows(transport) {
			to = append(to, transport)
		}
	}
	return to
}

// ID is the session id: a bearer secret that must not be shown to others.
func (s *Session) ID() string { return s.id }

// Transport is the name of the transport in use.
func (s *Session) Transport() string {
	if ws := s.ws.Load(); ws != nil {
		return ws.transport()
	}
	return Polling
}

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
		s.Overflow()
	}
	return err
}

func (s *Session) enqueue(msgs []Message, volatile bool) error {
	s.mu.Lock()
	switch {
	case s.state.Load() != stateOpen:
		s.mu.Unlock()
		return ErrClosed
	case volatile && !s.writable():
		s.mu.Unlock()
		s.dropped(DropVolatile, len(msgs))
		return errDropped
	}
	for i, m := range msgs {
		if m.binary {
			m = s.inKind(m)
		}
		m.volatile, m.follows = volatile, i > 0
		s.push(m)
	}
	evicted := 0
	if s.over() {
		before := len(*s.waiting())
		fits := s.fits(len(msgs))
		evicted = before - len(*s.waiting())
		if !fits {
			return s.full(len(msgs), volatile, evicted)
		}
	}
	if s.srv.opts.Observer != nil {
		s.sample()
	}
	ready := s.kick()
	much := s.queued > scratchSize && s.writable() // waiting for more would gain nothing
	s.mu.Unlock()
	s.dropped(DropEvicted, evicted)
	if ready != nil {
		s.srv.flush.add(ready)
	}
	if much {
		s.srv.flush.rouse()
	}
	return nil
}

// full is the end of enqueue when there is no room. Called with mu held, which
// it releases.
func (s *Session) full(last int, volatile bool, evicted int) error {
	if !volatile {
		s.mu.Unlock()
		s.dropped(DropEvicted, evicted)
		return ErrSlowConsumer
	}
	s.drop(last)
	s.mu.Unlock()
	s.dropped(DropEvicted, evicted)
	s.dropped(DropVolatile, last)
	return errDropped
}

// push appends to the queue of the current transport. Called with mu held, or
// before the session is shared.
func (s *Session) push(m Message) {
	s.queued += int64(len(m.frame))
	if ws := s.ws.Load(); ws != nil {
		ws.push(m)
		return
	}
	s.queue = append(s.queue, m)
}

// writable reports whether a message sent now would leave now. Called with mu held.
func (s *Session) writable() bool {
	if ws := s.ws.Load(); ws != nil {
		return !ws.blocked
	}
	return s.poll != nil
}

// kick wakes whoever writes. It returns the connection to put on the ready
// list once mu, which the caller holds, is released.
func (s *Session) kick() *wsConn {
	if ws := s.ws.Load(); ws != nil {
		return ws.schedule()
	}
	if s.poll != nil && len(s.queue) > 0 {
		s.poll.wakeUp()
	}
	return nil
}

// receive is the one place where incoming packets are told apart. It runs on
// the goroutine of the transport that the packet came by, and returns the work
// that a message leaves.
func (s *Session) receive(p parser.Packet, polling bool) (Worker, error) {
	if s.state.Load() != stateOpen {
		return nil, nil
	}
	switch p.Type {
	case parser.Message:
		s.traffic()
		w, err := s.recv.Message(p.Data, p.Binary)
		if err != nil {
			return w, &failure{ForcedClose, err}
		}
		return w, nil
	case parser.Ping, parser.Pong:
		return nil, s.beat(p.Type)
	case parser.Close:
		if polling { // a WebSocket client closes the connection instead
			return nil, fail(TransportClose, "closed by the client")
		}
		return nil, nil
	}
	// Noop, Open and Upgrade say nothing here, and some clients send the last
	// two again. The reference ignores them, too.
	return nil, nil
}

// answerInKind: a client that sends base64 over a WebSocket (the stock
// client's forceBase64) cannot be assumed to take binary frames.
func (s *Session) answerInKind() {
	s.mu.Lock()
	s.base64 = true
	s.mu.Unlock()
}

// Close ends the session with [ForcedClose] after what it has queued is sent.
// It returns at once.
func (s *Session) Close() { s.shut(ForcedClose, nil, true) }

// Fail is Close for a client that has broken the Receiver's rules: err, which
// must not have anything from the client in it, is logged and given to Closed.
func (s *Session) Fail(err error) { s.shut(ForcedClose, err, true) }

// shut ends the session and tells the Receiver. With flush, what is queued
// still goes out.
func (s *Session) shut(reason Reason, err error, flush bool) {
	if tell := s.leave(reason, err, flush, false); tell != nil {
		tell()
	}
}

// leave is the one transition out of stateOpen, byPost for a POST that has broken
// the rules: see breakOff. It returns what tells the Receiver, for which the
// application may take its time; nil if the session has been ended before.
func (s *Session) leave(reason Reason, err error, flush, byPost bool) (tell func()) {
	s.mu.Lock()
	if !s.state.CompareAndSwap(stateOpen, stateClosing) {
		s.mu.Unlock()
		return nil
	}
	s.broken = byPost && s.ws.Load() == nil
	s.refs++ // Shutdown waits for Closed, too
	s.spared = 0
	s.stopHeartbeat()
	if s.done != nil {
		close(s.done)
	}
	recv := s.recv
	if recv == nil {
		s.early = &failure{reason, err}
	}
	probe := s.takeProbe(flush)
	s.ending = reason
	lost := 0
	if errors.Is(err, ErrSlowConsumer) {
		waiting := *s.waiting()
		lost = len(waiting)
		if lost > 0 && waiting[0].answer {
			lost--
		}
		lost = max(lost, 1)
	}
	if !flush {
		s.sampled = 0
	}
	var ready *wsConn
	gone := false
	if ws := s.ws.Load(); ws != nil {
		ready = ws.closeLocked(reason, err, flush)
	} else {
		gone = s.closePolling(flush, reason)
	}
	s.mu.Unlock()

	if ready != nil {
		s.srv.flush.add(ready)
	}
	if probe != nil {
		probe.abort()
	}
	s.cutBody(s.srv.opts.CloseTimeout) // a POST that is on its way may come to its end, and its answer be read
	if gone {
		s.release(nil)
	}
	return func() {
		defer s.unref() // also when the application ends this goroutine
		s.noteClosed(recv, reason, err)
		s.dropped(DropSlowConsumer, lost)
		if recv != nil {
			recv.Closed(reason, err)
		}
	}
}

// cut closes what is left of a session at once.
func (s *Session) cut() {
	defer func() {
		s.cutBody(0)
		s.wakePoll() // breakOff leaves that to a POST, which the application may hold
		if !s.release(nil) {
			s.ws.Load().abort() // its reader releases the session
		}
	}()
	s.shut(ServerShuttingDown, nil, false)
}

// release says that the session's transport is gone: ws, or polling if that is
// nil. It reports false if the session is on another one: an upgrade may have
// come first. The session is forgotten when the goroutines of its connections
// have ended, too.
func (s *Session) release(ws *wsConn) bool {
	s.mu.Lock()
	if s.ws.Load() != ws {
		s.mu.Unlock()
		return false
	}
	s.state.Store(stateReleased)
	s.stopHeartbeat() // it would keep the session in memory
	probe := s.takeProbe(false)
	last := s.refs == 0
	s.mu.Unlock()
	if probe != nil {
		probe.abort()
	}
	if last {
		s.srv.remove(s)
	}
	return true
}

// unref gives a reference back.
func (s *Session) unref() {
	s.mu.Lock()
	last := s.unrefLocked()
	s.mu.Unlock()
	if last {
		s.srv.remove(s)
	}
}

// unrefLocked is unref for callers that hold mu: if it was the last they remove
// the session from the table.
func (s *Session) unrefLocked() (last bool) {
	s.refs--
	return s.refs == 0 && s.state.Load() == stateReleased
}

// ended returns a channel that is closed when the session ends.
func (s *Session) ended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endedLocked()
}

// endedLocked is ended, called with mu held.
func (s *Session) endedLocked() <-chan struct{} {
	if s.done == nil {
		s.done = make(chan struct{})
		if s.state.Load() != stateOpen {
			close(s.done)
		}
	}
	return s.done
}

// waitBacklog holds the reader up while the application has too much to do,
// until the session ends. The heartbeat does not blame the peer meanwhile. It
// reports whether it did.
//
// A POST waits beyond the end of its request, too: else a client whose requests
// are ended early, by itself or by a middleware, could queue more with each.
func (s *Session) waitBacklog(reader *wsConn) (held bool) {
	for {
		room := s.recv.Backlog()
		if room == nil {
			return held
		}
		held = true
		if reader != nil {
			reader.quiet()
		}
		s.setHeld(true)
		select {
		case <-room:
		case <-s.ended():
		}
		s.setHeld(false)
		if s.state.Load() != stateOpen {
			return held
		}
	}
}
