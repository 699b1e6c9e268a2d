package model

import (
	"math"
	"slices"
	"sync"
	"time"
)

// stamp is a moment: n orders all moments of a run, at is the time.
type stamp struct {
	n  int64
	at time.Duration
}

var never = stamp{math.MaxInt64, math.MaxInt64}

// emission is an event that a server has sent.
type emission struct {
	n          int
	kind       kind
	actor      string // who has sent it, on one goroutine
	node       int
	room       string // "": all
	without    string // a room
	id         string // a socket; "": no
	start, end stamp  // of the call
	err        error
}

// change is a socket that joins or leaves a room, or is told to disconnect.
type change struct {
	room       string
	in         bool
	actor      string // who has said so, if it was a server
	node       int
	start, end stamp
}

// connection is one connection of a session.
type connection struct {
	node          int
	start, joined stamp // of the handshake
	end           stamp // when the client was told, or has cut it
	recovered     bool
	refused       bool   // the server has said "disconnect"
	closed        bool   // by the client; what comes then is lost
	offset        string // of the last event
	sent          []int  // numbers of what the client has emitted, in order
	acked         []int
}

// session is a socket with its id, over all its connections.
type session struct {
	client  int
	id, pid string
	conns   []*connection
	changes []*change
	kicks   []*change
	got     []receipt
	stalled bool
	left    stamp // by goodbye
	alive   bool  // at the end
}

type receipt struct {
	n    int
	when stamp
}

func (s *session) last() *connection { return s.conns[len(s.conns)-1] }

// fault is something that happens to nodes. It is over at end.
type fault struct {
	kind       kind
	node, with int // of part: both directions
	start, end stamp
}

// history is what has happened.
type history struct {
	mu        sync.Mutex
	began     time.Time
	clock     int64
	number    int
	emissions []*emission
	sessions  []*session
	byID      map[string]*session
	faults    []*fault
	gaps      []gap
	handled   []handling
	there     map[string]int // sockets by OnConnect and OnDisconnect
	answers   map[int][]string
	fetched   []fetching
	complaint []string // what was seen while it happened
}

type gap struct {
	node int
	when stamp
}

type handling struct {
	client, seq int
	id          string
}

type fetching struct {
	start, end stamp
	ids        []string
}

func newHistory() *history {
	return &history{began: time.Now(), byID: map[string]*session{}, there: map[string]int{}, answers: map[int][]string{}}
}

// nowLocked is the next moment. Called with mu held.
func (h *history) nowLocked() stamp {
	h.clock++
	return stamp{h.clock, time.Since(h.began)}
}

func (h *history) now() stamp {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.nowLocked()
}

func (h *history) complain(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.complaint = append(h.complaint, text)
}

// emit records an event, calls send with its number, and records what comes of it.
func (h *history) emit(e emission, send func(n int) error) {
	h.mu.Lock()
	h.number++
	e.n, e.start, e.end = h.number, h.nowLocked(), never
	h.emissions = append(h.emissions, &e)
	h.mu.Unlock()
	err := send(e.n)
	h.mu.Lock()
	e.end, e.err = h.nowLocked(), err
	h.mu.Unlock()
}

// begin records a change that is under way until the returned function is called.
func (h *history) begin(s *session, c change) (done func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.start, c.end = h.nowLocked(), never
	if c.room == "" {
		s.kicks = append(s.kicks, &c)
	} else {
		s.changes = append(s.changes, &c)
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		c.end = h.nowLocked()
	}
}

// strike records a fault that is over when the returned function is called.
func (h *history) strike(f fault) (over func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.start, f.end = h.nowLocked(), never
	h.faults = append(h.faults, &f)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		f.end = h.nowLocked()
	}
}

// struck reports whether a fault of that kind is on at a node, or between two. Called with mu held.
func (h *history) struckLocked(k kind, node, with int) bool {
	return slices.ContainsFunc(h.faults, func(f *fault) bool {
		return f.kind == k && f.end == never && (f.node == node && (k != part || f.with == with) || k == part && f.node == with && f.with == node)
	})
}
