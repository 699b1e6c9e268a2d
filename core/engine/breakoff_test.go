package engine_test

import (
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
		h.ended(engine.ParseError)
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
				h.ended(engine.ParseError)
				h.forgotten()
			})
		})
	}
}
