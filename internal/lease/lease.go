// Package lease watches a socket that was let in by a credential, a token or a
// session: it ends the socket when the credential does, and asks again every now
// and then whether the credential still counts. What that means is for the
// [Owner] to say.
//
// A lease has one timer and no goroutine. Checks run on the goroutines of a [Queue].
package lease

import (
	"container/list"
	"context"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// Owner decides about a lease. Its methods are called without a lock, but for
// Times, and possibly concurrently.
type Owner interface {
	// Times returns when the client is warned, zero for no warning, and when the
	// credential expires, zero for never. It is called with the lock of the lease
	// held, and must not wait.
	Times() (warn, end time.Time)
	// Warn tells the client that the end is near.
	Warn()
	// Expired returns why the lease ends at the time that Times has named. Nil: only
	// a check can say, as the credential may have been extended meanwhile.
	Expired() error
	// Check asks whether the socket may stay. ctx ends after [Patience], and with
	// the socket.
	Check(ctx context.Context) Verdict
	// Failed judges a check without a result: Check panicked or ended its goroutine,
	// or the queue has refused the check because too many others do not return, or the
	// credential has expired and there is no result after [Patience].
	Failed() Verdict
	// Panicked logs a panic of Check.
	Panicked(p any, stack []byte)
	// Final is called for each end, also of a socket that is gone, before the end
	// takes effect: what was kept for the client's return must not be given away.
	Final(why error)
	// Leave disconnects the socket. It is called once.
	Leave(why error)
}

// Verdict is the result of a check. The zero Verdict lets the socket stay.
type Verdict struct {
	// End, if not nil, is why the socket must go.
	End error
	// Retry, if not zero, is about when to ask again, because now nobody can tell.
	Retry time.Duration
}

// Socket is the part of a socket that a lease needs.
type Socket interface {
	Connected() bool
	Context() context.Context
}

const (
	// Patience is how long a check may take.
	Patience = 10 * time.Second
	// RetryAfter is about the time from a check that found the store down to the next
	// check.
	RetryAfter = 5 * time.Second
	// recheckExpired is the time between two checks of a credential that has expired
	// while the store cannot be asked.
	recheckExpired = time.Second
	// longestSleep bounds how long the timer sleeps, as clocks are set and machines
	// are suspended.
	longestSleep = time.Hour
)

// Lease is the watch over one socket. Its methods may be called concurrently.
// Its lock is taken before any lock that Owner.Times, or a function given to
// Begin, Renew and Stop, takes.
type Lease struct {
	owner  Owner
	socket Socket
	queue  *Queue
	every  time.Duration // between two checks; zero: no regular ones

	mu    sync.Mutex
	state state
	why   error // the end; nil until then
	check checkState
	entry *entry      // of the check that waits in the queue
	asked time.Time   // when the check was queued as urgent, or has begun
	next  time.Time   // of the next regular check, or the retry of one; zero: none
	timer *time.Timer // for the next of warning, end and check; nil: none was needed yet
}

// New returns a lease whose clock has not begun; see [Lease.Begin].
func New(owner Owner, s Socket, q *Queue, every time.Duration) *Lease {
	return &Lease{owner: owner, socket: s, queue: q, every: every}
}

// Begin starts the clock, after change, which runs with the lock held. It does
// neither, and reports false, when the socket is gone already.
func (l *Lease) Begin(change func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == stateGone {
		return false
	}
	change()
	l.scheduleLocked(time.Now())
	l.armLocked(time.Now())
	return true
}

// Renew goes on with a fresh credential, which change stores with the lock held.
// It does nothing, and reports false, when the end has come first.
func (l *Lease) Renew(change func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.state.open() || l.expiredLocked(time.Now()) != nil {
		return false
	}
	l.state, _ = l.state.next(eventRenew)
	change()
	l.armLocked(time.Now())
	return true
}

// Stop ends the watch because the socket has disconnected. change runs once, with
// the lock held.
func (l *Lease) Stop(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var first bool
	if l.state, first = l.state.next(eventGone); !first {
		return
	}
	if l.timer != nil {
		l.timer.Stop()
	}
	l.queue.drop(l.entry)
	change()
}

// Ended returns why the lease is over, or nil. The end counts from its moment,
// also while the timer is on its way.
func (l *Lease) Ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why != nil {
		return l.why
	}
	return l.expiredLocked(time.Now())
}

// expiredLocked returns why the credential counts no longer at that time, if its
// owner can tell without a check.
func (l *Lease) expiredLocked(now time.Time) error {
	if _, end := l.owner.Times(); due(end, now) {
		return l.owner.Expired()
	}
	return nil
}

// Gone reports whether the socket has disconnected.
func (l *Lease) Gone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == stateGone
}

// End ends the lease now. While the socket connects it cannot be disconnected:
// then [Lease.Joined] does that.
func (l *Lease) End(why error) {
	l.owner.Final(why)
	l.mu.Lock()
	var first bool
	if l.state, first = l.state.next(eventEnd); first {
		l.why = why
		l.queue.drop(l.entry)
	}
	l.mu.Unlock()
	l.leave()
}

// Joined is called when the socket has connected, and disconnects it if its end
// has come meanwhile.
func (l *Lease) Joined() {
	if why := l.Ended(); why != nil {
		l.End(why)
	}
}

func (l *Lease) leave() {
	l.mu.Lock()
	first := false
	if l.socket.Connected() {
		l.state, first = l.state.next(eventLeave)
	}
	why := l.why
	l.mu.Unlock()
	if first {
		l.owner.Leave(why)
	}
}

// Check has the owner asked soon, on a goroutine of the queue.
func (l *Lease) Check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wantCheckLocked()
}

func (l *Lease) wantCheckLocked() {
	if !l.state.open() {
		return
	}
	next, ok := l.check.next(checkWanted)
	if l.check = next; ok && next == checkQueued {
		l.queueLocked(&l.queue.waiting)
	}
}

// queueLocked puts the check into a list of the queue, instead of the place in it
// that the check may have already: the queue holds one entry for each lease.
func (l *Lease) queueLocked(to *list.List) {
	l.queue.drop(l.entry)
	l.entry = l.queue.add(to, l.checkInTurn, l.checkRefused)
}

// Retry has the owner asked again after about that time.
func (l *Lease) Retry(after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retryLocked(after)
	l.armLocked(time.Now())
}

// retryLocked spreads the checks of sockets for which it has failed at the same
// moment: from half of that time to one and a half.
func (l *Lease) retryLocked(after time.Duration) {
	l.soonerLocked(time.Now().Add(after/2 + rand.N(after)))
}

// scheduleLocked sets the time of the next regular check: a tenth earlier or
// later, so that sockets which came together do not ask together.
func (l *Lease) scheduleLocked(now time.Time) {
	if l.every > 0 {
		jitter := time.Duration((rand.Float64() - 0.5) * 0.2 * float64(l.every))
		l.soonerLocked(now.Add(l.every + jitter))
	}
}

func (l *Lease) soonerLocked(next time.Time) {
	if l.next.IsZero() || next.Before(l.next) {
		l.next = next
	}
}

// armLocked sets the timer to what comes next.
func (l *Lease) armLocked(now time.Time) {
	if !l.state.open() {
		return
	}
	warn, at := l.owner.Times()
	if due(at, now) && l.owner.Expired() == nil {
		at = now.Add(recheckExpired) // it was checked, and nobody could tell
	}
	if l.state == stateLive && !warn.IsZero() {
		at = warn
	}
	if !l.next.IsZero() && (at.IsZero() || l.next.Before(at)) {
		at = l.next
	}
	if at.IsZero() {
		return
	}
	wait := min(at.Sub(now), longestSleep)
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.tick)
		return
	}
	l.timer.Reset(wait)
}

func due(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// tick does what is due. An end does not wait for the checks of other sockets.
func (l *Lease) tick() {
	now := time.Now()
	l.mu.Lock()
	if !l.state.open() {
		l.mu.Unlock()
		return
	}
	warn, end := l.owner.Times()
	switch {
	case due(end, now):
		why := l.owner.Expired()
		overdue := false
		if why == nil {
			overdue = l.checkExpiredLocked(now)
			l.next = time.Time{}
			l.armLocked(now) // the check may not return
		}
		l.mu.Unlock()
		if overdue {
			why = l.owner.Failed().End
		}
		if why != nil {
			l.End(why)
		}
	case due(warn, now) && l.state == stateLive:
		l.state, _ = l.state.next(eventWarn)
		l.armLocked(now)
		l.mu.Unlock()
		l.owner.Warn()
	case due(l.next, now):
		l.next = time.Time{} // until the check is done
		l.wantCheckLocked()
		l.armLocked(now)
		l.mu.Unlock()
	default: // the clock was set, or the timer does not sleep for longer
		l.armLocked(now)
		l.mu.Unlock()
	}
}

// checkExpiredLocked has the owner asked about an expired credential before all
// others. It reports whether a check should have had its result by now.
func (l *Lease) checkExpiredLocked(now time.Time) (overdue bool) {
	next, ok := l.check.next(checkUrgent)
	if !ok {
		return now.Sub(l.asked) >= Patience
	}
	l.check, l.asked = next, now
	l.queueLocked(&l.queue.expired)
	return false
}

// beginLocked reports whether a check begins now.
func (l *Lease) beginLocked() (begin bool) {
	l.queue.drop(l.entry) // also when it is an earlier entry whose turn has come
	l.entry = nil
	urgent := l.check == checkUrgently
	if l.check, begin = l.check.next(checkStarted); begin && !urgent {
		l.asked = time.Now()
	}
	return begin
}

// checkInTurn is what the queue runs.
func (l *Lease) checkInTurn() {
	l.mu.Lock()
	begin := l.beginLocked()
	l.mu.Unlock()
	if begin {
		l.runCheck()
	}
}

// checkRefused is what the queue calls when it starts no check.
func (l *Lease) checkRefused() {
	l.mu.Lock()
	begin := l.beginLocked()
	l.mu.Unlock()
	if begin {
		l.checked(l.owner.Failed())
	}
}

// runCheck asks the owner, who also judges a check that did not return because of
// a panic, or runtime.Goexit, in the application's code.
func (l *Lease) runCheck() {
	var verdict Verdict
	returned := false
	defer func() {
		if p := recover(); p != nil {
			l.owner.Panicked(p, debug.Stack())
		}
		if !returned {
			verdict = l.owner.Failed()
		}
		l.checked(verdict)
	}()
	l.mu.Lock()
	l.next = time.Time{}
	open := l.state.open()
	l.mu.Unlock()
	if !open || l.socket.Context().Err() != nil {
		returned = true
		return
	}
	ctx, cancel := context.WithTimeout(l.socket.Context(), Patience)
	defer cancel()
	verdict = l.owner.Check(ctx)
	returned = true
}

// checked takes the result of a check.
func (l *Lease) checked(v Verdict) {
	if v.End != nil {
		l.End(v.End)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.check, _ = l.check.next(checkDone)
	if !l.state.open() {
		return
	}
	if l.check == checkQueued {
		l.queueLocked(&l.queue.waiting)
	}
	if v.Retry > 0 {
		l.retryLocked(v.Retry)
	}
	l.scheduleLocked(time.Now())
	l.armLocked(time.Now())
}
