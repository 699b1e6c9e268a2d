package docs_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gosio/gosio/auth"
	socketio "github.com/gosio/gosio/core"
	"github.com/gosio/gosio/core/siotest"
	"github.com/gosio/gosio/internal/assert"
)

// Member is what a token says of a member.
type Member struct {
	jwt.RegisteredClaims
	Projects []string `json:"projects"`
}

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

	exists := map[string]bool{"/a": true, "/b": true}
	secret := []byte("0123456789abcdef0123456789abcdef")
	guard := auth.JWT(auth.Config[Member]{Keys: auth.Secret(secret), Algorithms: []string{"HS256"}})
	// code: function
	projects := srv.OfFunc(func(name string, h *socketio.Handshake) bool {
		return exists[name] // is there such a project?
	})
	projects.Use(guard) // of package auth: who is it?
	projects.UseFunc(func(ctx context.Context, s *socketio.Socket) error {
		id, _ := auth.From[Member](s)
		if !slices.Contains(id.Claims.Projects, s.Namespace().Name()) {
			return &socketio.ConnectError{Message: "not your project"}
		}
		return nil
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
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, Member{jwt.RegisteredClaims{
		Subject: "ada", ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}, []string{"/a"}}).SignedString(secret)
	assert.NoError(t, err)
	mine := map[string]any{"token": token, "projects": []string{"/b", "/c"}} // whatever it says beside
	siotest.Dial(t, srv, siotest.Options{Namespace: "/a", Auth: mine}).Expect("project")
	assert.Equal(t, "b", siotest.Refused(t, srv, siotest.Options{Namespace: "/b", Auth: mine}).Message, "not your project")
	assert.Equal(t, "c", siotest.Refused(t, srv, siotest.Options{Namespace: "/c", Auth: mine}).Message, "Invalid namespace")

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
