package mounttest

import (
	"net/http"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/internal/assert"
)

// Pinned checks the mount that serve makes of a server which is pinned to the
// value that the framework's middleware stores under key, on every request:
// the header X-User. Who has only learnt a session id cannot use it.
func Pinned(t *testing.T, key any, serve func(t *testing.T, srv *socketio.Server) (url string)) {
	t.Helper()
	app := NewAppWith(t, socketio.Options{Pin: func(r *http.Request) string {
		user, _ := socketio.UpstreamValue(r, key).(string)
		return user
	}})
	owner := NewClient(t, serve(t, app.Server))
	other := NewClient(t, owner.url)
	owner.Header.Set("X-User", "ann")
	s := owner.Open()
	stolen := &Session{c: other, ID: s.ID}
	for _, user := range []string{"mallory", ""} {
		other.Header.Set("X-User", user)
		assert.Equal(t, "poll", other.Do("GET", stolen.suffix(), "").Status, http.StatusForbidden)
		assert.Equal(t, "POST", other.Do("POST", stolen.suffix(), `42["echo","stolen"]`).Status, http.StatusForbidden)
		a, _ := stolen.dial("?EIO=4&transport=websocket&sid=" + s.ID)
		assert.Equal(t, "upgrade", a.Status, http.StatusForbidden)
		s.Echo("mine")
		owner.Header.Set("X-User", user) // the same, over the owner's TCP connection
		assert.Equal(t, "poll", owner.Do("GET", s.suffix(), "").Status, http.StatusForbidden)
		owner.Header.Set("X-User", "ann")
	}
	s.Upgrade()
	s.Echo("still mine")
}
