package engine

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gosio/gosio/core/engine/internal/outbox"
)

const (
	closePacket = "1"
	noopPacket  = "6"
	// noopDelay is how long a GET waits that comes while the client upgrades:
	// one noop is due at once, to end the GET that was waiting, and later ones
	// must not make the client spin.
	noopDelay = 100 * time.Millisecond
	// closeLinger is how long a polling session that was closed between two
	// polls waits for the next one, to be told so.
	closeLinger = 30 * time.Second
	// afterPost is how long a poll waits that tells of the end of a session, once
	// the POST that has caused it is answered: that says why, and comes by another
	// connection.
	afterPost = 100 * time.Millisecond
	// leftLinger is how long a session waits, whose client has said goodbye,
	// for a GET that was sent before: it came by another connection.
	leftLinger = 250 * time.Millisecond
	// pollMargin is left between the answer to a poll and a deadline that
	// somebody else has set for it.
	pollMargin = 500 * time.Millisecond
)

// poll is a GET that waits for something to send.
type poll struct {
	wake chan struct{} // holds one
}

func (p *poll) wakeUp() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// polling is the way of a session over HTTP: what is sent leaves with the answers
// to GETs, what comes arrives by POSTs. A session that was opened on a WebSocket
// has none; one that has upgraded keeps it, for requests that are under way.
type polling struct {
	s *Session

	// Guarded by s.mu.
	queue    outbox.Queue
	poll     *poll         // the GET that waits
	answered chan struct{} // closed when no poll is being answered any more; made on demand
	answers  int           // polls that are being answered
	posted   chan struct{} // closed when the POST in flight ends
	post     postState
	contact  contactState
	farewell farewell

	// The POST whose body is being read, to limit its time. The lock is held while
	// a deadline is set, by whoever ends the session, so that the request cannot
	// have ended before; below it are only the lock of the body's Timer and that of
	// the timekeeper.
	uploading sync.Mutex
	upload    *upload
}

// contactState says what has come from the client since the handshake.
type contactState uint8

const (
	contactNone contactState = iota
	contactSeen              // a poll, or an upgrade
	contactPost
)

// farewell says how a session has ended while it was on polling.
type farewell uint8

const (
	farewellPlain  farewell = iota
	farewellClient          // the client has closed it itself
	farewellPost            // a POST has broken the rules; see breakOff
)

// meetLocked notes that something has come from the client.
func (t *polling) meetLocked(c contactState) { t.contact = max(t.contact, c) }

// servePoll answers a GET: at once if something is queued, else when there is.
func (t *polling) servePoll(w http.ResponseWriter, r *http.Request) {
	p := &poll{wake: make(chan struct{}, 1)}
	t.s.mu.Lock()
	t.meetLocked(contactSeen)
	switch {
	case t.s.ws.Load() != nil || t.s.state.Load() == stateReleased:
		t.s.mu.Unlock()
		t.s.srv.report.refuseAt(slog.LevelDebug, w, r, &RequestError{Code: CodeBadRequest, Context: "poll on a session that has moved on"})
		return
	case t.poll != nil:
		t.s.mu.Unlock()
		t.s.srv.report.noteRedirected(r)
		t.s.shut(ReasonTransportError, breach("overlapping polls"), false)
		t.s.srv.report.refuseAt(slog.LevelDebug, w, r, &RequestError{Code: CodeBadRequest, Context: "overlapping polls"})
		return
	case len(t.queue.Msgs) == 0 && t.s.state.Load() == stateOpen:
		t.poll = p
		upgrading := t.s.probe != nil && t.s.probe.state == probeAnswered
		t.s.mu.Unlock()
		gone := park(w, r, p, upgrading)
		t.s.mu.Lock()
		t.poll = nil
		if gone {
			moved := t.s.ws.Load() != nil
			t.s.mu.Unlock()
			if !moved { // after the upgrade the client may drop it
				t.s.shut(ReasonTransportError, errPollGone, false)
			}
			return
		}
	}
	t.answerPollLocked(w, r, p)
}

// answerPollLocked answers a GET with what is queued, a noop if that is nothing. The
// GET of a handshake is no poll. A session that is being closed ends with a
// close packet of its own: the stock client handles one before the messages
// that come with it. It releases mu.
func (t *polling) answerPollLocked(w http.ResponseWriter, r *http.Request, p *poll) {
	taken := t.queue.Take()
	batch, size, at := taken.Msgs, int(outbox.SizeOf(taken.Msgs)), taken.At
	moved := t.s.ws.Load() != nil
	closed, farewell := !moved && t.s.state.Load() != stateOpen, t.farewell
	t.answers++
	t.s.mu.Unlock()
	end := ""
	switch {
	case len(batch) > 0:
	case closed && farewell != farewellClient:
		end = closePacket
	default:
		end = noopPacket
	}
	if closed && (len(batch) == 0 || farewell == farewellPost) {
		t.s.release(nil)
	}
	answered, credited := false, false
	defer func() {
		if !answered { // Options.Headers, the writer or the observer has panicked, and the batch is lost
			if !credited {
				t.creditPoll(size, true)
			}
			t.s.shut(ReasonTransportError, errNoAnswer, false)
		}
	}()
	err := t.respond(w, r, batch, end, p == nil)
	lost := err != nil && len(batch) > 0
	outbox.Recycle(batch)
	if !t.creditPoll(size, false) {
		_ = http.NewResponseController(w).Flush() // fails on fasthttp, which writes later: then the POST's answer may come first
		t.creditPoll(size, true)
	}
	if credited = true; err == nil {
		t.s.flushed(at)
	}
	answered = true
	if err != nil && (!moved || lost) {
		t.s.shut(ReasonTransportError, err, false)
	}
}

// creditPoll is credit for the answer to a poll. It does nothing and reports false
// if a POST is in flight, unless flushed: the POST may break the rules, and waits
// then for this answer (awaitPollAnswer), which net/http keeps in a buffer until the
// request is over.
func (t *polling) creditPoll(n int, flushed bool) bool {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if !flushed && (t.post != postNone || t.farewell == farewellPost) {
		return false
	}
	t.queue.Credit(n)
	t.answers--
	if t.answers == 0 && t.answered != nil {
		close(t.answered)
		t.answered = nil
	}
	return true
}

// errNoAnswer ends a session whose poll the application has not let be answered.
var errNoAnswer = errors.New("engine: the answer to a poll was not written")

// errPollGone is the reference's text for it.
var errPollGone = errors.New("engine: poll connection closed prematurely")

// closeLocked tells the waiting GET that the session has ended, byPost because of
// a POST. It reports whether the session can be forgotten at once.
func (t *polling) closeLocked(reason Reason, flush, byPost bool) (gone bool) {
	if !flush {
		t.queue.Clear()
	}
	switch {
	case byPost:
		t.farewell = farewellPost
	case reason == ReasonTransportClose:
		t.farewell = farewellClient
	}
	broken, left := t.farewell == farewellPost, t.farewell == farewellClient
	if t.poll != nil && (!broken || len(t.queue.Msgs) > 0) { // else see endPollAfterPost
		t.poll.wakeUp()
	}
	if len(t.queue.Msgs) == 0 && (t.poll != nil || broken || (!flush && !left)) {
		return true
	}
	linger := closeLinger
	switch {
	case left:
		linger = leftLinger
	case reason == ReasonServerShuttingDown, broken:
		linger = t.s.srv.opts.CloseTimeout
	}
	t.s.armLocked(t.s.srv.clock.In(linger))
	return false
}

// wakePoll has the waiting poll answered, if there is one.
func (t *polling) wakePoll() {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	t.wakeLocked()
}

func (t *polling) wakeLocked() {
	if t.poll != nil {
		t.poll.wakeUp()
	}
}
