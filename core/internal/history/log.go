// Package history keeps what was sent to a group of members, and where each member
// was, so that a member who was away can be given what it has missed. A member has
// an id and is in rooms; in package socketio the members of a log are the sockets of
// a namespace. The package knows neither: it has no lock, no clock and no goroutine,
// and an event is a value of any type.
//
// A position numbers the entries of a [Log]. A [Track] is the way of one member
// through the positions. A member that has left is an [Absence], for which
// [Log.Missed] finds the events that it has to be given when it comes back.
package history

import (
	"sync/atomic"
	"time"
)

// Kind says what an [Entry] is.
type Kind uint8

// The kinds of entries.
const (
	// KindEvent is an event for members.
	KindEvent Kind = iota
	// KindJoin puts members into rooms.
	KindJoin
	// KindLeave takes members out of rooms.
	KindLeave
	// KindEnd ends the membership.
	KindEnd
)

// Entry is one event, or one operation on members.
type Entry[E any] struct {
	Kind Kind
	// Event is what was sent, of KindEvent.
	Event E
	// Size is what the event counts in the queue of one member, in bytes.
	Size int64
	// Own is the id of the one member that the entry is for. If it is empty Rooms and
	// Except say who is meant: the members of at least one of Rooms, or all if there
	// are none, that are in none of Except. The room that each member has for itself
	// is named by its id.
	Own           string
	Rooms, Except []string
	// Moves are the rooms of KindJoin and KindLeave.
	Moves []string
	// Position is where a log of several servers has the entry; empty if none has.
	Position string

	at   time.Duration
	size int64
}

// entryOverhead is what an entry counts beside its bytes.
const entryOverhead = 256

func (e *Entry[E]) measure() int64 {
	n := e.Size + entryOverhead + int64(len(e.Own)+len(e.Position))
	for _, names := range [...][]string{e.Rooms, e.Except, e.Moves} {
		for _, name := range names {
			n += int64(len(name)) + 16
		}
	}
	return n
}

// Limits bound what a log keeps.
type Limits struct {
	Entries int
	Bytes   int64
	Age     time.Duration
}

// Log keeps entries by position until they are too old or too many. The caller's lock
// guards it; First and Last may be called without the lock.
type Log[E any] struct {
	limits  Limits
	total   *atomic.Int64
	entries []Entry[E] // those before head are gone
	head    int
	bytes   int64

	last  atomic.Uint64 // position of the newest entry
	first atomic.Uint64 // of the oldest one that is kept; last+1 if there is none
}

// Init makes the log ready. total counts the bytes of several logs together.
func (l *Log[E]) Init(limits Limits, total *atomic.Int64) {
	l.limits, l.total = limits, total
	l.first.Store(1)
}

// Share has another counter count the bytes of the log, which is empty.
func (l *Log[E]) Share(total *atomic.Int64) { l.total = total }

// Last is the position that was taken last, 0 before the first.
func (l *Log[E]) Last() uint64 { return l.last.Load() }

// First is the position of the oldest entry that is kept, Last()+1 if none is.
func (l *Log[E]) First() uint64 { return l.first.Load() }

// Take takes the next position, whose entry the caller must add before it releases
// the lock that guards the log.
func (l *Log[E]) Take() uint64 { return l.last.Add(1) }

// Add appends the entry of the position that was taken last, and drops old ones.
func (l *Log[E]) Add(e Entry[E], now time.Duration) {
	e.at, e.size = now, e.measure()
	l.entries = append(l.entries, e)
	l.count(e.size)
	l.Evict(now)
}

// Len is how many entries are kept.
func (l *Log[E]) Len() int { return len(l.entries) - l.head }

// Bytes is what the entries count that are kept.
func (l *Log[E]) Bytes() int64 { return l.bytes }

// Oldest is when the oldest entry was added. It reports false if none is kept.
func (l *Log[E]) Oldest() (at time.Duration, ok bool) {
	if l.Len() == 0 {
		return 0, false
	}
	return l.entries[l.head].at, true
}

// Evict drops what is over the limits at a moment.
func (l *Log[E]) Evict(now time.Duration) {
	for l.Len() > 0 {
		e := &l.entries[l.head]
		if l.Len() <= l.limits.Entries && l.bytes <= l.limits.Bytes && now-e.at <= l.limits.Age {
			break
		}
		l.dropOldest()
	}
	l.compact()
}

// Shorten drops the oldest entries while the log has more than most bytes and fewer
// than enough were dropped. It returns how many bytes were.
func (l *Log[E]) Shorten(most, enough int64) (dropped int64) {
	before := l.bytes
	for l.Len() > 0 && l.bytes > most && dropped < enough {
		l.dropOldest()
		dropped = before - l.bytes
	}
	l.compact()
	return dropped
}

// End drops all entries, and those that are added later.
func (l *Log[E]) End() {
	l.limits.Entries = 0
	l.Evict(0)
}

// dropOldest drops one entry; compact is to be called then.
func (l *Log[E]) dropOldest() {
	e := &l.entries[l.head]
	l.count(-e.size)
	*e = Entry[E]{}
	l.head++
	l.first.Add(1)
}

func (l *Log[E]) count(n int64) {
	l.bytes += n
	l.total.Add(n)
}

// compact gives the room of dropped entries back.
func (l *Log[E]) compact() {
	switch {
	case l.Len() == 0:
		l.entries, l.head = nil, 0
	case l.head > 64 && l.head > len(l.entries)/2:
		n := copy(l.entries, l.entries[l.head:])
		clear(l.entries[n:])
		l.entries, l.head = l.entries[:n], 0
	}
}

// at returns the entry at a position that is kept.
func (l *Log[E]) at(pos uint64) *Entry[E] {
	return &l.entries[l.head+int(pos-l.first.Load())]
}
