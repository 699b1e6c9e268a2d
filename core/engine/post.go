package engine

import (
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gosio/gosio/core/engine/parser"
	"github.com/gosio/gosio/internal/loglimit"
)

// servePost serves a POST: it handles every packet of the payload before it responds.
func (t *polling) servePost(w http.ResponseWriter, r *http.Request) {
	defer t.endPollAfterPost() // also when Receiver.Closed or Options.OnRefused panics
	held, e := false, t.beginPost(r)
	if e == nil {
		held, e = t.handlePost(w, r)
	}
	if e != nil {
		t.awaitPollAnswer()
		t.s.srv.report.refuseAt(slog.LevelDebug, w, r, e)
		return
	}
	h := w.Header()
	h["Content-Type"] = headerHTML
	h["Content-Length"] = headerTwo
	h["Cache-Control"] = headerNoStore
	if f := t.s.srv.opts.Headers; f != nil {
		f(h, r, false)
	}
	if held { // perhaps for longer than the server gives a request
		_ = t.writeBody(w, bodyOK)
		return
	}
	w.WriteHeader(http.StatusOK) // as in writeBody
	_, _ = w.Write(bodyOK)       // the packets are handled; the next poll finds a dead peer
}

// breakOff ends a session whose client has broken the protocol in a POST. The response
// to the POST tells the client. Before that response the queued messages are sent, as
// on a WebSocket; packets that only say that the session has ended come after it.
func (t *polling) breakOff(reason Reason, err error) {
	if tell := t.s.leave(reason, err, true, true); tell != nil {
		defer time.AfterFunc(t.s.srv.opts.CloseTimeout, t.wakePoll).Stop() // tell may take its time
		tell()
	}
}

// awaitPollAnswer waits until a poll has got the messages that breakOff has left: the
// stock client aborts its poll when a POST is refused.
func (t *polling) awaitPollAnswer() {
	t.s.mu.Lock()
	if t.farewell != farewellPost || (t.answers == 0 && (t.poll == nil || len(t.queue.Msgs) == 0)) {
		t.s.mu.Unlock()
		return
	}
	if t.answered == nil {
		t.answered = make(chan struct{})
	}
	answered := t.answered
	t.s.mu.Unlock()
	timer := time.NewTimer(t.s.srv.opts.CloseTimeout)
	defer timer.Stop()
	select {
	case <-answered:
	case <-timer.C:
	}
}

// endPollAfterPost ends the poll that breakOff has not ended. If no poll waits, the
// session stays for a short time, for a poll that is on its way.
func (t *polling) endPollAfterPost() {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if t.farewell != farewellPost {
		return
	}
	t.refused = true
	switch {
	case t.poll != nil:
		time.AfterFunc(afterPost, t.poll.wakeUp)
	case len(t.queue.Msgs) == 0 && t.s.state.Load() == stateClosing:
		t.s.armLocked(t.s.srv.clock.In(afterPost))
	}
}

// beginPost registers the POST with the session: a session has one POST at a time.
func (t *polling) beginPost(r *http.Request) *RequestError {
	t.s.mu.Lock()
	t.noteContactLocked(contactSeen)
	moved := t.s.ws.Load() != nil
	overlap := t.post != postNone
	over := !overlap && t.farewell == farewellPost
	if !moved && !overlap && !over {
		t.post = postReading
		t.noteContactLocked(contactPost)
	}
	t.s.mu.Unlock()
	switch {
	case moved:
		return &RequestError{Code: CodeBadRequest, Context: "POST on a session that has moved on"}
	case over:
		return &RequestError{Code: CodeSessionIDUnknown, Context: "session was ended by a POST"}
	case overlap:
		t.breakOff(ReasonTransportError, breach("overlapping POSTs"))
		return &RequestError{Code: CodeBadRequest, Context: "overlapping POSTs"}
	}
	return nil
}

// endPost undoes beginPost, also when the application panics.
func (t *polling) endPost() {
	t.s.mu.Lock()
	last := t.post == postFeeding && t.s.unrefLocked()
	t.post = postNone
	if t.posted != nil {
		close(t.posted)
		t.posted = nil
	}
	t.s.mu.Unlock()
	if last {
		t.s.srv.table.remove(t.s)
	}
}

// startFeeding says that the POST calls the Receiver from now on, until endPost. An
// upgrade waits for this POST even if the session ends, see waitPostLocked.
// startFeeding reports false if the session has ended: then the packets are not taken.
func (t *polling) startFeeding() bool {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if t.s.state.Load() != stateOpen {
		return false
	}
	t.post = postFeeding
	t.s.refs++
	return true
}

// handlePost reads the body and takes its packets. held reports that the POST had to
// wait for the Receiver's backlog.
func (t *polling) handlePost(w http.ResponseWriter, r *http.Request) (held bool, _ *RequestError) {
	defer t.endPost()
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		t.breakOff(ReasonTransportError, breach("encoded body")) // what the client sent is lost
		return false, &RequestError{
			Code: CodeBadRequest, Message: "Content-Encoding is not supported", Status: http.StatusUnsupportedMediaType,
			Context: "Content-Encoding " + loglimit.Clip(coding),
		}
	}
	binary := isOctets(r.Header.Get("Content-Type"), t.s.v3)
	if binary && !t.s.v3 { // CVE-2026-59725
		t.breakOff(ReasonTransportError, breach("invalid content"))
		return false, &RequestError{Code: CodeBadRequest, Context: "binary body"}
	}
	if t.s.state.Load() == stateOpen {
		held = t.s.waitBacklog(nil)
	}
	pooled := bodies.Get().(*[]byte)
	defer putBody(pooled)
	if e := t.readBody(w, r, pooled); e != nil {
		return held, e
	}
	if !t.startFeeding() {
		return held, t.closedDuringPost(*pooled)
	}
	if !binary && !utf8.Valid(*pooled) {
		t.breakOff(ReasonParseError, breach("body is not UTF-8"))
		return held, &RequestError{Code: CodeBadRequest, Context: "body is not UTF-8", read: true}
	}
	packets := parser.Packets
	switch {
	case t.s.v3 && binary:
		packets = parser.BinaryPacketsV3
	case t.s.v3:
		packets = parser.PacketsV3
	}
	late, e := t.takeAll(packets(*pooled))
	return held || late, e
}

// isOctets reports whether a body is binary. In protocol 3 the content type must be
// exactly application/octet-stream, as in the reference. In protocol 4, where binary
// bodies are refused, parameters and capitals do not matter.
func isOctets(contentType string, v3 bool) bool {
	if v3 {
		return contentType == octetStream
	}
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), octetStream)
}

// askEvery is the number of bytes of a payload that are taken between two calls of
// Receiver.Backlog; packetCost is what each packet counts beside its data. A WebSocket
// calls Backlog before each read.
const askEvery, packetCost = 1 << 10, 8

// takeAll handles the packets of a POST. While the Receiver's backlog is full the
// remaining packets wait, without a limit of time, and even if the client or HTTP
// middleware has cancelled the request: the packets have arrived, and can neither be
// dropped nor be queued without a bound. Meanwhile the session refuses another POST.
// The end of the session ends the wait. held reports that takeAll has waited.
func (t *polling) takeAll(packets iter.Seq2[parser.Packet, error]) (held bool, _ *RequestError) {
	var left unfinished
	returned := false
	defer func() {
		left.start()
		if !returned { // the application has panicked, and the rest is lost
			t.s.shut(ReasonTransportError, errQuit, false)
		}
	}()
	held, e := t.takeEach(packets, &left)
	returned = true
	return held, e
}

// takeEach is takeAll without the recovery from a panic of the application.
func (t *polling) takeEach(packets iter.Seq2[parser.Packet, error], left *unfinished) (held bool, _ *RequestError) {
	taken := 0
	for p, err := range packets {
		if taken >= askEvery {
			taken = 0
			if t.s.recv.Backlog() != nil && t.s.state.Load() == stateOpen {
				held = true
				left.start() // or there is never room
				t.s.waitBacklog(nil)
				if t.s.state.Load() != stateOpen {
					return held, t.closedDuringPost(nil)
				}
			}
		}
		taken += len(p.Data) + packetCost
		if e, end := t.take(p, err, left); end {
			return held, e
		}
	}
	return held, nil
}

// take handles one packet of a POST. end reports that the packets behind it are not
// taken.
func (t *polling) take(p parser.Packet, err error, left *unfinished) (e *RequestError, end bool) {
	if err != nil {
		err = &failure{ReasonParseError, err}
	} else {
		var w Worker
		w, err = t.s.receive(p, true)
		left.add(w)
	}
	if err == nil {
		return nil, false
	}
	f := (*failure)(nil)
	if !errors.As(err, &f) {
		return nil, false
	}
	if f.reason == ReasonTransportClose { // the client asked for it
		t.s.shut(f.reason, f.err, false)
		return nil, true
	}
	t.breakOff(f.reason, f.err)
	return &RequestError{Code: CodeBadRequest, Context: f.Error(), read: true}, true
}

// closedDuringPost answers a POST of a session that has ended meanwhile. The POST is
// refused if an overlapping POST or breakOff has ended the session. A session that
// closes after its queued messages are sent accepts the POST and ignores the packets,
// except a close packet.
func (t *polling) closedDuringPost(body []byte) *RequestError {
	t.s.mu.Lock()
	over := t.s.state.Load() == stateReleased || t.farewell == farewellPost
	t.s.mu.Unlock()
	if over {
		return &RequestError{Code: CodeBadRequest, Context: "session ended", read: true}
	}
	if string(body) == closePacket || (t.s.v3 && string(body) == "1:"+closePacket) {
		t.s.release(nil)
	}
	return nil
}

// readBody reads the body into buf, within the limits of size and time.
func (t *polling) readBody(w http.ResponseWriter, r *http.Request, buf *[]byte) *RequestError {
	limit := t.s.srv.opts.MaxHTTPBufferSize
	if limit > 0 && r.ContentLength > limit {
		return t.tooLarge()
	}
	u, whole := t.beginBody(w), false
	defer func() { t.endBody(u, whole) }()
	body := (*buf)[:0]
	if n := r.ContentLength; n > int64(cap(body)) && n <= maxPooledBody {
		body = make([]byte, 0, n)
	}
	for {
		if len(body) == cap(body) {
			body = roomier(body, r.ContentLength)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		*buf = body
		if limit > 0 && int64(len(body)) > limit {
			return t.tooLarge()
		}
		switch {
		case err == io.EOF:
			whole = true
			return nil
		case err == nil:
		case t.s.state.Load() != stateOpen: // its end has cut this
			return &RequestError{Code: CodeBadRequest, Context: "session ended"}
		case errors.Is(err, os.ErrDeadlineExceeded):
			t.breakOff(ReasonTransportError, breach("body took too long (Limits.BodyTimeout)"))
			return &RequestError{Code: CodeBadRequest, Context: "body took too long (Limits.BodyTimeout)", Status: http.StatusRequestTimeout}
		case errors.As(err, new(*http.MaxBytesError)): // a limit of the framework's
			return t.tooLarge()
		default:
			t.breakOff(ReasonTransportError, errors.New("engine: data request connection closed prematurely"))
			return &RequestError{Code: CodeBadRequest, Context: "body ended early"}
		}
	}
}

// roomier returns a body with more room: as much as has arrived, not as was declared, and
// no more than that.
func roomier(body []byte, declared int64) []byte {
	more := max(len(body), 512)
	if rest := declared - int64(len(body)); rest > 0 && rest < int64(more) {
		more = int(rest) + 1 // its end is read, too
	}
	return slices.Grow(body, more)
}

// tooLarge ends the session, because the packets of the client are lost. The response
// has no body: clients report a body to their application as the details of the error.
func (t *polling) tooLarge() *RequestError {
	t.breakOff(ReasonTransportError, breach("body over Limits.MaxHTTPBufferSize"))
	return &RequestError{Code: CodeBadRequest, Context: "body over Limits.MaxHTTPBufferSize", Status: http.StatusRequestEntityTooLarge, bare: true}
}

// waitPostLocked waits until the session has no POST: the packets of a POST were sent
// before the upgrade. When the session has ended, waitPostLocked waits only for a POST
// that calls the Receiver; a POST that has not begun to do so never will (see
// startFeeding). waitPostLocked releases mu while it waits.
func (t *polling) waitPostLocked() {
	for t.post == postFeeding || t.post != postNone && t.s.state.Load() == stateOpen {
		if t.posted == nil {
			t.posted = make(chan struct{})
		}
		posted, ended := t.posted, t.s.endedLocked()
		if t.post == postFeeding {
			ended = nil
		}
		t.s.mu.Unlock()
		select {
		case <-posted:
		case <-ended:
		}
		t.s.mu.Lock()
	}
}
