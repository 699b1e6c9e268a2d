package engine

import (
	"crypto/tls"
	"math"
	"net"
	"sync"
	"time"
)

// A process can be stopped for some seconds: its virtual machine is moved, its
// container frozen, or it gets no CPU. Monotonic time goes on, so when it goes on
// itself all timers are due at once, also those that wait for what has arrived
// meanwhile and was not read. So a timer that ends a session because of its peer
// asks first whether it is late itself, and whether there is something to read.
// (A laptop that sleeps is nothing of the kind: its monotonic clock stands still.)
//
// What is left to deadlines of the connection, which ask nobody: WriteTimeout for
// TLS, for answers to polls and wherever else a write that has failed cannot be
// resumed. A peer is blamed there whose connection had no room before the pause, if
// that is longer than the rest of its time.

const (
	// lateFrom is how late a timer is when the process was stopped, or is so busy
	// that it might as well have been.
	lateFrom = 250 * time.Millisecond
	// leastGrace is the least time after a pause in which no peer is blamed.
	leastGrace = time.Second
	// maxSpared is how often a peer is spared that does not do what is waited
	// for: a server that is always late gets rid of dead peers all the same.
	maxSpared = 8
)

// timekeeper knows the time, and when the process was stopped last.
type timekeeper struct {
	began time.Time
	most  time.Duration // the longest time after a pause in which no peer is blamed

	mu    sync.Mutex
	until clock // no peer is blamed before
}

// clock is a time as what has passed since the server was made: every session
// has three, and a time.Time takes three times the room.
type clock time.Duration

func (k *timekeeper) now() clock { return clock(time.Since(k.began)) }

// in is the time that d is from now.
func (k *timekeeper) in(d time.Duration) clock { return k.now().add(d) }

// add is c.Add(d), but not beyond the end of time.
func (c clock) add(d time.Duration) clock {
	if d > math.MaxInt64-time.Duration(c) {
		return math.MaxInt64
	}
	return c + clock(d)
}

// noteTimer tells of a timer that was due and runs now. After a pause many run, and
// the last ones are the least late: the longest grace holds.
func (k *timekeeper) noteTimer(due, now clock) {
	late := time.Duration(now - due)
	if late < lateFrom {
		return
	}
	until := now.add(min(max(late, leastGrace), k.most))
	k.mu.Lock()
	k.until = max(k.until, until)
	k.mu.Unlock()
}

// graceLeft is the time for which no peer is blamed, because the process was
// stopped: as long as that was, for TCP may take so long to send again what was
// lost, but no longer than a pong may take.
func (k *timekeeper) graceLeft(now clock) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return max(time.Duration(k.until-now), 0)
}

// spare decides on a peer that has not done in time what was waited for until
// due. It returns how much longer to wait; spared counts how often that was.
// unread, if not nil, reports that something has come that was not read.
func (k *timekeeper) spare(due, now clock, spared *uint8, unread func() bool) (more time.Duration) {
	k.noteTimer(due, now)
	if *spared >= maxSpared {
		return 0
	}
	more = k.graceLeft(now)
	if more == 0 && unread != nil && unread() {
		more = leastGrace
	}
	if more > 0 {
		*spared++
	}
	return more
}

// tcpOf is the TCP connection that another one is on, or nil.
func tcpOf(conn net.Conn) *net.TCPConn {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	tcp, _ := conn.(*net.TCPConn)
	return tcp
}

// Timer calls a function when a peer has not done in time what is waited for.
// See [Server.AfterFunc].
type Timer struct {
	time *timekeeper
	f    func()

	mu     sync.Mutex
	timer  *time.Timer
	due    clock
	spared uint8
}

// afterFunc is [Server.AfterFunc].
func (k *timekeeper) afterFunc(d time.Duration, f func()) *Timer {
	t := &Timer{time: k, f: f, due: k.in(d)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = time.AfterFunc(d, t.fire)
	return t
}

// Stop prevents the call. It reports false if the timer was stopped before, or
// has expired.
func (t *Timer) Stop() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.due = math.MaxInt64
	return t.timer.Stop()
}

// Reset makes the timer expire after d.
func (t *Timer) Reset(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.due, t.spared = t.time.in(d), 0
	t.timer.Reset(d)
}

func (t *Timer) fire() {
	t.mu.Lock()
	now := t.time.now()
	if now < t.due { // stopped, or set anew meanwhile
		t.mu.Unlock()
		return
	}
	if more := t.time.spare(t.due, now, &t.spared, nil); more > 0 {
		t.due = now.add(more)
		t.timer.Reset(more)
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	t.f()
}
