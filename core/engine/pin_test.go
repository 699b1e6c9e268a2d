package engine_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gosio/gosio/core/engine"
	"github.com/gosio/gosio/internal/assert"
)

const forbidden = `{"code":4,"message":"Forbidden"}`

func user(r *http.Request) string { return r.URL.Query().Get("user") }

// TestPin: a session id that has leaked is worth nothing to another user: with
// it nobody reads, sends, takes the session over, or disturbs its owner.
func TestPin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, owner, other string
		refused            bool
	}{
		{"same user", "&user=alice", "&user=alice", false},
		{"nobody, both times", "", "", false},
		{"another user", "&user=alice", "&user=mallory", true},
		{"nobody", "&user=alice", "", true},
		{"a prefix", "&user=alice", "&user=alic", true},
		{"signed in since", "", "&user=alice", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, serve starter) {
				h := serve(t, setup{opts: engine.Options{Pin: user}})
				sid := sidOf(h.do(request{query: "&transport=polling" + tt.owner}).body)
				post := func() reply { return h.post(sid+tt.other, "4stolen") }
				upgrade := func() int {
					return h.dial().http(upgradeRequest("&transport=websocket&sid="+sid+tt.other, keyHeaders)).StatusCode
				}
				if !tt.refused {
					h.posted(sid+tt.other, "4mine")
					assert.Equal(t, "echo", h.get(sid+tt.other).body, "4mine")
					assert.Equal(t, "upgrade", upgrade(), http.StatusSwitchingProtocols)
					return
				}
				waiting := h.poll(sid + tt.owner)
				h.get(sid+tt.other).refused(t, http.StatusForbidden, forbidden)
				post().refused(t, http.StatusForbidden, forbidden)
				assert.Equal(t, "upgrade", upgrade(), http.StatusForbidden)
				h.alive()
				h.posted(sid+tt.owner, "4mine")
				h.answered(waiting, "4mine")
			})
		})
	}
}

// TestPinWebSocket: a session that has no later requests has nothing to pin,
// and one whose owner is on WebSocket cannot be found out about.
func TestPinWebSocket(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		h := serve(t, setup{opts: engine.Options{Pin: user}})
		c, sid := h.wsOpen("&user=alice")
		h.get(sid+"&user=mallory").refused(t, http.StatusForbidden, forbidden)
		h.get(sid+"&user=alice").refused(t, http.StatusBadRequest, badRequest)
		c.send("4still mine")
		c.expect("4still mine")
	})
}

// TestPinIsAskedOnce for each request of a session, and not for those of none.
func TestPinIsAskedOnce(t *testing.T) {
	both(t, func(t *testing.T, serve starter) {
		asked := make(chan string, 8)
		h := serve(t, setup{opts: engine.Options{Pin: func(r *http.Request) string {
			asked <- r.Method + " " + r.URL.Query().Get("transport")
			return "alice"
		}}})
		sid := h.open()
		h.posted(sid, "4x")
		h.get(sid)
		h.do(request{query: "&transport=polling&sid=unknown"}).refused(t, http.StatusBadRequest, unknown)
		close(asked)
		var got []string
		for a := range asked {
			got = append(got, a)
		}
		assert.Equal(t, "asked", strings.Join(got, ", "), "GET polling, POST polling, GET polling")
	})
}
