package engine

import (
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosio/gosio/core/engine/internal/clock"
	"github.com/gosio/gosio/core/engine/internal/outbox"
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
// What a send needs comes first: see prefetch.go.
type Session struct {
	srv    *Server
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
	held       bool          // our own handlers hold the reader up

	// Heartbeat, guarded by mu. See heartbeat.go.
	timer    *time.Timer
	deadline clock.Time // what the timer stands for; an earlier call is stale
	pingAt   clock.Time
	opened   clock.Time
}

// open gives the session its transport, nil for polling, queues its open packet
// there, and introduces it to the Handler. Nothing is sent before the caller has
// started the connection or answered the poll; head is what goes first.
func (s *Session) open(r *http.Request, ws *wsConn, head []byte) bool {
	srv := s.srv
	handshake := parser.Handshake{
		SID: s.id, PingInterval: srv.opts.PingInterval, PingTimeout: srv.opts.PingTimeout,
		MaxPayload: max(srv.opts.MaxHTTPBufferSize, 0),
	}
	if ws == nil {
		handshake.Upgrades = srv.opts.upgrades()
		s.polling = &polling{s: s, queue: outbox.Queue{Budget: &s.budget}}
	} else {
		s.ws.Store(ws)
		ws.writer.state = writeHeld
		s.refs++
	}
	queue := s.queueLocked() // nobody else knows the session yet
	if head != nil {
		queue.Push(outbox.Message{Frame: head, Answer: true})
	}
	queue.Push(outbox.TextPacket(string(handshake.Append([]byte{'0'}))))
	return s.introduce(r)
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
	if !s.srv.table.add(s) {
		s.shut(ReasonServerShuttingDown, nil, false)
		s.release(s.ws.Load())
		return false
	}
	s.mu.Lock()
	s.startHeartbeatLocked()
	s.mu.Unlock()
	s.unref()
	return true
}

// ID is the session id: a bearer secret that must not be shown to others.
func (s *Session) ID() string { return s.id }

// Transport is the name of the transport in use.
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

// Protocol is the revision of Engine.IO that the client speaks: 4, or 3 with
// Options.AllowEIO3.
func (s *Session) Protocol() int {
	if s.v3 {
		return 3
	}
	return 4
}

// LogValue implements slog.LogValuer: a piece of a hash of the id, which is a
// secret.
func (s *Session) LogValue() slog.Value { return sessionTag(s.id).LogValue() }

// Subprotocol is the WebSocket subprotocol that the session's transport has agreed
// on, "" if there is none: see Options.Subprotocol. A session that begins on
// polling has one after its upgrade.
func (s *Session) Subprotocol() string {
	if ws := s.ws.Load(); ws != nil {
		return ws.subprotocol
	}
	return ""
}

// decode reads a packet that has come in a message of a WebSocket or a stream.
func (s *Session) decode(data []byte, binary bool) (parser.Packet, error) {
	switch {
	case s.v3 && binary:
		return parser.DecodeBinaryV3(data)
	case s.v3:
		return parser.DecodeV3(data)
	case binary: // always the data of a message, without a type
		return parser.Packet{Type: parser.TypeMessage, Data: data, Binary: true}, nil
	}
	return parser.Decode(data)
}

// isBeat reports whether the client sends packets of this type for the heartbeat.
func (s *Session) isBeat(t parser.Type) bool {
	if s.v3 {
		return t == parser.TypePing
	}
	return t == parser.TypePong
}

// receive is the one place where incoming packets are told apart. It runs on
// the goroutine of the transport that the packet came by, and returns the work
// that a message leaves.
func (s *Session) receive(p parser.Packet, polling bool) (Worker, error) {
	if s.state.Load() != stateOpen {
		return nil, nil
	}
	switch p.Type {
	case parser.TypeMessage:
		s.traffic()
		w, err := s.recv.Message(p.Data, p.Binary)
		if err != nil {
			return w, &failure{ReasonForcedClose, err}
		}
		return w, nil
	case parser.TypePing, parser.TypePong:
		return nil, s.takeBeat(p.Type)
	case parser.TypeClose:
		if polling { // a WebSocket client closes the connection instead
			return nil, fail(ReasonTransportClose, "closed by the client")
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

// waitBacklog holds the reader up while the application has too much to do,
// until the session ends. The heartbeat does not blame the peer meanwhile. It
// reports whether it did.
//
// A POST waits beyond the end of its request, too: else a client whose requests
// are ended early, by itself or by a middleware, could queue more with each.
func (s *Session) waitBacklog(reader *activity) (held bool) {
	for {
		room := s.recv.Backlog()
		if room == nil {
			return held
		}
		held = true
		if reader != nil {
			reader.stop()
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
