package engine

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gosio/gosio/core/engine/parser"
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

// Header values are shared between responses and never written to.
var (
	headerText    = []string{"text/plain; charset=UTF-8"}
	headerHTML    = []string{"text/html"}
	headerJSON    = []string{"application/json"}
	headerNoStore = []string{"no-store"}
	headerTwo     = []string{"2"}
	bodyOK        = []byte("ok")
)

// bodies holds buffers for request and response bodies, but none that an
// unusual message has grown.
var bodies = sync.Pool{New: func() any {
	b := make([]byte, 0, 4<<10)
	return &b
}}

const maxPooledBody = 64 << 10

func putBody(b *[]byte) {
	if cap(*b) <= maxPooledBody {
		bodies.Put(b)
	}
}

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

// openPolling answers a handshake.
func (srv *Server) openPolling(w http.ResponseWriter, r *http.Request, q query) {
	id, e := srv.newID(r)
	if e != nil {
		srv.refuseAt(slog.LevelError, w, r, e)
		return
	}
	opened := false
	defer func() {
		if !opened { // or Connect has panicked
			srv.unreserve(id)
		}
	}()
	srv.strays.opened.Add(1)
	s := srv.newSession(r, q, id)
	if opened = s.open(r, nil, nil); !opened {
		srv.refuseAt(slog.LevelDebug, w, r, errShuttingDown())
		return
	}
	if c := srv.opts.Cookie; c != nil {
		cookie := *c
		cookie.Value = s.id
		http.SetCookie(w, &cookie)
	}
	s.mu.Lock()
	s.answerPoll(w, r, nil)
}

// servePoll answers a GET: at once if something is queued, else when there is.
func (s *Session) servePoll(w http.ResponseWriter, r *http.Request) {
	p := &poll{wake: make(chan struct{}, 1)}
	s.mu.Lock()
	s.seen = true
	switch {
	case s.ws.Load() != nil || s.state.Load() == stateReleased:
		s.mu.Unlock()
		s.srv.refuseAt(slog.LevelDebug, w, r, &RequestError{Code: BadRequest, Context: "poll on a session that has moved on"})
		return
	case s.poll != nil:
		s.mu.Unlock()
		s.noteRedirected(r)
		s.shut(TransportError, breach("overlapping polls"), false)
		s.srv.refuseAt(slog.LevelDebug, w, r, &RequestError{Code: BadRequest, Context: "overlapping polls"})
		return
	case len(s.queue.msgs) == 0 && s.state.Load() == stateOpen:
		s.poll = p
		upgrading := s.probe != nil && s.probe.state == probeAnswered
		s.mu.Unlock()
		gone := park(w, r, p, upgrading)
		s.mu.Lock()
		s.poll = nil
		if gone {
			moved := s.ws.Load() != nil
			s.mu.Unlock()
			if !moved { // after the upgrade the client may drop it
				s.shut(TransportError, errPollGone, false)
			}
			return
		}
	}
	s.answerPoll(w, r, p)
}

// answerPoll answers a GET with what is queued, a noop if that is nothing. The
// GET of a handshake is no poll. A session that is being closed ends with a
// close packet of its own: the stock client handles one before the messages
// that come with it. Called with mu held, which it releases.
func (s *Session) answerPoll(w http.ResponseWriter, r *http.Request, p *poll) {
	taken := s.queue.take()
	batch, size, at := taken.msgs, int(sizeOf(taken.msgs)), taken.at
	moved := s.ws.Load() != nil
	closed, left, broken := !moved && s.state.Load() != stateOpen, s.left, s.broken
	s.answers++
	s.mu.Unlock()
	end := ""
	switch {
	case len(batch) > 0:
	case closed && !left:
		end = closePacket
	default:
		end = noopPacket
	}
	if closed && (len(batch) == 0 || broken) {
		s.release(nil)
	}
	answered, credited := false, false
	defer func() {
		if !answered { // Options.Headers, the writer or the observer has panicked, and the batch is lost
			if !credited {
				s.creditPoll(size, true)
			}
			s.shut(TransportError, errNoAnswer, false)
		}
	}()
	err := s.respond(w, r, batch, end, p == nil)
	lost := err != nil && len(batch) > 0
	recycle(batch)
	if !s.creditPoll(size, false) {
		_ = http.NewResponseController(w).Flush() // fails on fasthttp, which writes later: then the POST's answer may come first
		s.creditPoll(size, true)
	}
	if credited = true; err == nil {
		s.flushed(at)
	}
	answered = true
	if err != nil && (!moved || lost) {
		s.shut(TransportError, err, false)
	}
}

// creditPoll is credit for the answer to a poll. It does nothing and reports false
// if a POST is in flight, unless flushed: the POST may break the rules, and waits
// then for this answer (letPollGo), which net/http keeps in a buffer until the
// request is over.
func (s *Session) creditPoll(n int, flushed bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !flushed && (s.posting || s.broken) {
		return false
	}
	s.queue.credit(n)
	s.answers--
	if s.answers == 0 && s.answered != nil {
		close(s.answered)
		s.answered = nil
	}
	return true
}

// errNoAnswer ends a session whose poll the application has not let be answered.
var errNoAnswer = errors.New("engine: the answer to a poll was not written")

// errPollGone is the reference's text for it.
var errPollGone = errors.New("engine: poll connection closed prematurely")

// park waits until the poll has to be answered. It reports whether the client
// has gone instead. fasthttp does not tell; there the heartbeat finds it.
func park(w http.ResponseWriter, r *http.Request, p *poll, upgrading bool) (gone bool) {
	var expire <-chan time.Time
	if by := answerBy(w, r); !by.IsZero() {
		t := time.NewTimer(time.Until(by))
		defer t.Stop()
		expire = t.C
	}
	if upgrading {
		t := time.NewTimer(noopDelay)
		defer t.Stop()
		expire = t.C
	}
	select {
	case <-p.wake:
		return false
	case <-expire:
		return false // an empty answer is a noop: the client polls again
	case <-r.Context().Done():
		return !errors.Is(r.Context().Err(), context.DeadlineExceeded)
	}
}

// answerBy is the time by which a poll must be answered because a middleware's
// context or the server's WriteTimeout would cut it; zero if nothing does.
func answerBy(w http.ResponseWriter, r *http.Request) time.Time {
	by, _ := r.Context().Deadline()
	if srv, _ := r.Context().Value(http.ServerContextKey).(*http.Server); srv != nil && srv.WriteTimeout > 0 {
		if http.NewResponseController(w).SetWriteDeadline(time.Time{}) != nil {
			if t := time.Now().Add(srv.WriteTimeout); by.IsZero() || t.Before(by) {
				by = t
			}
		}
	}
	if by.IsZero() {
		return by
	}
	return by.Add(-min(pollMargin, time.Until(by)/5))
}

// respond writes a payload: the batch, then the control packet, if any.
func (s *Session) respond(w http.ResponseWriter, r *http.Request, batch []Message, end string, initial bool) error {
	pooled := bodies.Get().(*[]byte)
	defer putBody(pooled)
	body := (*pooled)[:0]
	h := w.Header()
	h["Content-Type"] = headerText
	if s.v3 {
		var binary bool
		if body, binary = appendV3(body, batch, end); binary {
			h["Content-Type"] = headerOctets
		}
	} else {
		body = appendV4(body, batch, end)
	}
	*pooled = body
	h["Cache-Control"] = headerNoStore
	if s.srv.opts.HTTPCompression > 0 {
		packed := bodies.Get().(*[]byte)
		defer putBody(packed)
		body = s.compress(h, r, body, packed, wantsCompression(batch))
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	if f := s.srv.opts.Headers; f != nil {
		f(h, r, initial)
	}
	return s.writeBody(w, body)
}

// appendV4 appends a payload: the batch, then the control packet, if any.
func appendV4(body []byte, batch []Message, end string) []byte {
	for i, m := range batch {
		if i > 0 {
			body = append(body, parser.Separator)
		}
		body = m.appendPayload(body)
	}
	if end != "" {
		if len(batch) > 0 {
			body = append(body, parser.Separator)
		}
		body = append(body, end...)
	}
	return body
}

// writeBody gives the peer WriteTimeout to take each part of a body: one that
// does not read must not hold the goroutine. net/http takes the deadline away
// when the request is over.
func (s *Session) writeBody(w http.ResponseWriter, body []byte) error {
	w.WriteHeader(http.StatusOK) // not left to Write: a compressor may take the length away here, and only here
	rc := http.NewResponseController(w)
	for part := range slices.Chunk(body, maxPooledBody) {
		if d := s.srv.opts.WriteTimeout; d > 0 {
			_ = rc.SetWriteDeadline(time.Now().Add(d)) // where there is none, the server's own holds
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// closePolling tells the waiting GET. It reports whether the session can be
// forgotten at once. Called with mu held.
func (s *Session) closePolling(flush bool, reason Reason) (gone bool) {
	if !flush {
		s.queue.clear()
	}
	s.left = reason == TransportClose
	if s.poll != nil && (!s.broken || len(s.queue.msgs) > 0) { // else see tellPoll
		s.poll.wakeUp()
	}
	if len(s.queue.msgs) == 0 && (s.poll != nil || s.broken || (!flush && !s.left)) {
		return true
	}
	linger := closeLinger
	switch {
	case s.left:
		linger = leftLinger
	case reason == ServerShuttingDown, s.broken:
		linger = s.srv.opts.CloseTimeout
	}
	s.arm(s.srv.in(linger))
	return false
}

// wakePoll has the waiting poll answered, if there is one.
func (s *Session) wakePoll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.poll != nil {
		s.poll.wakeUp()
	}
}

// hurry shortens the wait of a session that was closed before the server began
// to shut down.
func (s *Session) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	by := s.srv.in(s.srv.opts.CloseTimeout)
	if s.state.Load() == stateClosing && s.ws.Load() == nil && by < s.deadline {
		s.arm(by)
	}
}
