package inspector

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/loglimit"
)

// The bounds of live tails. Together they hold some six megabytes at most, and nothing
// while nobody looks.
const (
	maxTails     = 8       // with different filters, at a time
	maxOwnTails  = 4       // of one viewer
	maxTailed    = 1000    // events that a tail holds
	maxTailBytes = 1 << 19 // of their contents
	maxPayload   = 8 << 10 // bytes of one event's content
	tailQuota    = 500     // events that a tail takes in a turn
	tailLife     = 10 * time.Second
	tailTurn     = time.Second
	tailIdle     = 2 * time.Second // a tail that is looked at is asked for each second
	// tailTime bounds the time that events are looked at in a turn, on all processors
	// together.
	tailTime = tailTurn / 20
	tailLook = 250 * time.Nanosecond // what a look costs besides, most of it reading clocks
)

// filter says which events a tail takes. What is empty is not looked at.
type filter struct {
	Namespace string // the whole name; that of a parent stands for its children
	Room      string // the whole name: the event is for the room, or the client is in the room
	Socket    string // the whole id
	Identity  string // a part, in any case
	Event     string // a part
	Direction string // "in": from clients; "out": for clients
	Size      int    // bytes, or more
}

// check says what is wrong with a filter; empty: nothing.
func (f *filter) check() string {
	for _, part := range []string{f.Namespace, f.Room, f.Socket, f.Identity, f.Event} {
		if len(part) > maxName {
			return "a filter is longer than 256 bytes"
		}
	}
	if f.Direction != "" && f.Direction != "in" && f.Direction != "out" {
		return "the direction is in, out or empty"
	}
	return ""
}

// near reports whether events of that name and namespace may be wanted.
func (f *filter) near(ns *socketio.Namespace, event string) bool {
	if f.Namespace != "" && ns.Name() != f.Namespace {
		if p := ns.Parent(); p == nil || p.Name() != f.Namespace {
			return false
		}
	}
	return strings.Contains(event, f.Event)
}

// by reports whether a client is meant. lower is Identity in small letters.
func (f *filter) by(s *socketio.Socket, lower string) bool {
	return (f.Socket == "" || s.ID() == f.Socket) &&
		(lower == "" || strings.Contains(strings.ToLower(s.Identity()), lower))
}

// tailed is an event of a tail. It does not change.
type tailed struct {
	at               time.Time
	out              bool
	namespace, event string
	socket, identity string // of the client; empty: of several
	rooms, except    []string
	data             []byte // name and arguments; nil: none, or more than maxPayload
	size, count      int    // count is for how many clients of this server
	key              uint32 // of the content: servers know by it that their events are one
	failure          string
	remote, volatile, wantsAck, unhandled,
	nobody bool
}

// tail holds the events that pass its filter.
type tail struct {
	filter   filter
	identity string                          // in small letters
	epoch    int64                           // tells it from an earlier one with the same filter
	until    atomic.Int64                    // nanoseconds: nobody has asked since tailLife
	socket   atomic.Pointer[socketio.Socket] // of the filter; nil: it is not here
	taken    atomic.Int64                    // in this turn
	skipped  atomic.Uint64                   // beyond tailQuota

	entries []*tailed // guarded by tails.mu, as are the next three
	first   uint64    // the number of entries[0]
	bytes   int
	asked   map[string]time.Time // when a viewer has asked last
}

// tails are those that somebody looks at.
type tails struct {
	list   atomic.Pointer[[]*tail] // nil: nobody looks
	closed atomic.Bool             // the time of this turn is used up
	spent  atomic.Int64            // nanoseconds, in this turn
	unseen atomic.Uint64           // events that were not looked at

	mu   sync.Mutex
	turn time.Time     // its beginning
	owed time.Duration // spent in turns before
}

// looking returns the tails that events have to be shown to; nil: none. Nothing else is
// called while nobody looks.
func (ts *tails) looking() []*tail {
	if list := ts.list.Load(); list != nil && !ts.closed.Load() {
		return *list
	}
	return nil
}

// miss counts an event that was not shown to tails, if they wait for their next turn.
func (ts *tails) miss() {
	if ts.closed.Load() && ts.list.Load() != nil {
		ts.unseen.Add(1)
	}
}

// spend counts the time that an event was looked at.
func (ts *tails) spend(began time.Time) {
	if ts.spent.Add(int64(time.Since(began)+tailLook)) > int64(tailTime) {
		ts.closed.Store(true)
	}
}

// live reports whether somebody has asked lately.
func (t *tail) live(now time.Time) bool { return now.UnixNano() < t.until.Load() }

// take reports whether there is room for one more in this turn.
func (t *tail) take() bool {
	if t.taken.Add(1) > tailQuota {
		t.skipped.Add(1)
		return false
	}
	return true
}

// received looks at what a client has sent.
func (ts *tails) received(list []*tail, e *socketio.EventInfo) {
	now := time.Now()
	defer ts.spend(now)
	var to [maxTails]*tail
	n := 0
	for _, t := range list {
		f := &t.filter
		if f.Direction != "out" && e.Bytes >= f.Size && f.near(e.Namespace, e.Name) && t.live(now) &&
			f.by(e.Socket, t.identity) && (f.Room == "" || e.Socket.InRoom(f.Room)) && t.take() {
			to[n] = t
			n++
		}
	}
	if n == 0 {
		return
	}
	one := &tailed{at: now, namespace: e.Namespace.Name(), event: clone(e.Name), size: e.Bytes, wantsAck: e.WantsAck, unhandled: e.Unhandled}
	one.of(e.Socket)
	one.holds(e.Data)
	ts.add(to[:n], one)
}

// wants returns how many recipients of an outgoing event have to be listed so that emitted
// can look at the event.
func (ts *tails) wants(list []*tail, e *socketio.EmitInfo) (most int) {
	now := time.Now()
	defer ts.spend(now)
	for _, t := range list {
		if f := &t.filter; f.Direction != "in" && f.near(e.Namespace, e.Name) && t.live(now) {
			most = max(most, 1)
			if t.identity != "" && e.Socket == nil {
				return maxRecipients
			}
		}
	}
	return most
}

// emitted looks at what was emitted.
func (ts *tails) emitted(list []*tail, e *socketio.EmitInfo, at time.Time, r *socketio.EmitResult) {
	now := time.Now()
	defer ts.spend(now)
	var to [maxTails]*tail
	n := 0
	for _, t := range list {
		f := &t.filter
		if f.Direction != "in" && len(r.Data) >= f.Size && f.near(e.Namespace, e.Name) && t.live(now) && t.meant(e, r) && t.take() {
			to[n] = t
			n++
		}
	}
	if n == 0 {
		return
	}
	one := &tailed{
		at: at, out: true, namespace: e.Namespace.Name(), event: clone(e.Name), size: len(r.Data), count: r.Deliveries,
		key: crc32.ChecksumIEEE(r.Data), remote: e.Remote, volatile: e.Volatile, wantsAck: e.WantsAck, nobody: e.Nobody,
	}
	one.rooms, _ = copied(e.Rooms)
	one.except, _ = copied(e.Except)
	if e.Socket != nil {
		one.of(e.Socket)
	}
	if r.Err != nil {
		one.failure = clone(r.Err.Error())
	}
	one.holds(r.Data)
	ts.add(to[:n], one)
}

// meant reports whether the clients of the filter are among those that an event was for.
func (t *tail) meant(e *socketio.EmitInfo, r *socketio.EmitResult) bool {
	f := &t.filter
	if e.Socket != nil {
		return f.by(e.Socket, t.identity) && (f.Room == "" || e.Socket.InRoom(f.Room))
	}
	if f.Room != "" && !slices.Contains(e.Rooms, f.Room) && !slices.Contains(e.Except, f.Room) {
		return false
	}
	if f.Socket != "" && !within(e, t.socket.Load()) {
		return false
	}
	return t.identity == "" || slices.ContainsFunc(r.Recipients, func(to socketio.Recipient) bool {
		return strings.Contains(strings.ToLower(to.Socket.Identity()), t.identity)
	})
}

// within reports whether a broadcast is for a socket.
func within(e *socketio.EmitInfo, s *socketio.Socket) bool {
	if s == nil || e.Nobody || e.Namespace != s.Namespace() && e.Namespace != s.Namespace().Parent() {
		return false
	}
	return (len(e.Rooms) == 0 || slices.ContainsFunc(e.Rooms, s.InRoom)) && !slices.ContainsFunc(e.Except, s.InRoom)
}

// of notes the client. The id of one of Socket.IO 2.x is a secret.
func (t *tailed) of(s *socketio.Socket) {
	if s.Protocol() != 3 {
		t.socket = s.ID()
	}
	t.identity = clone(s.Identity())
}

// holds copies the content of an event, unless it is long.
func (t *tailed) holds(data []byte) {
	if len(data) <= maxPayload {
		t.data = bytes.Clone(data)
	}
}

func clone(text string) string { return strings.Clone(loglimit.Clip(text)) }

// add gives an event to tails, and forgets their oldest ones.
func (ts *tails) add(to []*tail, one *tailed) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range to {
		t.entries = append(t.entries, one)
		t.bytes += len(one.data)
		for len(t.entries) > maxTailed || t.bytes > maxTailBytes {
			t.bytes -= len(t.entries[0].data)
			t.entries[0] = nil
			t.entries = t.entries[1:]
			t.first++
		}
	}
}

var (
	errManyTails = errors.New("busy: others look at as many tails with other filters as there may be")
	errOwnTails  = fmt.Errorf("busy: you look at %d tails with other filters already", maxOwnTails)
)

// follow returns the tail of a filter, which it begins or keeps open for a viewer, and for
// how long events were looked at since it was called last.
func (ts *tails) follow(f *filter, viewer string, now time.Time) (t *tail, spent time.Duration, err error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.expireLocked(now)
	if now.Sub(ts.turn) >= tailTurn {
		ts.turn = now
		ts.owed += time.Duration(ts.spent.Swap(0))
		ts.closed.Store(false)
		for _, t := range ts.all() {
			t.taken.Store(0)
		}
	}
	spent, ts.owed = ts.owed, 0
	if i := slices.IndexFunc(ts.all(), func(t *tail) bool { return t.filter == *f }); i >= 0 {
		t = ts.all()[i]
	}
	if err = ts.roomLocked(t, viewer, now); err != nil {
		return nil, spent, err
	}
	if t == nil {
		t = &tail{filter: *f, identity: strings.ToLower(f.Identity), epoch: now.UnixMicro(), asked: make(map[string]time.Time)}
		list := append(slices.Clip(ts.all()), t)
		ts.list.Store(&list)
	}
	t.asked[viewer] = now
	t.until.Store(now.Add(tailLife).UnixNano())
	return t, spent, nil
}

// roomLocked makes room for a viewer at a tail, nil for a new one: in the place of a tail
// that is not looked at any more, of the viewer's own if these are as many as one viewer may
// have.
func (ts *tails) roomLocked(t *tail, viewer string, now time.Time) error {
	var own *tail // the viewer's that was not asked for the longest
	n := 0
	for _, other := range ts.all() {
		if at, ok := other.asked[viewer]; ok && other != t {
			n++
			if own == nil || at.Before(own.asked[viewer]) {
				own = other
			}
		}
	}
	if n >= maxOwnTails {
		if now.Sub(own.asked[viewer]) < tailIdle {
			return errOwnTails
		}
		delete(own.asked, viewer)
		if len(own.asked) == 0 {
			ts.removeLocked(own)
		}
	}
	if t != nil || len(ts.all()) < maxTails {
		return nil
	}
	oldest := slices.MinFunc(ts.all(), func(a, b *tail) int { return cmp.Compare(a.until.Load(), b.until.Load()) })
	if time.Duration(oldest.until.Load()-now.UnixNano()) > tailLife-tailIdle {
		return errManyTails
	}
	ts.removeLocked(oldest)
	return nil
}

func (ts *tails) removeLocked(t *tail) {
	list := slices.DeleteFunc(slices.Clone(ts.all()), func(other *tail) bool { return other == t })
	ts.list.Store(&list)
}

// all returns the tails, whether they take something or not.
func (ts *tails) all() []*tail {
	if list := ts.list.Load(); list != nil {
		return *list
	}
	return nil
}

// expire forgets the tails that nobody looks at any more.
func (ts *tails) expire(now time.Time) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.expireLocked(now)
}

func (ts *tails) expireLocked(now time.Time) {
	old := ts.all()
	for _, t := range old {
		maps.DeleteFunc(t.asked, func(_ string, at time.Time) bool { return now.Sub(at) >= tailLife })
	}
	list := slices.DeleteFunc(slices.Clone(old), func(t *tail) bool { return !t.live(now) })
	if len(list) == 0 {
		ts.list.Store(nil)
	} else if len(list) < len(old) {
		ts.list.Store(&list)
	}
}

// since returns the events of a tail with numbers from next on, the oldest first, the
// number of those that come, and how many were forgotten that nobody has seen.
func (ts *tails) since(t *tail, next uint64) (list []*tailed, end, lost uint64) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	end = t.first + uint64(len(t.entries))
	if next < t.first {
		lost, next = t.first-next, t.first
	}
	return slices.Clone(t.entries[min(next, end)-t.first:]), end, lost
}

// cursor is up to where a viewer has seen a tail.
type cursor struct {
	Epoch   int64  `json:"epoch"`
	Next    uint64 `json:"next"`
	Skipped uint64 `json:"skipped"` // of the tail, so far
	Unseen  uint64 `json:"unseen"`  // of the server
}
