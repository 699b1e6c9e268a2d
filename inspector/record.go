package inspector

import (
	"context"
	"hash/crc32"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/loglimit"
)

// The bounds of what is kept of outgoing events: some three and a half megabytes with
// names of the usual length.
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
	written  *socketio.WriteTime
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

// recorder keeps what was emitted lately, and who has left, and shows events to tails.
type recorder struct {
	socketio.NopObserver
	of    *socketio.Namespace // the inspector's own, of which nothing is kept
	tails tails
	steps steps
	old   atomic.Bool // there was a client of Socket.IO 2.x

	second  atomic.Int64 // that kept counts in
	kept    atomic.Int64
	skipped atomic.Uint64

	mu     sync.Mutex
	traces []*trace // the oldest first
	listed int      // recipients of all
	last   uint64   // id
	lefts  []left   // a ring of maxLefts
	next   int      // the oldest, once the ring is full
}

// full reports whether no more events of this second are kept.
func (r *recorder) full() bool {
	return r.kept.Load() >= maxPerSecond && r.second.Load() == time.Now().Unix()
}

// take counts an event, and reports whether it is kept.
func (r *recorder) take(now time.Time) bool {
	if last, second := r.second.Load(), now.Unix(); last != second && r.second.CompareAndSwap(last, second) {
		r.kept.Store(0)
	}
	if r.kept.Add(1) > maxPerSecond {
		r.skipped.Add(1)
		return false
	}
	return true
}

// Trace implements socketio.Tracer.
func (r *recorder) Trace(e socketio.EmitInfo) int {
	switch list := r.tails.looking(); {
	case e.Namespace == r.of:
		return 0
	case !r.full():
		return maxRecipients
	case list != nil:
		return r.tails.wants(list, &e)
	}
	return 0
}

// Event implements socketio.Observer.
func (r *recorder) Event(ctx context.Context, e socketio.EventInfo) (context.Context, func(socketio.EventResult)) {
	if e.Namespace == r.of {
		return ctx, nil
	}
	if list := r.tails.looking(); list != nil {
		r.tails.received(list, &e)
	} else {
		r.tails.miss()
	}
	return ctx, nil
}

// Emit implements socketio.Observer.
func (r *recorder) Emit(_ context.Context, e socketio.EmitInfo) func(socketio.EmitResult) {
	if e.Namespace == r.of {
		return nil
	}
	at := time.Now()
	keep := r.take(at)
	if !keep && r.tails.all() == nil {
		return nil
	}
	return func(result socketio.EmitResult) {
		list := r.tails.looking()
		if list == nil {
			r.tails.miss()
		}
		if result.Data == nil && result.Err == nil && !e.Nobody { // nobody has asked for it
			return
		}
		if list != nil {
			r.tails.emitted(list, &e, at, &result)
		}
		if keep {
			r.keep(newTrace(&e, at, &result))
		}
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
	var rooms, except bool
	t.info.Rooms, rooms = copied(e.Rooms)
	t.info.Except, except = copied(e.Except)
	t.cut = rooms || except
	if r.Err != nil {
		t.failure = strings.Clone(loglimit.Clip(r.Err.Error()))
	}
	t.list = make([]recipient, 0, len(r.Recipients))
	for _, to := range r.Recipients {
		if to.Socket.Protocol() == 3 { // whose id is a secret
			continue
		}
		one := recipient{to.Socket.ID(), to.Delivery, -1, to.Written}
		if to.Acknowledged {
			one.after = to.After
		}
		t.list = append(t.list, one)
	}
	return t
}

// copied copies the rooms of an event, and reports whether that is not all of them.
func copied(rooms []string) (list []string, cut bool) {
	cut = len(rooms) > maxTargets
	for _, room := range rooms[:min(len(rooms), maxTargets)] {
		cut = cut || len(room) > maxName
		list = append(list, strings.Clone(room[:min(len(room), maxName)])) // and not all of a longer text
	}
	return list, cut
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
	if e.Namespace == nil || e.Namespace == r.of {
		return
	}
	if e.Socket.Protocol() == 3 {
		r.old.Store(true)
		return
	}
	r.moved(&e)
	if e.Step != socketio.NamespaceStepLeft {
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
func (r *recorder) lost() uint64 { return r.skipped.Load() }

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
