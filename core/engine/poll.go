package engine

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gosio/gosio/core/engine/internal/compress"
	"github.com/gosio/gosio/core/engine/internal/outbox"
)

// servePoll answers a GET, when something is queued or the session ends.
func (t *polling) servePoll(w http.ResponseWriter, r *http.Request) {
	p := &poll{wake: make(chan struct{}, 1)}
	t.s.mu.Lock()
	t.noteContactLocked(contactSeen)
	switch {
	case t.s.ws.Load() != nil || t.s.state.Load() == stateReleased:
		t.s.mu.Unlock()
		t.s.srv.report.refuseAt(slog.LevelDebug, w, r, &RequestError{Code: CodeBadRequest, Context: "poll on a session that has moved on"})
		return
	case t.farewell == farewellPost && len(t.queue.Msgs) == 0 && t.poll == nil:
		t.refuseAfterPostLocked(w, r, p)
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

// refuseAfterPostLocked answers a GET that was on its way when a POST broke the
// rules: the answer to that says why, and comes first. It releases mu.
func (t *polling) refuseAfterPostLocked(w http.ResponseWriter, r *http.Request, p *poll) {
	t.poll = p
	if t.refused {
		time.AfterFunc(afterPost, p.wakeUp)
	}
	t.s.mu.Unlock()
	park(w, r, p, false)
	t.s.mu.Lock()
	t.poll = nil
	over := t.refused
	t.s.mu.Unlock()
	if over {
		t.s.release(nil)
	}
	t.s.srv.report.refuseAt(slog.LevelDebug, w, r, &RequestError{Code: CodeSessionIDUnknown, Context: "session was ended by a POST"})
}

// answerPollLocked answers a GET with what is queued, a noop if that is nothing. The
// GET of a handshake is no poll. A session that is being closed ends with a
// close packet of its own: the stock client handles one before the messages
// that come with it. It releases mu.
func (t *polling) answerPollLocked(w http.ResponseWriter, r *http.Request, p *poll) {
	taken := t.queue.Take()
	batch, size := taken.Msgs, int(outbox.SizeOf(taken.Msgs))
	moved := t.s.ws.Load() != nil
	closed, farewell := !moved && t.s.state.Load() != stateOpen, t.farewell
	t.answers++
	t.s.mu.Unlock()
	end := ""
	switch {
	case len(batch) > 0:
	case closed && farewell != farewellClient:
		end = closePacket
		if t.s.srv.table.isClosed() { // a balancer of connections then chooses anew for the client
			w.Header().Set("Connection", "close")
		}
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
	if err == nil {
		taken.Tell()
	}
	outbox.Recycle(batch)
	if !t.creditPoll(size, false) {
		_ = http.NewResponseController(w).Flush() // fails on fasthttp, which writes later: then the POST's answer may come first
		t.creditPoll(size, true)
	}
	if credited = true; err == nil {
		t.s.flushed(taken.Done())
	}
	answered = true
	if err != nil && (!moved || lost) {
		t.s.shut(ReasonTransportError, err, false)
	}
}

// errNoAnswer ends a session if the application panics while a poll is answered.
var errNoAnswer = errors.New("engine: the answer to a poll was not written")

// errPollGone is the reference's text for it.
var errPollGone = errors.New("engine: poll connection closed prematurely")

// respond writes a payload: the batch, then the control packet, if any.
func (t *polling) respond(w http.ResponseWriter, r *http.Request, batch []outbox.Message, end string, initial bool) error {
	pooled := bodies.Get().(*[]byte)
	defer putBody(pooled)
	body := (*pooled)[:0]
	h := w.Header()
	h["Content-Type"] = headerText
	if t.s.v3 {
		var binary bool
		if body, binary = outbox.AppendPayloadV3(body, batch, end); binary {
			h["Content-Type"] = headerOctets
		}
	} else {
		body = outbox.AppendPayload(body, batch, end)
	}
	*pooled = body
	h["Cache-Control"] = headerNoStore
	if t.s.srv.opts.HTTPCompression > 0 {
		packed := bodies.Get().(*[]byte)
		defer putBody(packed)
		body = compress.Response(h, r, body, packed, outbox.MayCompress(batch), t.s.srv.opts.HTTPCompression)
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	if f := t.s.srv.opts.Headers; f != nil {
		f(h, r, initial)
	}
	return t.writeBody(w, body)
}

// writeBody gives the peer WriteTimeout to take each part of a body: one that
// does not read must not hold the goroutine. net/http takes the deadline away
// when the request is over.
func (t *polling) writeBody(w http.ResponseWriter, body []byte) error {
	w.WriteHeader(http.StatusOK) // not left to Write: a compressor may take the length away here, and only here
	rc := http.NewResponseController(w)
	for part := range slices.Chunk(body, maxPooledBody) {
		if d := t.s.srv.opts.WriteTimeout; d > 0 {
			_ = rc.SetWriteDeadline(time.Now().Add(d)) // where there is none, the server's own holds
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}
