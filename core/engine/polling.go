package engine

import (
	"net/http"
	"sync"
	"time"

	"github.com/gosio/gosio/core/engine/internal/clock"
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
	// afterPost is how long a poll waits when a POST has ended the session and was
	// answered: the answer to the POST, on another connection, says why, and has to
	// arrive first.
	afterPost = 100 * time.Millisecond
	// leftLinger is how long a session whose client has closed it waits for a GET that
	// was sent before, on another connection.
	leftLinger = 250 * time.Millisecond
	// pollMargin is the time between the answer to a poll and a deadline that a
	// middleware or the server has set for the request.
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

// polling is the HTTP transport of a session: messages to the client are in the answers
// to GETs, those from the client in POSTs. A session that was opened on a WebSocket has
// none; one that has upgraded keeps it, for requests that are under way.
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
	refused  bool // with farewellPost: the POST has its answer

	// The POST whose body is being read, to limit its time. The lock is held while
	// a deadline is set, by whoever ends the session, so that the request cannot
	// have ended before. While it is held only the locks of the body's timer and of
	// the clock are taken.
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

// postState says what the one POST that a session takes at a time is doing.
type postState uint8

const (
	postNone    postState = iota
	postReading           // its body is arriving
	postFeeding           // its packets are being taken: see startFeeding
)

// upload is a body of a POST that is being read, and what limits its time: a timer,
// which blames nobody for a pause of the process (see package clock), and then a deadline
// of the connection. A deadline alone would not do: once one has passed, chunked
// bodies, those of HTTP/2 and http.MaxBytesReader fail for good, and net/http ends
// the contexts of all later requests of the connection.
type upload struct {
	t     *polling
	w     http.ResponseWriter
	timer *clock.Timer // made when first used
}

// noteContactLocked notes that something has come from the client.
func (t *polling) noteContactLocked(c contactState) { t.contact = max(t.contact, c) }

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
	if len(t.queue.Msgs) == 0 && (t.poll != nil || (!flush && !left)) {
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
