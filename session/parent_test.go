package session_test

import (
	"context"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
	"github.com/gosio/gosio/session"
)

// TestSessionsOfAParent: a logout reaches the sockets of all children.
func TestSessionsOfAParent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := session.NewMemory("sid", time.Hour)
		srv := socketio.NewServer(nil)
		defer srv.Close()
		sessions := session.New(store, session.Config{User: user})
		parent := srv.OfRegexp(regexp.MustCompile(`^/board-\d+$`))
		parent.Use(sessions)
		parent.On("who", func(s *socketio.Socket) string { return s.Identity() + s.Namespace().Name() })
		o := cookie(store.Cookie(""))
		o.Namespace = "/board-1"
		refusedWith(t, srv, o, session.CodeMissing)

		id := store.Create(map[string]any{"user": "alice"})
		o = cookie(store.Cookie(id))
		o.Namespace = "/board-1"
		one := siotest.Dial(t, srv, o)
		two := one.Of("/board-2", nil)
		assert.Equal(t, "who", one.Call("who").String()+two.Call("who").String(), `["alice/board-1"]["alice/board-2"]`)
		for _, c := range []*siotest.Client{one, two} { // the first of them is told why
			c.On("session:ended", func(*siotest.Message) {})
		}
		assert.NoError(t, sessions.Logout(context.Background(), id))
		one.ExpectDisconnect(siotest.TransportClose)
		two.ExpectDisconnect(siotest.TransportClose)
		synctest.Wait()
		assert.Equal(t, "no child is left", len(parent.Children()), 0)
		refusedWith(t, srv, o, session.CodeMissing)
	})
}
