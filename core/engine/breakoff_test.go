package engine_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

// TestPostRefusedFirst: a poll that has nothing but the end of the session to tell
// waits until the refusal of the POST, which says why, has had its time.
func TestPostRefusedFirst(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body   string
		header []string
		status int
		answer string
	}{
		"too large": {"4" + strings.Repeat("x", 100), nil, 413, ""},
		"packet":    {"9", nil, 400, badRequest},
		"ping":      {"2", nil, 400, badRequest},
		"UTF-8":     {"4\xff", nil, 400, badRequest},
		"binary":    {"4x", []string{"Content-Type", "application/octet-stream"}, 400, badRequest},
		"encoded":   {"4x", []string{"Content-Encoding", "gzip"}, 415, `{"code":3,"message":"Content-Encoding is not supported"}`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{opts: engine.Options{MaxHTTPBufferSize: 100}})
				sid := h.open()
				poll := h.poll(sid)
				r := h.do(request{method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader(tt.body), header: tt.header})
				r.refused(t, tt.status, tt.answer)
				synctest.Wait()
				assert.Equal(t, "polls that have ended", len(poll), 0)
				begun := time.Now()
				h.answered(poll, "1")
				assert.True(t, "soon", time.Since(begun) < time.Second)
				h.get(sid).refused(t, 400, unknown)
			})
		})
	}
}

// TestPollOnItsWay: a poll that reaches the server when a POST has broken the rules
// is refused, and not before the POST. The session does not stay for long, also if
// none comes.
func TestPollOnItsWay(t *testing.T) {
	t.Parallel()
	for _, answered := range []bool{false, true} {
		t.Run(fmt.Sprintf("POST answered %t", answered), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				release := make(chan struct{})
				a := newApp()
				a.over = func() { <-release }
				h := serveIn(t, setup{app: a})
				sid := h.open()
				post := make(chan reply, 1)
				go func() {
					post <- h.try(request{method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader("9")})
				}()
				h.ended(engine.ReasonParseError)
				if answered {
					close(release)
					await(h, "the POST", post).refused(t, 400, badRequest)
				}
				begun := time.Now()
				poll := h.poll(sid)
				if !answered {
					<-time.After(time.Second)
					assert.Equal(t, "polls that have ended", len(poll), 0)
					begun = time.Now()
					close(release)
					await(h, "the POST", post).refused(t, 400, badRequest)
				}
				await(h, "the poll", poll).refused(t, 400, unknown)
				assert.Equal(t, "after", time.Since(begun), 100*time.Millisecond)
				<-time.After(time.Second) // less than CloseTimeout
				begun = time.Now()
				h.get(sid).refused(t, 400, unknown)
				assert.Equal(t, "later", time.Since(begun), 0)
				h.forgotten()
			})
		})
	}
}

// TestNoPollOnItsWay: without one the session is forgotten all the same, and sooner
// than one that has something to tell.
func TestNoPollOnItsWay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := serveIn(t, setup{})
		sid := h.open()
		h.post(sid, "9").refused(t, 400, badRequest)
		<-time.After(time.Second) // less than CloseTimeout
		begun := time.Now()
		h.get(sid).refused(t, 400, unknown)
		assert.Equal(t, "at once", time.Since(begun), 0)
		h.forgotten()
	})
}

// TestClosedKeepsPoll: an application whose Closed does not return keeps the POST
// that has broken the rules, but not the poll: the end of the POST, CloseTimeout or
// the end of the server answers that.
func TestClosedKeepsPoll(t *testing.T) {
	t.Parallel()
	const soon = 100 * time.Millisecond
	for name, tt := range map[string]struct {
		over  func() // nil: waits until the poll is answered
		close bool
		after time.Duration
	}{
		"panics":             {func() { panic(http.ErrAbortHandler) }, false, soon}, // net/http does not log this one
		"ends the goroutine": {runtime.Goexit, false, soon},
		"blocks":             {nil, false, 5 * time.Second},
		"blocks, shutdown":   {nil, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				release := make(chan struct{})
				a := newApp()
				if a.over = tt.over; a.over == nil {
					a.over = func() { <-release }
				}
				h := serveIn(t, setup{app: a, opts: engine.Options{CloseTimeout: 5 * time.Second}})
				sid := h.open()
				poll := h.poll(sid)
				begun := time.Now()
				post := make(chan reply, 1)
				go func() {
					post <- h.try(request{method: "POST", query: "&transport=polling&sid=" + sid, body: strings.NewReader("9")})
				}()
				h.ended(engine.ReasonParseError)
				if tt.close {
					go h.srv.Close()
				}
				h.answered(poll, "1")
				assert.Equal(t, "after", time.Since(begun), tt.after)
				close(release)
				await(h, "the end of the POST", post)
			})
		})
	}
}

// TestAnswersLeaveBeforeRefusal: they have left when the POST is refused, even if a
// middleware keeps the poll: net/http holds a short body back until then.
func TestAnswersLeaveBeforeRefusal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		release := make(chan struct{})
		h := serveIn(t, setup{wrap: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r)
				if r.Header.Get("Poll") != "" {
					<-release
				}
			})
		}})
		sid := h.open()
		poll := h.poll(sid)
		h.post(sid, "4a\x1e9").refused(t, 400, badRequest)
		synctest.Wait()
		assert.Equal(t, "polls that have ended", len(poll), 1)
		h.answered(poll, "4a")
		close(release)
		h.ended(engine.ReasonParseError)
	})
}

// TestAnsweredBeforeRefused: what the application has answered before a POST broke
// the rules reaches the client, and does so first: the stock client drops its poll
// at the refusal.
func TestAnsweredBeforeRefused(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{})
		sid := h.open()
		poll := h.poll(sid)
		h.post(sid, "4a\x1e4b\x1e9").refused(t, 400, badRequest)
		r := await(h, "the poll", poll)
		assert.NoError(t, r.err)
		rest := ""
		if r.body == "4a" { // it left before the next packet was read
			rest = h.get(sid).body
		}
		assert.Equal(t, "echoes", strings.TrimSuffix(r.body+"\x1e"+rest, "\x1e"), "4a\x1e4b")
		h.ended(engine.ReasonParseError)
		h.get(sid).refused(t, 400, unknown)
	})
}

// TestAnswersOfRefused: without a poll they wait for one, but not for long.
func TestAnswersOfRefused(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{"in time": time.Second, "late": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := serveIn(t, setup{})
				sid := h.open()
				h.post(sid, "4a\x1e9").refused(t, 400, badRequest)
				h.post(sid, "4b") // is of no use any more
				<-time.After(after)
				if name == "in time" {
					h.get(sid).refused(t, 200, "4a")
				}
				h.get(sid).refused(t, 400, unknown)
				h.ended(engine.ReasonParseError)
				h.forgotten()
			})
		})
	}
}
