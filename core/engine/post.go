package engine

import (
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gosio/gosio/core/engine/parser"
)

// servePost takes a payload: every packet of it is handled before the answer.
func (s *Session) servePost(w http.ResponseWriter, r *http.Request) {
	defer s.tellPoll() // also when Receiver.Closed or Options.OnRefused panics
	held, e := false, s.beginPost(r)
	if e == nil {
		held, e = s.handlePost(w, r)
	}
	if e != nil {
		s.letPollGo()
		s.srv.refuseAt(slog.LevelDebug, w, r, e)
		return
	}
	h := w.Header()
	h["Content-Type"] = headerHTML
	h["Content-Length"] = headerTwo
	h["Cache-Control"] = headerNoStore
	if f := s.srv.opts.Headers; f != nil {
		f(h, r, false)
	}
	if held { // perhaps for longer than the server gives a request
		_ = s.writeBody(w, bodyOK)
		return
	}
	w.WriteHeader(http.StatusOK) // as in writeBody
	_, _ = w.Write(bodyOK)       // the packets are handled; the next poll finds a dead peer
}

// breakOff ends a session whose client has broken the rules in a POST, of which
// the answer tells. What is queued for the client goes out before, as it does on
// a WebSocket; what only says that the session has ended comes behind.
func (s *Session) breakOff(reason Reason, err error) {
	if tell := s.leave(reason, err, true, true); tell != nil {
		defer time.AfterFunc(s.srv.opts.CloseTimeout, s.wakePoll).Stop() // tell may take its time
		tell()
	}
}

// letPollGo waits for what breakOff has left to a poll: the stock client drops
// its poll when a POST is refused.
func (s *Session) letPollGo() {
	s.mu.Lock()
	if !s.broken || (s.answers == 0 && (s.poll == nil || len(s.queue.msgs) == 0)) {
		s.mu.Unlock()
		return
	}
	if s.answered == nil {
		s.answered = make(chan struct{})
	}
	answered := s.answered
	s.mu.Unlock()
	t := time.NewTimer(s.srv.opts.CloseTimeout)
	defer t.Stop()
	select {
	case <-answered:
	case <-t.C:
	}
}

// tellPoll ends the poll that breakOff has let wait.
func (s *Session) tellPoll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken && s.poll != nil {
		time.AfterFunc(afterPost, s.poll.wakeUp)
	}
}

// beginPost claims the session's one place for a POST.
func (s *Session) beginPost(r *http.Request) *RequestError {
	s.mu.Lock()
	s.seen = true
	moved := s.ws.Load() != nil
	overlap := s.posting
	if !moved && !overlap {
		s.posting, s.heard = true, true
	}
	s.mu.Unlock()
	switch {
	case moved:
		return &RequestError{Code: BadRequest, Context: "POST on a session that has moved on"}
	case overlap:
		s.breakOff(TransportError, breach("overlapping POSTs"))
		return &RequestError{Code: BadRequest, Context: "overlapping POSTs"}
	}
	return nil
}

// endPost gives the place free again, also when the application panics.
func (s *Session) endPost() {
	s.mu.Lock()
	last := s.feeding && s.unrefLocked()
	s.posting, s.feeding = false, false
	if s.posted != nil {
		close(s.posted)
		s.posted = nil
	}
	s.mu.Unlock()
	if last {
		s.srv.remove(s)
	}
}

// startFeeding makes the POST the one that works on the Receiver, until endPost.
// An upgrade waits for it even if the session ends, see waitPost. It reports
// false if the session has ended: then there is nothing to take.
func (s *Session) startFeeding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.feeding = s.state.Load() == stateOpen; s.feeding {
		s.refs++
	}
	return s.feeding
}

// handlePost reads the body and takes its packets. held reports that the
// Receiver had no room meanwhile.
func (s *Session) handlePost(w http.ResponseWriter, r *http.Request) (held bool, _ *RequestError) {
	defer s.endPost()
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		s.breakOff(TransportError, breach("encoded body")) // what the client sent is lost
		return false, &RequestError{
			Code: BadRequest, Message: "Content-Encoding is not supported", Status: http.StatusUnsupportedMediaType,
			Context: "Content-Encoding " + clip(coding),
		}
	}
	binary := isOctets(r.Header.Get("Content-Type"), s.v3)
	if binary && !s.v3 { // CVE-2026-59725
		s.breakOff(TransportError, breach("invalid content"))
		return false, &RequestError{Code: BadRequest, Context: "binary body"}
	}
	if s.state.Load() == stateOpen {
		held = s.waitBacklog(nil)
	}
	pooled := bodies.Get().(*[]byte)
	defer putBody(pooled)
	if e := s.readBody(w, r, pooled); e != nil {
		return held, e
	}
	if !s.startFeeding() {
		return held, s.closedDuringPost(*pooled)
	}
	if !binary && !utf8.Valid(*pooled) {
		s.breakOff(ParseError, breach("body is not UTF-8"))
		return held, &RequestError{Code: BadRequest, Context: "body is not UTF-8", read: true}
	}
	packets := parser.Packets
	switch {
	case s.v3 && binary:
		packets = parser.BinaryPacketsV3
	case s.v3:
		packets = parser.PacketsV3
	}
	late, e := s.takeAll(packets(*pooled))
	return held || late, e
}

// isOctets reports whether a body is binary. In protocol 3, clients and the
// reference compare it as it stands; in 4, where it is refused, whoever means it
// counts.
func isOctets(contentType string, v3 bool) bool {
	if v3 {
		return contentType == octetStream
	}
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), octetStream)
}

// askEvery is how many bytes of a payload are taken before the Receiver is
// asked again whether it has room, and packetCost what each packet counts
// beside its data. A WebSocket asks before each read.
const askEvery, packetCost = 1 << 10, 8

// takeAll handles the packets of a POST. While the Receiver has too much to do,
// the rest of them waits, however long that takes, and even if the client or a
// middleware has given the request up: the packets are here, and they can
// neither be dropped nor be queued without a bound. Until then the session takes
// no other POST. The end of the session ends the wait. It reports whether there
// was one.
func (s *Session) takeAll(packets iter.Seq2[parser.Packet, error]) (held bool, _ *RequestError) {
	var left unfinished
	returned := false
	defer func() {
		left.start()
		if !returned { // the application has panicked, and the rest is lost
			s.shut(TransportError, errQuit, false)
		}
	}()
	held, e := s.takeEach(packets, &left)
	returned = true
	return held, e
}

// takeEach is takeAll, in which the application may panic.
func (s *Session) takeEach(packets iter.Seq2[parser.Packet, error], left *unfinished) (held bool, _ *RequestError) {
	taken := 0
	for p, err := range packets {
		if taken >= askEvery {
			taken = 0
			if s.recv.Backlog() != nil && s.state.Load() == stateOpen {
				held = true
				left.start() // or there is never room
				s.waitBacklog(nil)
				if s.state.Load() != stateOpen {
					return held, s.closedDuringPost(nil)
				}
			}
		}
		taken += len(p.Data) + packetCost
		if e, end := s.take(p, err, left); end {
			return held, e
		}
	}
	return held, nil
}

// take handles one packet of a POST. With end it was the last one.
func (s *Session) take(p parser.Packet, err error, left *unfinished) (e *RequestError, end bool) {
	if err != nil {
		err = &failure{ParseError, err}
	} else {
		var w Worker
		w, err = s.receive(p, true)
		left.add(w)
	}
	f := (*failure)(nil)
	if !errors.As(err, &f) {
		return nil, false
	}
	if f.reason == TransportClose { // the client asked for it
		s.shut(f.reason, f.err, false)
		return nil, true
	}
	s.breakOff(f.reason, f.err)
	return &RequestError{Code: BadRequest, Context: f.Error(), read: true}, true
}

// closedDuringPost: an overlapping POST has ended the session and this one is
// told so; a session that is being closed politely takes it and ignores it,
// unless it is the client's own goodbye.
func (s *Session) closedDuringPost(body []byte) *RequestError {
	if s.state.Load() == stateReleased {
		return &RequestError{Code: BadRequest, Context: "session ended", read: true}
	}
	if string(body) == closePacket || (s.v3 && string(body) == "1:"+closePacket) {
		s.release(nil)
	}
	return nil
}

// readBody reads the body into buf, within the limits of size and time.
func (s *Session) readBody(w http.ResponseWriter, r *http.Request, buf *[]byte) *RequestError {
	limit := s.srv.opts.MaxHTTPBufferSize
	if limit > 0 && r.ContentLength > limit {
		return s.tooLarge()
	}
	u, whole := s.beginBody(w), false
	defer func() { s.endBody(u, whole) }()
	body := (*buf)[:0]
	if n := r.ContentLength; n > int64(cap(body)) && n <= maxPooledBody {
		body = make([]byte, 0, n)
	}
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)] // grows by what has arrived, not by what was declared
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		*buf = body
		if limit > 0 && int64(len(body)) > limit {
			return s.tooLarge()
		}
		switch {
		case err == io.EOF:
			whole = true
			return nil
		case err == nil:
		case s.state.Load() != stateOpen: // its end has cut this
			return &RequestError{Code: BadRequest, Context: "session ended"}
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.breakOff(TransportError, breach("body took too long (Limits.BodyTimeout)"))
			return &RequestError{Code: BadRequest, Context: "body took too long (Limits.BodyTimeout)", Status: http.StatusRequestTimeout}
		case errors.As(err, new(*http.MaxBytesError)): // a limit of the framework's
			return s.tooLarge()
		default:
			s.breakOff(TransportError, errors.New("engine: data request connection closed prematurely"))
			return &RequestError{Code: BadRequest, Context: "body ended early"}
		}
	}
}

// tooLarge ends the session: what the client sent is lost. The answer has no
// body: clients give it to their application as the details.
func (s *Session) tooLarge() *RequestError {
	s.breakOff(TransportError, breach("body over Limits.MaxHTTPBufferSize"))
	return &RequestError{Code: BadRequest, Context: "body over Limits.MaxHTTPBufferSize", Status: http.StatusRequestEntityTooLarge, bare: true}
}
