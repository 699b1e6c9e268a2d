package inspector

import (
	"context"
	"hash/crc32"
	"slices"
	"strings"
	"sync"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/loglimit"
)

// The bounds of what is kept of outgoing events: some three megabytes with names of the
// usual length.
const (
	maxTraces     = 500    // events
	maxRecipients = 1000   // of one event that are listed by their ids
	maxListed     = 20_000 // of all events together
	maxPerSecond  = 200    // events that are kept within a second
	maxLefts      = 2000   // sockets that have left
	maxTargets    = 50     // rooms of an event
	maxName       = 256    // bytes of a room's name, which clients may have chosen
)

// recipient is one that an event was for.
type recipient struct {
	id       string
	delivery socketio.Delivery
	after    time.Duration // of the acknowledgement; negative: there is none
}

// trace is what is kept of an event.
type trace struct {
	info       socketio.EmitInfo // without pointers
	id         uint64            // of this server
	at         time.Time
	took       time.Duration
	namespace  string
	parent     string // of namespace
	socket     string // of Socket.Emit
	key        uint32 // of the content: servers know by it that their events are one
	size       int
	deliveries int
	failure    string
	cut        bool // rooms are missing, or their names are cut
	list       []recipient
}

// left is a socket that has left.
type left struct {
	id, namespace string
	at            time.Time
	reason        socketio.Reason
}

// recorder keeps what was emitted lately, and who has left.
type recorder struct {
	socketio.NopObserver
	of *socketio.Namespace // the inspector's own, of which nothing is kept

	mu      sync.Mutex
	traces  []*trace // the oldest first
	listed  int      // recipients of all
	last    uint64   // id
	lefts   []left   // a ring of maxLefts
	next    int      // the oldest, once the ring is full
	second  int64    // that kept counts in
	kept    int
	skipped uint64
}

// Trace implements socketio.Tracer.
func (r *recorder) Trace(e socketio.EmitInfo) int {
	if e.Namespace == r.of {
		return 0
	}
	second := time.Now().Unix()
	r.mu.Lock()
	defer r.mu.Unlock()
	if second != r.second {
		r.second, r.kept = second, 0
	}
	if r.kept == maxPerSecond {
		r.skipped++
		return 0
	}
	r.kept++
	return maxRecipients
}

// Emit implements socketio.Observer.
func (r *recorder) Emit(_ context.Context, e socketio.EmitInfo) func(socketio.EmitResult) {
	if e.Namespace == r.of {
		return nil
	}
	at := time.Now()
	return func(result socketio.EmitResult) {
		if result.Data == nil && result.Err == nil && !e.Nobody { // one too many
			return
		}
		r.keep(newTrace(&e, at, &result))
	}
}

func newTrace(e *socketio.EmitInfo, at time.Time, r *socketio.EmitResult) *trace {
	t := &trace{
		info: *e, at: at, took: time.Since(at), namespace: e.Namespace.Name(), key: crc32.ChecksumIEEE(r.Data), size: len(r.Data), deliveries: r.Deliveries,
	}
	if p := e.Namespace.Parent(); p != nil {
		t.parent = p.Name()
	}
	if e.Socket != nil && e.Socket.Protocol() != 3 {
		t.socket = e.Socket.ID()
	}
	t.info.Namespace, t.info.Socket = nil, nil
	t.info.Name = strings.Clone(loglimit.Clip(e.Name))
	t.info.Rooms, t.info.Except = t.targets(e.Rooms), t.targets(e.Except)
	if r.Err != nil {
		t.failure = strings.Clone(loglimit.Clip(r.Err.Error()))
	}
	t.list = make([]recipient, 0, len(r.Recipients))
	for _, to := range r.Recipients {
		if to.Socket.Protocol() == 3 { // whose id is a secret
			continue
		}
		one := recipient{to.Socket.ID(), to.Delivery, -1}
		if to.Acknowledged {
			one.after = to.After
		}
		t.list = append(t.list, one)
	}
	return t
}

// targets copies the rooms of an event, and notes if that is not all of them.
func (t *trace) targets(rooms []string) []string {
	t.cut = t.cut || len(rooms) > maxTargets
	var kept []string
	for _, room := range rooms[:min(len(rooms), maxTargets)] {
		t.cut = t.cut || len(room) > maxName
		kept = append(kept, strings.Clone(room[:min(len(room), maxName)])) // and not all of a longer text
	}
	return kept
}

// keep keeps an event, and forgets the oldest ones.
func (r *recorder) keep(t *trace) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	t.id = r.last
	r.traces = append(r.traces, t)
	r.listed += len(t.list)
	for len(r.traces) > maxTraces || r.listed > maxListed && len(r.traces) > 1 {
		r.listed -= len(r.traces[0].list)
		r.traces[0] = nil
		r.traces = r.traces[1:]
	}
}

// Namespace implements socketio.Observer.
func (r *recorder) Namespace(e socketio.NamespaceEvent) {
	if e.Step != socketio.NamespaceStepLeft || e.Namespace == r.of || e.Socket.Protocol() == 3 {
		return
	}
	l := left{e.Socket.ID(), e.Namespace.Name(), time.Now(), e.Reason}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lefts) < maxLefts {
		r.lefts = append(r.lefts, l)
		return
	}
	r.lefts[r.next] = l
	r.next = (r.next + 1) % maxLefts
}

// all returns what is kept, the newest first.
func (r *recorder) all() []*trace {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.Clone(r.traces)
	slices.Reverse(list)
	return list
}

// lost returns how many events were too many to be kept.
func (r *recorder) lost() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.skipped
}

// left returns when a socket has left last.
func (r *recorder) left(namespace, id string) (l left, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.lefts {
		if one.id == id && one.namespace == namespace && one.at.After(l.at) {
			l, ok = one, true
		}
	}
	return l, ok
}
