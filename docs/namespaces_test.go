package docs_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"testing"

	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

func TestNamespaces(t *testing.T) {
	t.Parallel()
	srv := start(t, nil)
	// code: of
	chat := srv.Of("/chat")
	chat.On("message", func(s *socketio.Socket, text string) error {
		return chat.Emit("message", s.ID(), text) // to the members of /chat
	})

	admin := srv.Of("/admin")
	admin.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if s.Handshake().DecodeAuth(&auth) != nil || auth.Token != "s3cret" {
			return &socketio.ConnectError{Message: "not for you"}
		}
		return nil
	})
	admin.On("close chat", func() error { return chat.DisconnectSockets(false) })
	// end

	log := make(chan string, 10)
	// code: regexp
	tenants := srv.OfRegexp(regexp.MustCompile(`^/tenant-[0-9]+$`))
	tenants.On("message", func(s *socketio.Socket, text string) error {
		return s.Namespace().Emit("message", text) // to this tenant
	})
	announce := func(text string) error { return tenants.Emit("announcement", text) } // to all
	one := func(id int) *socketio.Namespace { return tenants.Child(fmt.Sprintf("/tenant-%d", id)) }
	srv.OnNewNamespace(func(ns *socketio.Namespace) { log <- "made " + ns.Name() })
	// end

	// code: function
	projects := srv.OfFunc(func(name string, h *socketio.Handshake) bool {
		var auth struct{ Projects []string }
		return h.DecodeAuth(&auth) == nil && slices.Contains(auth.Projects, name)
	})
	projects.OnConnect(func(s *socketio.Socket) { s.Emit("project", s.Namespace().Name()) })
	// end

	tenant := siotest.Dial(t, srv, siotest.Options{Namespace: "/tenant-7"})
	assert.Equal(t, "log", <-log, "made /tenant-7")
	tenant.Emit("message", "mine")
	tenant.Expect("message")
	assert.NoError(t, announce("hello"))
	tenant.Expect("announcement")
	assert.NoError(t, one(7).Emit("for you"))
	tenant.Expect("for you")
	siotest.Refused(t, srv, siotest.Options{Namespace: "/tenant-x"})
	mine := map[string][]string{"projects": {"/a"}}
	siotest.Dial(t, srv, siotest.Options{Namespace: "/a", Auth: mine}).Expect("project")
	siotest.Refused(t, srv, siotest.Options{Namespace: "/b", Auth: mine})

	// code: connect
	chat.OnConnect(func(s *socketio.Socket) {
		s.Join("lobby")
		s.Emit("welcome", len(chat.Sockets()))
		s.To("lobby").Emit("joined", s.ID())
	})
	// end

	c := siotest.Dial(t, srv, siotest.Options{Namespace: "/chat"})
	var n int
	c.Expect("welcome", &n)
	assert.Equal(t, "members", n, 1)
	c.Emit("message", "hi")
	var from, text string
	c.Expect("message", &from, &text)
	assert.Equal(t, "text", text, "hi")
	assert.Equal(t, "refusal", siotest.Refused(t, srv, siotest.Options{Namespace: "/admin"}).Message, "not for you")
	c.Of("/admin", map[string]string{"token": "s3cret"}).Emit("close chat")
	c.ExpectDisconnect(siotest.ServerDisconnect)
	assert.Equal(t, "unknown", siotest.Refused(t, srv, siotest.Options{Namespace: "/x"}).Message, "Invalid namespace")
}
