// Package clock measures the time that peers take, without blaming them for the
// time that this process did not run.
//
// A process can be stopped for some seconds: its virtual machine is moved, its
// container is frozen, or it gets no CPU. Monotonic time goes on meanwhile, so all
// timers expire at once when the process continues, also those that wait for bytes
// that have arrived meanwhile and were not read. So a timer that ends a session
// because of its peer first asks the [Clock] whether timers are late, and its
// caller whether there is something to read. (A laptop that sleeps does not need
// this: its monotonic clock stands still.)
//
// Deadlines of a connection ask nobody: WriteTimeout for TLS, for answers to polls,
// and wherever else a failed write cannot be resumed. There a peer is blamed if its
// connection had no room before the pause and the pause is longer than the rest of
// its time.
package clock

import (
	"math"
	"sync"
	"time"
)

const (
	// minLate is how late a timer is when the process was stopped, or is so busy
	// that it might as well have been.
	minLate = 250 * time.Millisecond
	// MinGrace is the shortest time after a pause in which no peer is blamed.
	MinGrace = time.Second
	// MaxExtensions is how often a peer gets more time for one task: a server that
	// is always late must get rid of dead peers all the same.
	MaxExtensions = 8
)

// Clock tells the time, and remembers when the process was stopped last. Its
// methods may be called concurrently.
type Clock struct {
	began    time.Time
	maxGrace time.Duration

	mu    sync.Mutex
	until Time // no peer is blamed before
}

// New returns a clock that starts now. maxGrace, if it is more than [MinGrace],
// bounds the time after a pause in which no peer is blamed.
func New(maxGrace time.Duration) *Clock {
	return &Clock{began: time.Now().Add(-1), maxGrace: max(maxGrace, MinGrace)} // no Time is zero
}

// Time is a time as the duration since the clock was made: every session has
// three, and a time.Time takes three times the memory. The zero value is none.
type Time time.Duration

// Now returns the current time.
func (k *Clock) Now() Time { return Time(time.Since(k.began)) }

// In returns the time that is d from now.
func (k *Clock) In(d time.Duration) Time { return k.Now().Add(d) }

// Add returns t+d, or the largest Time if the sum is larger.
func (t Time) Add(d time.Duration) Time {
	if d > math.MaxInt64-time.Duration(t) {
		return math.MaxInt64
	}
	return t + Time(d)
}

// NoteTimer records that a timer which was due runs now. After a pause many timers
// run, and the last ones are the least late: the longest grace counts.
func (k *Clock) NoteTimer(due, now Time) {
	late := time.Duration(now - due)
	if late < minLate {
		return
	}
	until := now.Add(min(max(late, MinGrace), k.maxGrace))
	k.mu.Lock()
	k.until = max(k.until, until)
	k.mu.Unlock()
}

// Grace returns for how much longer no peer is blamed because the process was
// stopped: for as long as the pause was, as TCP may take that long to send again
// what was lost, but no longer than maxGrace.
func (k *Clock) Grace(now Time) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return max(time.Duration(k.until-now), 0)
}

// Extend returns how much longer to wait for a peer that has not done in time, until
// due, what was waited for; zero means that the peer is to blame. extensions counts
// for how many times it was given more. unread, if not nil, reports whether bytes of
// the peer have arrived that were not read.
func (k *Clock) Extend(due, now Time, extensions *uint8, unread func() bool) (more time.Duration) {
	k.NoteTimer(due, now)
	if *extensions >= MaxExtensions {
		return 0
	}
	more = k.Grace(now)
	if more == 0 && unread != nil && unread() {
		more = MinGrace
	}
	if more > 0 {
		*extensions++
	}
	return more
}
