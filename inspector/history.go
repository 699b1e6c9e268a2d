package inspector

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/loglimit"
)

// The bounds of what is kept of connections.
const (
	maxSteps   = 5000 // of all connections together; half a megabyte
	maxHistory = 100  // of one socket
)

// step is a step of a connection or, with a socket, of a socket.
type step struct {
	at         time.Time
	connection uint64
	namespace  string
	socket     string
	what       string
	transport  string
	why        string
}

// steps keeps the newest steps of all connections, of clients of Socket.IO 2.x, too, whose
// ids are left out.
type steps struct {
	mu   sync.Mutex
	ring []step
	next int // the oldest, once the ring is full
}

func (h *steps) add(s step) {
	s.at = time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.ring) < maxSteps {
		h.ring = append(h.ring, s)
		return
	}
	h.ring[h.next] = s
	h.next = (h.next + 1) % maxSteps
}

// Connection implements socketio.Observer.
func (r *recorder) Connection(e socketio.ConnectionEvent) {
	s := step{connection: e.Connection, what: "closed", transport: e.Transport, why: string(e.Reason)}
	if e.Open {
		s.what = "opened"
	}
	r.steps.add(s)
}

// Upgrade implements socketio.Observer.
func (r *recorder) Upgrade(e socketio.UpgradeEvent) {
	s := step{connection: e.Connection, transport: e.Transport}
	switch e.Step {
	case socketio.UpgradeStepDone:
		s.what = "upgraded"
	case socketio.UpgradeStepFailed:
		s.what = "not upgraded"
		if e.Err != nil {
			s.why = strings.Clone(loglimit.Clip(e.Err.Error()))
		}
	default:
		return
	}
	r.steps.add(s)
}

// moved keeps a step of a socket.
func (r *recorder) moved(e *socketio.NamespaceEvent) {
	s := step{
		connection: e.Socket.Connection(), namespace: e.Namespace.Name(), socket: e.Socket.ID(), what: string(e.Step), why: string(e.Reason),
	}
	switch {
	case e.Step == socketio.NamespaceStepRefused:
		return // it has no socket that somebody could look at
	case e.Recovery == socketio.RecoveryOutcomeDone:
		s.what = "recovered"
	case e.Recovery != "":
		s.why = "the session that it has asked for was not recovered: " + string(e.Recovery)
	}
	r.steps.add(s)
}

// stepLine is a step as the page gets it.
type stepLine struct {
	At        int64  `json:"at"` // milliseconds
	What      string `json:"what"`
	Transport string `json:"transport"`
	Why       string `json:"why"`
	Node      string `json:"node"`
}

// historyOf returns the steps of a socket and of its connections, the oldest first, and the
// newest namespace of a socket with that id.
func historyOf(in *inspector, namespace, id string) (lines []stepLine, of string) {
	h := &in.record.steps
	h.mu.Lock()
	defer h.mu.Unlock()
	mine := func(s *step) bool { return s.socket == id && (namespace == "" || s.namespace == namespace) }
	connections := make(map[uint64]bool)
	for i := range h.ring {
		if s := &h.ring[i]; id != "" && mine(s) {
			connections[s.connection] = true
		}
	}
	for i := range h.ring {
		s := &h.ring[(h.next+i)%len(h.ring)]
		if !connections[s.connection] || s.socket != "" && !mine(s) {
			continue
		}
		if of = cmp.Or(s.namespace, of); len(lines) == maxHistory {
			lines = lines[1:]
		}
		lines = append(lines, stepLine{s.at.UnixMilli(), s.what, s.transport, s.why, in.opts.ServerID})
	}
	return lines, of
}

// complete completes the history of a connection that has opened longer ago than is kept.
func complete(in *inspector, s *socketio.Socket, lines []stepLine) []stepLine {
	if slices.ContainsFunc(lines, func(l stepLine) bool { return l.What == "opened" }) {
		return lines
	}
	first := s.Handshake().Query().Get("transport")
	opened := stepLine{At: s.Handshake().Time.UnixMilli(), What: "opened", Transport: first, Node: in.opts.ServerID}
	if now := s.Transport(); now != first && !slices.ContainsFunc(lines, func(l stepLine) bool { return l.What == "upgraded" }) {
		opened.Why = fmt.Sprintf("upgraded to %s since", now)
	}
	return append([]stepLine{opened}, lines...)
}
